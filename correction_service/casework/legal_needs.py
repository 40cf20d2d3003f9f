"""What the law asks of an office and waits: orders, searches, moves, measures, objections, clocks.

People whom something presses have a line each; what has a list of its own has one line for it.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.assessment import levels, objections
from correction_service.casework import clocks, order_proposals
from correction_service.casework.needs import MOST, SOON_WITHIN, Item, Need, counted, queue
from correction_service.discipline import measures
from correction_service.enforcement import plans, transfers
from correction_service.hardware import collections
from correction_service.scope import visible
from correction_service.searches import searches
from models.assessment import LevelSuggestion, Objection
from models.device import Binding
from models.discipline import Measure, MeasureState
from models.incident import Severity
from models.order_proposal import OrderProposal
from models.plan import CorrectionPlan
from models.user import Permission, User


def items(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """Return what waits in the user's offices for a step that their role may take."""
    if user.may(Permission.APPROVE_ORDERS):
        yield from _orders(session, order_proposals.to_decide(user), Need.ORDER, now)
    if user.may(Permission.SUPERVISE):
        yield from _orders(session, order_proposals.sent_back(user), Need.ORDER_BACK, now)
        yield from _searches(session, user, now)
        yield from _clocks(session, user, now)
        yield from _plans(session, user, now)
        yield from _papers(session, user)
        yield from queue(session, Need.LEVELS, levels.to_decide(user), LevelSuggestion.made_at)
    if user.may(Permission.ENROL):
        yield from _bracelets(session, user, now)
    yield from _moves(session, user)
    if user.may(Permission.DECIDE):
        yield from queue(session, Need.MEASURES, measures.to_decide(user), Measure.prepared_at)
        yield from _objections(session, user, now)


def _orders(
    session: Session, query: Select[OrderProposal], need: Need, now: datetime
) -> Iterator[Item]:
    for it in session.scalars(query.limit(MOST)):
        soon = need is Need.ORDER and it.starts_on <= hours.local_day(now + SOON_WITHIN)
        severity = Severity.SOON if soon else Severity.WATCH
        yield Item(need, severity, it.answered_at or it.prepared_at, case=it.case, subject=it)


def _searches(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """Drafts that nobody declared or dropped, and searches past a day of the law."""
    today = hours.local_day(now)
    for record in session.scalars(searches.pressing(user, today).limit(MOST)):
        passed = searches.passed(record, today)
        since = hours.day_end(passed[-1].day) if passed else record.drafted_at
        yield Item(Need.SEARCH, Severity.SOON, since, case=record.case, subject=record)


def _moves(session: Session, user: User) -> Iterator[Item]:
    for move in session.scalars(transfers.to_step(user).limit(MOST)):
        since = move.replied_at or hours.day_start(move.asked_on)
        yield Item(Need.MOVE, Severity.WATCH, since, case=move.case, subject=move)


def _clocks(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """One line for the clocks of the law that are over or about to be."""
    pressing = clocks.running(session, visible(user), now, by=now + SOON_WITHIN)
    due = [it.due.at for it in pressing if it.due.at]
    if due:
        over = Severity.SOON if min(due) <= now else Severity.WATCH
        yield Item(Need.CLOCKS, over, min(due), due=min(due), count=len(due))


def _bracelets(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """One line for the bracelets that are out without an order: they come off at once (LCC 29)."""
    count, off = counted(session, collections.due(user, now), Binding.unbound_at)
    if count:
        yield Item(Need.BRACELETS, Severity.SOON, off or now, count=count)


def _plans(session: Session, user: User, now: datetime) -> Iterator[Item]:
    """One line for the plans whose day has come."""
    query = plans.to_review(user, hours.local_day(now))
    count, day = counted(session, query, CorrectionPlan.review_on)
    if count:
        yield Item(Need.PLANS, Severity.WATCH, hours.day_start(day), count=count)


def _papers(session: Session, user: User) -> Iterator[Item]:
    """One line for decided measures that are still to be served or copied."""
    decided = measures.waiting(user).where(Measure.state != MeasureState.PREPARED)
    yield from queue(session, Need.PAPERS, decided, Measure.prepared_at)


def _objections(session: Session, user: User, now: datetime) -> Iterator[Item]:
    count, day = counted(session, objections.to_answer(user), Objection.due_on)
    if count:
        due = hours.day_end(day)
        severity = Severity.SOON if due - now < SOON_WITHIN else Severity.WATCH
        yield Item(Need.OBJECTIONS, severity, due, due=due, count=count)
