"""Points by hand: what no sweep can see, proposed by one officer and confirmed by another.

A stand-in that was proved, a certificate, a brave act: each rests on a fact of the file that a
person found true, or on a document by its number. A day of lateness is one proposal.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.casework import points
from correction_service.discipline import facts
from correction_service.people.cases import open_case_for
from models.case import ENDED, Case
from models.discipline import FactKind
from models.errors import Invalid, Refused
from models.points import PointsDraft, Rulebook
from models.user import Permission, User

ITEMS = (
    "stand_in",
    "leave_signoff_late",
    "false_material",
    "certificate_gained",
    "steady_job",
    "brave_act",
)
NAMED = frozenset({*FactKind, *facts.GROUNDLESS})  # what stands before a colon in a fact's key
MOST_FACT = 64  # characters of a key


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An item of the rulebook, its day, and a fact like checkin:17 or a document's number."""

    item: str
    happened_on: date
    fact: str


def propose(
    session: Session, user: User, case_id: int, proposal: Proposal, now: datetime
) -> PointsDraft:
    """Draft points on a fact or document; it counts once somebody else confirms it.

    Refused for a fact that is not found true, is protected, or carries such a draft already.
    """
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    day = proposal.happened_on
    if day > hours.local_day(now):
        raise Invalid("This day is still to come.", field="happened_on")
    if not case.days_under(day, day):
        raise Invalid("The person was not under correction on this day.", field="happened_on")
    if proposal.item not in ITEMS:
        raise Invalid("Choose one of the list.", field="item")
    book = points.rulebook_on(session, day, case.agency_id)
    fact = _fact(session, case, proposal.fact.strip())
    _refuse_drafted(session, case, proposal.item, fact)
    draft = points.proposed(book, case.id, proposal.item, fact, day)
    draft.evidence, draft.made_at = {"by": user.id}, now
    session.add(draft)
    session.flush()
    outbox.live(session, case, "points_draft", draft.id, now)
    return draft


def _fact(session: Session, case: Case, named: str) -> str:
    """Key of the fact; whatever names no row of the file is a document."""
    if not named:
        raise Invalid("Give the number of the document.", field="facts")
    kind, colon, _ = named.partition(":")
    key = named if colon and kind in NAMED else f"{FactKind.DOCUMENT}:{named}"
    if len(key) > MOST_FACT:
        raise Invalid("This number of a document is too long.", field="facts")
    [fact] = facts.linked(session, case, [key])
    return fact.key


def _refuse_drafted(session: Session, case: Case, item: str, fact: str) -> None:
    same = select(PointsDraft.id).where(
        PointsDraft.case_id == case.id, PointsDraft.item == item, PointsDraft.fact == fact
    )
    if session.scalar(same) is not None:
        raise Refused("This item was proposed for this fact before.", field="facts")


def choices(session: Session, case: Case, day: date) -> list[tuple[str, Rulebook]]:
    """Return what can be proposed now, each with the rulebook that prices it."""
    if case.state in ENDED:
        return []
    try:
        book = points.rulebook_on(session, day, case.agency_id)
    except Refused:
        return []
    return [(item, book) for item in ITEMS if book.prices(item)]
