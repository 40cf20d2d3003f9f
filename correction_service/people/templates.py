"""Face templates: the one in use, a new one in its place, none any more."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.db import ring_of
from correction_service.people.photos import Purpose
from models.face import FaceTemplate, StoredPhoto
from models.person import Person
from models.user import User


def in_use(session: Session, person: Person) -> FaceTemplate | None:
    """Return the template that check-ins are compared with."""
    mine = (FaceTemplate.person_id == person.id, FaceTemplate.retired_at.is_(None))
    return session.scalar(select(FaceTemplate).where(*mine))


def replace(
    session: Session,
    person: Person,
    by: User,
    now: datetime,
    *,
    vectors: bytes,
    model_version: str,
    photos: int,
) -> FaceTemplate:
    """Put a new template in use; the old one is retired and its numbers are forgotten."""
    forget(session, person, now)
    template = FaceTemplate(
        id=uuid4(),
        person=person,
        model_version=model_version,
        photos=photos,
        enrolled_by=by.id,
        enrolled_at=now,
    )
    template.put(ring_of(session), vectors)
    session.add(template)
    session.flush()
    return template


def forget(session: Session, person: Person, now: datetime) -> None:
    """Retire the template in use and let the enrolment photos be deleted now."""
    old = in_use(session, person)
    if old is not None:
        old.retire(now)
    for photo in enrolment_photos(session, person):
        photo.delete_after = now
    session.flush()


def enrolment_photos(session: Session, person: Person) -> list[StoredPhoto]:
    """Return the enrolment photos still kept, and none that is to be deleted."""
    return list(
        session.scalars(
            select(StoredPhoto).where(
                StoredPhoto.person_id == person.id,
                StoredPhoto.purpose == Purpose.ENROLMENT.value,
                StoredPhoto.deleted_at.is_(None),
                StoredPhoto.delete_after.is_(None),
            )
        )
    )
