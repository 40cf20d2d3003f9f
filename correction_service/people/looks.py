"""Who looked at what of a person, and what for: shown to the person themselves (PIPL 44, 45).

The log names accounts; the person is told the seat and the purpose, not the officer's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from correction_service.db import among
from models.audit import AuditRecord
from models.case import Case
from models.change_report import ChangeReport
from models.checkin import CheckIn
from models.face import StoredPhoto
from models.opinion import Opinion
from models.person_request import PersonRequest
from models.plan import CorrectionPlan
from models.printed_form import PrintedForm
from models.user import Role, User

MONTHS_SHOWN = 6
SHOWN = timedelta(days=30 * MONTHS_SHOWN)
MOST = 300
SEEN = {  # what an act in the log is a look at
    "view_photo": "a photo of you",
    "view_id_number": "your document number",
    "view_phone": "your phone number",
    "use_phone": "your phone number",
    "view_address": "your address",
    "view_trail": "where your bracelet was",
    "view_map": "where your bracelet is",
    "replay_trail": "where your bracelet was",
    "view_place": "where you checked in",
    "view_form": "a printed paper about you",
    "print_opinion": "a printed paper about you",
    "oversee_case": "your case, in a list",
    "view_plan": "your correction plan",
    "view_request": "a request of yours",
    "view_change": "a change that you told of",
}
PURPOSES = {  # by the part of the service that was used
    "reviews": "to review a check-in",
    "incidents": "to look into an alert",
    "forms": "to print an official paper",
    "calls": "to bring you a message",
    "requests": "to answer your request",
    "delivery": "to bring you a message",
    "what_ifs": "to try a rule before it counts",
}
SUPERVISION = "to supervise your case"
OVERSIGHT = "to see that the law is kept"


@dataclass(frozen=True)
class Look:
    """One look: when, from which seat, at what, what for."""

    at: datetime
    seat: Role | None
    what: str
    purpose: str


def of(session: Session, person_id: UUID, now: datetime) -> list[Look]:
    """The looks of the last six months, the newest first, at most 300."""
    mine = or_(*(_subjects(session, *each) for each in _owned(person_id).items()))
    query = select(AuditRecord).where(
        mine,
        AuditRecord.action.in_(SEEN),
        AuditRecord.actor_kind != "person",
        AuditRecord.at >= now - SHOWN,
    )
    newest = (AuditRecord.at.desc(), AuditRecord.id.desc())
    records = session.scalars(query.order_by(*newest).limit(MOST)).all()
    seats = _seats(session, records)
    by = ((it, seats.get(it.actor_id)) for it in records)
    return [Look(it.at, seat, SEEN[it.action], _purpose(it.via, seat)) for it, seat in by]


def _owned(person_id: UUID) -> dict[str, Select[Any]]:
    """By kind of subject, the ids of what is this person's."""
    cases = select(Case.id).where(Case.person_id == person_id)
    return {
        "supervised_case": cases,
        "stored_photo": select(StoredPhoto.id).where(StoredPhoto.person_id == person_id),
        "checkin": select(CheckIn.id).where(CheckIn.case_id.in_(cases)),
        "person_request": select(PersonRequest.id).where(PersonRequest.case_id.in_(cases)),
        "change_report": select(ChangeReport.id).where(ChangeReport.case_id.in_(cases)),
        "printed_form": select(PrintedForm.id).where(PrintedForm.case_id.in_(cases)),
        "opinion": select(Opinion.id).where(Opinion.case_id.in_(cases)),
        "correction_plan": select(CorrectionPlan.id).where(CorrectionPlan.case_id.in_(cases)),
        "person": select(Case.person_id).where(Case.person_id == person_id).limit(1),
    }


def _subjects(session: Session, kind: str, ids: Select[Any]) -> ColumnElement[bool]:
    """The log keeps ids as words, so they are read first and travel as one list."""
    words = [str(it) for it in session.scalars(ids)]
    return and_(AuditRecord.subject_kind == kind, among(session, AuditRecord.subject_id, words))


def _seats(session: Session, records: Sequence[AuditRecord]) -> dict[str, Role]:
    users = {int(it.actor_id) for it in records if it.actor_kind == "user"}
    rows = session.execute(select(User.id, User.role).where(among(session, User.id, users)))
    return {str(number): role for number, role in rows}


def _purpose(via: str, seat: Role | None) -> str:
    """The way in is an endpoint like `reviews.page`, or a job's name."""
    if seat is Role.PROCURATOR:
        return OVERSIGHT
    return PURPOSES.get(via.partition(".")[0], SUPERVISION)
