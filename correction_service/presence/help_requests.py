"""Requests for help from the phone page: asked, waiting for an officer, dealt with."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.scope import case_for
from models.case import Case
from models.errors import Invalid, NotFound
from models.help_request import HelpKind, HelpRequest
from models.user import Permission, User


def ask(session: Session, case: Case, kind: HelpKind, now: datetime) -> HelpRequest:
    """Ask once; asking again while it is open changes nothing."""
    same = select(HelpRequest).where(
        HelpRequest.case_id == case.id,
        HelpRequest.kind == kind,
        HelpRequest.handled_at.is_(None),
    )
    found = session.scalar(same)
    if found is not None:
        return found
    made = HelpRequest(case_id=case.id, kind=kind, at=now)
    session.add(made)
    session.flush()
    outbox.live(session, case, "help", made.id, now)
    return made


def open_of(session: Session, case: Case) -> Sequence[HelpRequest]:
    """Return what a person has asked and nobody has dealt with."""
    asked = (HelpRequest.case_id == case.id, HelpRequest.handled_at.is_(None))
    return session.scalars(select(HelpRequest).where(*asked).order_by(HelpRequest.id)).all()


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
