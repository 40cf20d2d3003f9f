"""Photos are sealed, looked at on the record, and gone when their time ends."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import photos
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.errors import NotFound
from models.face import StoredPhoto
from models.keys import SealBroken
from tests.county import NOW, County

PICTURE = b"the bytes of a picture"


def keep(
    session: Session, settings: Settings, county: County, data: bytes = PICTURE
) -> StoredPhoto:
    return photos.put(
        session,
        settings,
        session.get_one(Case, county.case).person,
        data,
        purpose=photos.Purpose.CHECKIN,
        now=NOW,
        delete_after=NOW + timedelta(days=28),
    )


def kept(database: Database, settings: Settings, county: County) -> UUID:
    with database.transaction(SYSTEM, "test") as session:
        return keep(session, settings, county).id


def files(settings: Settings) -> list[Path]:
    return [path for path in settings.data_dir.rglob("*") if path.is_file()]


def test_a_photo_is_kept_sealed_and_for_the_service_alone(
    database: Database, settings: Settings, county: County
) -> None:
    kept(database, settings, county)
    (file,) = files(settings)
    assert PICTURE not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600


def test_looking_at_a_photo_is_on_the_record(
    database: Database, settings: Settings, county: County
) -> None:
    photo_id = kept(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        photo = session.get_one(StoredPhoto, photo_id)
        assert photos.view(session, settings, photo) == PICTURE
    with database.reading() as session:
        looks = select(AuditRecord.subject_id).where(AuditRecord.action == "view_photo")
        assert session.scalars(looks).all() == [str(photo_id)]


def test_a_failed_transaction_leaves_no_file(
    database: Database, settings: Settings, county: County
) -> None:
    def fail_after_keeping() -> None:
        with database.transaction(SYSTEM, "test") as session:
            keep(session, settings, county)
            assert len(files(settings)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_keeping()
    assert files(settings) == []


def test_a_photo_goes_when_its_time_ends_and_not_before(
    database: Database, settings: Settings, county: County
) -> None:
    photo_id = kept(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        assert photos.expire(session, settings, NOW + timedelta(days=27)) == 0
        assert photos.expire(session, settings, NOW + timedelta(days=28)) == 1
        assert photos.expire(session, settings, NOW + timedelta(days=29)) == 0
        assert files(settings) == []
        with pytest.raises(NotFound, match="deleted"):
            photos.view(session, settings, session.get_one(StoredPhoto, photo_id))


def test_a_file_put_in_the_place_of_another_does_not_open(
    database: Database, settings: Settings, county: County
) -> None:
    first, second = kept(database, settings, county), kept(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        one, other = (session.get_one(StoredPhoto, key) for key in (first, second))
        one.digest, other.digest = other.digest, one.digest
        with pytest.raises(SealBroken):
            photos.view(session, settings, one)
