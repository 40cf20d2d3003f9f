"""An attempt at a check-in while its pictures come in: resumable, and never lost on the way.

It has a receipt from the start. Each frame is sent as it is taken and kept sealed; once all are
here the capture waits to be judged, whether the phone is still there or not. An attempt that never
gets so far costs nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service.db import ring_of
from correction_service.face.liveness import Frame
from correction_service.presence import captures
from correction_service.presence.captures import Capture
from correction_service.settings import Settings
from models.checkin import AttemptState, Challenge, CheckInFrame
from models.errors import Invalid, NotFound, Refused
from models.keys import seal, unseal
from models.person import Person

MOST_FRAMES = 12
MOST_FRAME_BYTES = 60_000  # the page sends half of that
MOST_FRAME_MEGAPIXELS = 1.0  # the page sends a third of that


def grace(settings: Settings) -> timedelta:
    """How long after a challenge's life what was taken in it may still arrive."""
    return timedelta(seconds=settings.upload_grace_seconds)


def mine(session: Session, person_id: UUID, receipt: str, *, lock: bool = False) -> Challenge:
    """Return a person's own attempt by its receipt."""
    query = select(Challenge).where(Challenge.receipt == receipt, Challenge.person_id == person_id)
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("There is no attempt with this receipt.")
    return found


def under_way(
    session: Session, person_id: UUID, now: datetime, settings: Settings
) -> Challenge | None:
    """Return a person's latest attempt while it may go on or waits to be judged."""
    latest = session.scalars(
        select(Challenge).where(Challenge.person_id == person_id).order_by(Challenge.id.desc())
    ).first()
    going_on = {AttemptState.OPEN, AttemptState.WAITING}
    if latest is None or latest.receipt is None:
        return None
    return latest if latest.state(now, grace(settings)) in going_on else None


def places(session: Session, challenge: Challenge) -> Sequence[int]:
    """Return which frames of an attempt have arrived."""
    arrived = select(CheckInFrame.place).where(CheckInFrame.challenge_id == challenge.id)
    return session.scalars(arrived.order_by(CheckInFrame.place)).all()


def put(
    session: Session,
    person_id: UUID,
    receipt: str,
    place: int,
    frame: Frame,
    *,
    now: datetime,
    settings: Settings,
) -> Challenge:
    """Keep one frame, sealed. The same place again changes nothing, so sending twice is safe.

    `Invalid` names what cannot be: a place or time outside the attempt. What is in the frame
    `check_frame` tells, before a transaction is open.
    """
    challenge = mine(session, person_id, receipt)
    if challenge.sent_at is not None:
        return challenge
    challenge.check(now, grace(settings))
    _check(challenge, place, frame)
    if place not in places(session, challenge):
        _keep(session, challenge, place, frame, now)
    return challenge


def check_frame(data: bytes) -> None:
    """Refuse what is no picture, or larger than a page sends; to be asked with nothing locked."""
    if len(data) > MOST_FRAME_BYTES:
        kilobytes = MOST_FRAME_BYTES // 1000
        raise Invalid("A frame has at most %(kilobytes)d kB.", field="frame", kilobytes=kilobytes)
    captures.picture(data, "frame", MOST_FRAME_MEGAPIXELS)


def _check(challenge: Challenge, place: int, frame: Frame) -> None:
    life_ms = (challenge.expires_at - challenge.issued_at) / timedelta(milliseconds=1)
    if not 0 <= place < MOST_FRAMES:
        raise Invalid("Send 1 to %(most)d frames.", field="place", most=MOST_FRAMES)
    if frame.at_ms is None or not 0 <= frame.at_ms <= life_ms:
        raise Invalid("A frame is taken while its challenge lasts.", field="at_ms")
    if frame.action is not None and not 0 <= frame.action < len(challenge.actions):
        raise Invalid("This action was not asked.", field="action")


