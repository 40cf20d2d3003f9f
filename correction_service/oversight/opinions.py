"""Opinions of the procurator: entered for an agency or on a case, answered by its head (LCC 62).

The last day to answer comes from the law's limits. Neither an opinion nor its answer is changed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours
from correction_service.law import legal_days
from correction_service.law.limits import bounds_of
from correction_service.scope import agency_ids, case_for, visible
from models.agency import Agency
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.opinion import Opinion, OpinionAnswer, OpinionKind, written
from models.outbox import Outbox
from models.user import Permission, User

MOST_TEXT, MOST_NUMBER = 4000, 64


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What the procurator writes: of which kind, on a case or on an agency's work."""

    kind: OpinionKind
    text: str
    number: str
    case_id: int | None = None
    agency_id: int | None = None


def enter(session: Session, user: User, writing: Writing, now: datetime) -> Opinion:
    """Enter an opinion; the head finds it on the list of what waits."""
    if not user.may(Permission.OVERSEE):
        raise Forbidden("Your role does not include this.")
    case = case_for(session, user, writing.case_id) if writing.case_id is not None else None
    agency_id = case.agency_id if case else _agency(session, user, writing.agency_id)
    text, number = written(writing.text, writing.number)
    _check_length(text, number)
    if session.scalar(select(Opinion.id).where(_numbered(agency_id, number))) is not None:
        raise Refused("An opinion with this number was entered already.", field="number")
    limit = bounds_of(session)[f"opinion_{writing.kind.value}"]
    calendar, today = legal_days.calendar_of(session), hours.local_day(now)
    within: dict[str, Any] = {limit.unit: limit.value}
    opinion = Opinion(
        agency_id=agency_id,
        case=case,
        kind=writing.kind,
        number=number,
        text=text,
        due_on=calendar.deadline(today, **within).day,
        basis=f"{limit.basis} ({limit.mark.value})",
        made_by=user.id,
        made_at=now,
    )
    session.add(opinion)
    return _told(session, opinion, now)


def _agency(session: Session, user: User, agency_id: int | None) -> int:
    """One of the agencies that the user stands for; theirs where none is named."""
    theirs = agency_ids(user.agency_id)
    named = user.agency_id if agency_id is None else agency_id
    if session.scalar(select(Agency.id).where(Agency.id == named, Agency.id.in_(theirs))) is None:
        raise NotFound("There is no such agency in your sight.")
    return named


def _numbered(agency_id: int, number: str) -> ColumnElement[bool]:
    return and_(Opinion.agency_id == agency_id, Opinion.number == number)


def _check_length(text: str, number: str) -> None:
    if len(text) > MOST_TEXT:
        raise Invalid("At most 4000 characters fit here.", field="text")
    if len(number) > MOST_NUMBER:
        raise Invalid("At most 64 characters fit here.", field="number")


def answer(
    session: Session,
    user: User,
    opinion_id: int,
    *,
    taken_up: bool,
    text: str,
    number: str,
    now: datetime,
) -> OpinionAnswer:
    """The head of the agency answers, once and in writing."""
    opinion = opinion_for(session, user, opinion_id)
    if not user.may(Permission.DECIDE) or user.agency_id != opinion.agency_id:
        raise Forbidden("The head of the agency that it is for answers.")
    session.execute(select(Opinion.id).where(Opinion.id == opinion.id).with_for_update())
    if session.get(OpinionAnswer, opinion.id) is not None:
        raise Refused("This opinion was answered already.", code="already_answered")
    kept, letter = written(text, number)
    _check_length(kept, letter)
    made = OpinionAnswer(
        opinion_id=opinion.id,
        taken_up=taken_up,
        number=letter,
        text=kept,
        made_by=user.id,
        made_at=now,
    )
    session.add(made)
    _told(session, opinion, now)
    return made


def opinion_for(session: Session, user: User, opinion_id: int) -> Opinion:
    """An opinion that the user may read; one of another agency does not exist for them."""
    opinion = session.scalar(of(user).where(Opinion.id == opinion_id))
    if opinion is None:
        raise NotFound("There is no such opinion in your offices.")
    return opinion


def of(user: User) -> Select[Opinion]:
    """Opinions on the agencies that the user sees and on cases that they see."""
    query = select(Opinion).outerjoin(Opinion.case)
    theirs = Opinion.agency_id.in_(agency_ids(user.agency_id))
    query = query.where(theirs, or_(Opinion.case_id.is_(None), visible(user)))
    case = joinedload(Opinion.case)
    beside = (case.joinedload(Case.person), joinedload(Opinion.agency), joinedload(Opinion.answer))
    return query.options(*beside).order_by(Opinion.id.desc())


def to_answer(user: User) -> Select[Opinion]:
    """Opinions that wait for this head's answer, the nearest day first."""
    waiting = of(user).where(Opinion.agency_id == user.agency_id, ~Opinion.answer.has())
    return waiting.order_by(None).order_by(Opinion.due_on, Opinion.id)


def _told(session: Session, opinion: Opinion, now: datetime) -> Opinion:
    session.flush()
    payload = {"kind": "opinion", "id": opinion.id}
    of_all = {"topic": "live", "agency_id": opinion.agency_id, "office_id": None}
    session.add(Outbox(**of_all, payload=payload, created_at=now))
    return opinion
