"""Photos: sealed files under the data folder, named by their digest; every look is on the record.

A file is written before its row commits, and removed again when the transaction fails: a row never
points at nothing, and a crash in between leaves at worst a sealed file that no row names.
"""

import hashlib
import os
import tempfile
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import event, exists, or_, select
from sqlalchemy.orm import Session, aliased

from correction_service import audit
from correction_service.db import ring_of
from correction_service.settings import Settings
from models.case import ENDED, Case
from models.checkin import CheckIn, Outcome
from models.errors import NotFound
from models.face import StoredPhoto
from models.keys import seal, unseal
from models.person import Person
from models.review import concerned, undecided


class Purpose(StrEnum):
    """Why a photo is kept."""

    ENROLMENT = "enrolment"
    CHECKIN = "checkin"
    LEAVE = "leave"
    SEARCH = "search"


def put(
    session: Session,
    settings: Settings,
    person: Person,
    data: bytes,
    *,
    purpose: Purpose,
    now: datetime,
    delete_after: datetime | None = None,
) -> StoredPhoto:
    """Seal a photo with the person's data key and keep it; without `delete_after`, until told."""
    photo_id = uuid4()
    sealed = seal(person.data_key(ring_of(session)), data, f"stored_photo.file.{photo_id}")
    photo = StoredPhoto(
        id=photo_id,
        person_id=person.id,
        digest=hashlib.sha256(sealed).hexdigest(),
        purpose=purpose.value,
        taken_at=now,
        delete_after=delete_after,
    )
    _write(_path(settings, photo), sealed)
    _remove_on_rollback(session, _path(settings, photo))
    session.add(photo)
    session.flush()
    return photo


def keep_until(settings: Settings, now: datetime) -> datetime:
    """Until when a check-in's photo is kept once it is decided that it shows the person."""
    return now + timedelta(days=settings.match_photo_days)


def view(session: Session, settings: Settings, photo: StoredPhoto) -> bytes:
    """Open a photo for someone to look at, and record that they did.

    Needs a session that may write. `NotFound` once the photo is deleted.
    """
    audit.viewed(session, "view_photo", "stored_photo", photo.id)
    try:
        sealed = _path(settings, photo).read_bytes()
    except FileNotFoundError:
        raise NotFound("This photo was deleted when its time ended.", code="deleted") from None
    key = session.get_one(Person, photo.person_id).data_key(ring_of(session))
    return unseal(key, sealed, f"stored_photo.file.{photo.id}")


def forget(settings: Settings, photo: StoredPhoto, now: datetime) -> None:
    """Delete the file; the row stays to say that there was one. Doing it twice is harmless."""
    _path(settings, photo).unlink(missing_ok=True)
    photo.deleted_at = photo.deleted_at or now


def withdraw(session: Session, person: Person, now: datetime) -> None:
    """Let a person's check-in photos be deleted now, but for those an officer has yet to judge.

    One about which a concern stands is of these.
    """
    open_ = or_(undecided(), concerned())
    to_judge = exists().where(CheckIn.photo_id == StoredPhoto.id, open_)
    theirs = select(StoredPhoto).where(
        StoredPhoto.person_id == person.id,
        StoredPhoto.purpose == Purpose.CHECKIN.value,
        StoredPhoto.deleted_at.is_(None),
        ~to_judge,
    )
    for photo in session.scalars(theirs):
        photo.delete_after = now
    session.flush()


def end(session: Session, person: Person, now: datetime) -> list[UUID]:
    """Let every photo of a person that is still kept be deleted now; return their ids."""
    kept = (StoredPhoto.person_id == person.id, StoredPhoto.deleted_at.is_(None))
    photos = session.scalars(select(StoredPhoto).where(*kept)).all()
    for photo in photos:
        photo.delete_after = now
    session.flush()
    return [photo.id for photo in photos]


def expire(session: Session, settings: Settings, now: datetime) -> int:
    """Delete every photo whose time has ended; return how many."""
    _end_concerns(session, settings, now)
    over = select(StoredPhoto).where(
        StoredPhoto.delete_after <= now, StoredPhoto.deleted_at.is_(None)
    )
    photos = session.scalars(over).all()
    for photo in photos:
        forget(settings, photo, now)
    session.flush()
    return len(photos)


def _end_concerns(session: Session, settings: Settings, now: datetime) -> None:
    """Give an end to photos of concerns that an officer's seeing of the person has lifted.

    Nor does anybody look into a concern once the case has ended.
    """
    seen = aliased(CheckIn)
    lifted = exists().where(
        seen.case_id == CheckIn.case_id, seen.outcome == Outcome.ATTESTED, seen.at > CheckIn.at
    )
    doubted = (
        select(StoredPhoto)
        .join(CheckIn, CheckIn.photo_id == StoredPhoto.id)
        .join(CheckIn.case)
        .where(StoredPhoto.delete_after.is_(None), StoredPhoto.deleted_at.is_(None))
        .where(concerned(), or_(lifted, Case.state.in_(ENDED)))
    )
    for photo in session.scalars(doubted):
        photo.delete_after = keep_until(settings, now)


def _path(settings: Settings, photo: StoredPhoto) -> Path:
    return settings.data_dir / "photos" / photo.digest[:2] / photo.digest


def _write(path: Path, data: bytes) -> None:
    """Write all or nothing, readable by the service alone (mkstemp makes files 0600)."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_on_rollback(session: Session, path: Path) -> None:
    uncommitted = [path]

    def remove(_session: Session) -> None:
        for each in uncommitted:
            each.unlink(missing_ok=True)

    event.listen(session, "after_commit", lambda _session: uncommitted.clear())
    event.listen(session, "after_rollback", remove)