def _keep(session: Session, challenge: Challenge, place: int, frame: Frame, now: datetime) -> None:
    person = session.get_one(Person, challenge.person_id)
    key = person.data_key(ring_of(session))
    row = {
        "challenge_id": challenge.id,
        "place": place,
        "action": frame.action,
        "at_ms": frame.at_ms,
        "arrived_at": now,
        "sealed": seal(key, frame.data, _at(challenge.id, place)),
    }
    try:
        # Not by the ORM: a dozen passing rows an attempt would drown its one line in the log.
        with session.begin_nested():
            session.execute(insert(CheckInFrame), [row])
    except IntegrityError:  # the same frame sent twice at once: one of them was first
        return


def _at(challenge_id: int, place: int) -> str:
    return f"checkin_frame.sealed.{challenge_id}.{place}"


def finish(
    session: Session,
    person_id: UUID,
    receipt: str,
    beside: Capture,
    *,
    now: datetime,
    settings: Settings,
) -> Challenge:
    """Leave what has arrived to be judged, with what came `beside` it; again changes nothing."""
    challenge = mine(session, person_id, receipt, lock=True)
    if challenge.sent_at is not None or challenge.used_at is not None:
        return challenge
    challenge.check(now, grace(settings))
    if not places(session, challenge):
        raise Refused("No picture has arrived yet. Start again.", code="no_frames")
    key = session.get_one(Person, person_id).data_key(ring_of(session))
    sealed = seal(key, beside.without_frames(), f"checkin_challenge.sealed.{challenge.id}")
    challenge.send(now, sealed)
    session.flush()
    return challenge


def cancel(
    session: Session, person_id: UUID, receipt: str, *, now: datetime, settings: Settings
) -> Challenge:
    """End an attempt because the person wants to; its pictures go at once."""
    challenge = mine(session, person_id, receipt, lock=True)
    if challenge.state(now, grace(settings)) is AttemptState.OPEN:
        close(session, challenge, now, "cancelled")
    return challenge


def close(session: Session, challenge: Challenge, now: datetime, reason: str) -> None:
    """End an attempt without a check-in, and forget its pictures."""
    challenge.close(now, reason)
    forget(session, challenge.id)
    session.flush()


def end(session: Session, challenge_id: int, now: datetime, reason: str) -> None:
    """Close an attempt unless something came of it meanwhile."""
    challenge = session.get_one(Challenge, challenge_id, with_for_update=True)
    if challenge.used_at is None:
        close(session, challenge, now, reason)


def capture(session: Session, challenge: Challenge) -> Capture:
    """Open what was sent: the frames with their times, the position and the answers."""
    key = session.get_one(Person, challenge.person_id).data_key(ring_of(session))
    rows = select(CheckInFrame).where(CheckInFrame.challenge_id == challenge.id)
    frames = tuple(
        Frame(
            data=unseal(key, row.sealed, _at(challenge.id, row.place)),
            at_ms=row.at_ms,
            action=row.action,
            arrived_ms=round((row.arrived_at - challenge.issued_at) / timedelta(milliseconds=1)),
        )
        for row in session.scalars(rows.order_by(CheckInFrame.place))
    )
    place = f"checkin_challenge.sealed.{challenge.id}"
    return Capture.around(frames, unseal(key, challenge.sealed or b"", place))


def forget(session: Session, challenge_id: int) -> None:
    """Delete an attempt's pictures."""
    session.execute(delete(CheckInFrame).where(CheckInFrame.challenge_id == challenge_id))


def expire(session: Session, now: datetime, settings: Settings) -> None:
    """Delete the pictures of attempts that were left off and can no longer go on."""
    left_off = exists().where(
        Challenge.id == CheckInFrame.challenge_id,
        Challenge.sent_at.is_(None),
        Challenge.expires_at < now - grace(settings),
    )
    options = {"synchronize_session": False}
    session.execute(delete(CheckInFrame).where(left_off), execution_options=options)
