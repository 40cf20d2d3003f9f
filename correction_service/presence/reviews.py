"""复核: officers' findings about check-ins that the machine left open, and the second look.

Two who decide at once come one after the other: the later is told what the earlier found and
loses nothing of what was written.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.people import photos
from correction_service.presence import duties
from correction_service.scope import case_for
from correction_service.settings import Settings
from models.case import Case
from models.checkin import Challenge, CheckIn
from models.errors import Invalid, NotFound, Refused
from models.face import StoredPhoto
from models.review import CheckInReview, ReviewDecision
from models.user import PERMISSIONS, Permission, Role, User

NONE_YET = 0  # what `after` says of a check-in without a finding
SUPERVISING = [role for role, held in PERMISSIONS.items() if Permission.SUPERVISE in held]


def review(
    session: Session,
    settings: Settings,
    user: User,
    checkin_id: int,
    *,
    decision: ReviewDecision,
    note: str,
    now: datetime,
    after: int | None = None,
    alone_because: str = "",
) -> CheckInReview:
    """Write an officer's finding, or a second person's agreement with one; return what stands.

    `after` is the id of the finding that the officer had before their eyes, `NONE_YET` without
    one, None not to ask. A match settles the duty as of when the check-in was begun.
    """
    checkin = seen(session, user, checkin_id, Permission.SUPERVISE)
    session.get_one(Case, checkin.case_id, with_for_update=True)  # rows that grow have no lock
    if checkin.photo_id is None:
        raise Refused("There is no picture to review here.", code="no_photo")
    if decision is not ReviewDecision.MATCH and not note.strip():
        raise Invalid("Say what you saw.", field="note")
    standing = latest(session, checkin.id)
    if after is not None and after != (standing.id if standing else NONE_YET):
        raise Refused(
            "Somebody decided this meanwhile: look at what they found before you decide.",
            code="decided_meanwhile",
        )
    if standing and standing.provisional and decision is ReviewDecision.NO_MATCH:
        finding = standing
        wait = timedelta(days=settings.second_look_days)
        _confirm(session, user, finding, note.strip(), now=now, because=alone_because, wait=wait)
    else:
        finding = CheckInReview(
            checkin_id=checkin.id, decision=decision, note=note.strip(), by=user.id, at=now
        )
        session.add(finding)
    session.flush()
    _follow(session, settings, checkin, finding, now)
    return finding


def _confirm(
    session: Session,
    user: User,
    finding: CheckInReview,
    note: str,
    *,
    now: datetime,
    because: str,
    wait: timedelta,
) -> None:
    if user.id == finding.by and user.role is Role.COUNTY_HEAD:
        able = others(session, user)
        second = finding.confirm_alone(user, now, note, because=because, others=able, wait=wait)
    else:
        second = finding.confirm(user, now, note)
    session.add(second)
    session.flush()
    session.expire(finding, ["confirmation"])


def _follow(
    session: Session, settings: Settings, checkin: CheckIn, finding: CheckInReview, now: datetime
) -> None:
    """Settle the duty by a match, and end the photo's time once nobody need look at it again."""
    if finding.decision is ReviewDecision.MATCH:
        duties.settle(session, checkin.case_id, checkin.at, _begun(session, checkin))
    photo = session.get_one(StoredPhoto, checkin.photo_id)
    photo.delete_after = _kept_until(settings, finding, photo, now)
    session.flush()
    outbox.live(session, checkin.case, "checkin", checkin.id, now)


def _kept_until(
    settings: Settings, finding: CheckInReview, photo: StoredPhoto, now: datetime
) -> datetime | None:
    """None while it is needed to decide; what may be objected to stays so long to be looked at."""
    if finding.provisional or finding.decision is ReviewDecision.CONCERN:
        return None
    if finding.decision is ReviewDecision.NO_MATCH:
        return now + timedelta(days=settings.no_match_photo_days)
    return photo.delete_after or photos.keep_until(settings, now)


def latest(session: Session, checkin_id: int) -> CheckInReview | None:
    """Return the finding that stands about a check-in."""
    mine = select(CheckInReview).where(CheckInReview.checkin_id == checkin_id)
    return session.scalars(mine.order_by(CheckInReview.id.desc()).limit(1)).first()


def others(session: Session, user: User) -> int:
    """Count the other accounts at county level that could look at what this one found."""
    able = (User.active, User.office_id.is_(None), User.role.in_(SUPERVISING))
    mine = (User.agency_id == user.agency_id, User.id != user.id)
    return session.scalar(select(func.count(User.id)).where(*able, *mine)) or 0


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
