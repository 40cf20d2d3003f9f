"""Visits, calls, talks and reports, written down by officers and by volunteers (LCC 26)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.people.cases import open_case_for
from models.case import Case
from models.errors import Invalid
from models.user import Permission, User
from models.volunteer import Contact, ContactKind, Volunteer

LONGEST_MINUTES = 8 * 60
OLDEST = timedelta(days=31)


@dataclass(frozen=True, kw_only=True)
class Note:
    """What took place."""

    kind: ContactKind
    happened_at: datetime
    minutes: int
    said: str


def write(session: Session, user: User, case_id: int, note: Note, now: datetime) -> Contact:
    """An officer writes down that they were in touch."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    return add(session, user, case, note, now)


def add(
    session: Session,
    user: User,
    case: Case,
    note: Note,
    now: datetime,
    *,
    volunteer: Volunteer | None = None,
) -> Contact:
    """Add a contact of whoever may be in touch with the person."""
    _check(note, now)
    return put(session, user, case, note, now, volunteer=volunteer)


def put(
    session: Session,
    user: User,
    case: Case,
    note: Note,
    now: datetime,
    *,
    volunteer: Volunteer | None = None,
) -> Contact:
    """Add one whose day nobody chose, like a report that waited to be read."""
    contact = Contact(
        case=case,
        kind=note.kind,
        happened_at=note.happened_at,
        minutes=note.minutes,
        said=note.said.strip(),
        volunteer=volunteer,
        made_by=user.id,
        made_at=now,
    )
    session.add(contact)
    session.flush()
    outbox.live(session, case, "contact", contact.id, now)
    return contact


def _check(note: Note, now: datetime) -> None:
    if not note.said.strip():
        raise Invalid("Say what was seen and said.", field="note")
    if note.happened_at > now:
        raise Invalid("This moment is still to come.", field="happened_at")
    if now - note.happened_at > OLDEST:
        raise Invalid("Write it down within a month.", field="happened_at")
    if not 0 <= note.minutes <= LONGEST_MINUTES:
        raise Invalid("Give the minutes that it took, at most eight hours.", field="minutes")
