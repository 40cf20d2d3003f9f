"""复核: an officer's finding about a check-in that the machine left open."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.people import photos
from correction_service.presence import duties
from correction_service.scope import case_for
from correction_service.settings import Settings
from models.checkin import Challenge, CheckIn
from models.errors import Invalid, NotFound, Refused
from models.face import StoredPhoto
from models.review import CheckInReview, ReviewDecision
from models.user import Permission, User


def review(
    session: Session,
    settings: Settings,
    user: User,
    checkin_id: int,
    *,
    decision: ReviewDecision,
    note: str,
    now: datetime,
) -> CheckInReview:
    """Write an officer's finding; a match settles the duty as of when the check-in was begun."""
    checkin = seen(session, user, checkin_id, Permission.SUPERVISE)
    if checkin.photo_id is None:
        raise Refused("There is no picture to review here.", code="no_photo")
    if decision is not ReviewDecision.MATCH and not note.strip():
        raise Invalid("Say what you saw.", field="note")
    finding = CheckInReview(
        checkin_id=checkin.id, decision=decision, note=note.strip(), by=user.id, at=now
    )
    session.add(finding)
    if decision is ReviewDecision.MATCH:
        duties.settle(session, checkin.case_id, checkin.at, _begun(session, checkin))
    photo = session.get_one(StoredPhoto, checkin.photo_id)
    photo.delete_after = photo.delete_after or photos.keep_until(settings, now)
    session.flush()
    outbox.live(session, checkin.case, "checkin", checkin.id, now)
    return finding


def seen(session: Session, user: User, checkin_id: int, permission: Permission) -> CheckIn:
    """Return a check-in of a case that the user may see and act on."""
    checkin = session.get(CheckIn, checkin_id)
    if checkin is None:
        raise NotFound("There is no such check-in.")
    case_for(session, user, checkin.case_id, permission)
    return checkin


def _begun(session: Session, checkin: CheckIn) -> datetime:
    issued = select(Challenge.issued_at).where(Challenge.checkin_id == checkin.id)
    return session.scalar(issued) or checkin.at
