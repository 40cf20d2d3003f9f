"""Requests for help from the phone page: asked, waiting for an officer, dealt with."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, or_, select
from sqlalchemy import case as case_when
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.scope import case_for
from models.case import Case
from models.checkin import CheckInDuty
from models.errors import Invalid, NotFound
from models.help_request import HelpKind, HelpRequest
from models.user import Permission, User

OTHER_WAYS = frozenset({HelpKind.CALL_BACK, HelpKind.VIDEO_CALL, HelpKind.VISIT})


def ask(
    session: Session, case: Case, kind: HelpKind, now: datetime, *, beside: bool = False
) -> HelpRequest:
    """Ask once; asking again while it is open changes nothing.

    But what was asked `beside` a check-in is asked again to be another way of checking in.
    """
    same = select(HelpRequest).where(
        HelpRequest.case_id == case.id,
        HelpRequest.kind == kind,
        HelpRequest.handled_at.is_(None),
    )
    instead = now if kind in OTHER_WAYS and not beside else None
    found = session.scalar(same)
    if found is not None:
        found.other_way_at = found.other_way_at or instead
        return found
    made = HelpRequest(case_id=case.id, kind=kind, at=now, other_way_at=instead)
    session.add(made)
    session.flush()
    outbox.live(session, case, "help", made.id, now)
    return made


def open_of(session: Session, case: Case) -> Sequence[HelpRequest]:
    """Return what a person has asked and nobody has dealt with."""
    asked = (HelpRequest.case_id == case.id, HelpRequest.handled_at.is_(None))
    return session.scalars(select(HelpRequest).where(*asked).order_by(HelpRequest.id)).all()


def standing(session: Session, case: Case) -> set[HelpKind]:
    """Return what to ask for again would change nothing."""
    asked = open_of(session, case)
    return {it.kind for it in asked if it.kind not in OTHER_WAYS or it.other_way_at is not None}


def instead_of(
    duty: type[CheckInDuty], until: SQLColumnExpression[datetime | None]
) -> ColumnElement[bool]:
    """Match what was asked in a duty's time, and another way asked for before and not given yet.

    The page says that asking costs nothing, and does not let the same be asked twice. A call asked
    for beside a check-in is no other way: it stands for that day's alone.
    """
    pending = or_(HelpRequest.handled_at.is_(None), HelpRequest.handled_at >= duty.opens_at)
    owed = and_(HelpRequest.other_way_at <= until, pending)
    asked_now = HelpRequest.at.between(duty.opens_at, until)
    return and_(HelpRequest.case_id == duty.case_id, or_(asked_now, owed))


def asked_at(duty: type[CheckInDuty]) -> ColumnElement[datetime]:
    """When what stands for a duty was asked: first beside a check-in, it may be again."""
    again = HelpRequest.other_way_at <= duty.missed_after
    return case_when((again, HelpRequest.other_way_at), else_=HelpRequest.at)


def handle(session: Session, user: User, request_id: int, note: str, now: datetime) -> HelpRequest:
    """Close a request with what was done for the person."""
    request = session.get(HelpRequest, request_id, with_for_update=True)
    if request is None:
        raise NotFound("There is no such request.")
    case = case_for(session, user, request.case_id, Permission.SUPERVISE)
    if not note.strip():
        raise Invalid("Say what was done.", field="note")
    request.handle(user.id, now, note)
    session.flush()
    outbox.live(session, case, "help", request.id, now)
    return request
