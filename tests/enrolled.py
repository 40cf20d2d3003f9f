"""A person of the test county whose face is enrolled, and bursts of faces to check in with."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.face.images import decode
from correction_service.face.liveness import unprompted
from correction_service.face.template import Template
from correction_service.face.verdict import Verdict
from correction_service.face.verifier import Verifier
from correction_service.people import consents, templates
from correction_service.presence.captures import Capture
from models.case import Case
from models.user import Role, User
from tests.county import NOW, County
from tests.faces import FacePhotos, face_photos, frames, jpeg

__all__ = ["face_photos"]


@dataclass(frozen=True)
class Bursts:
    """Frames of the enrolled person, of somebody else and of a group; what the verifier says."""

    person: Capture
    stranger: Capture
    group: Capture
    match: Verdict
    no_match: Verdict
    many_faces: Verdict


@pytest.fixture(scope="session")
def face_template(verifier: Verifier, face_photos: FacePhotos) -> Template:
    verdict = verifier.enrol([photo.read_bytes() for photo in face_photos.person])
    assert verdict.template is not None
    return verdict.template


@pytest.fixture(scope="session")
def bursts(verifier: Verifier, face_template: Template, face_photos: FacePhotos) -> Bursts:
    """Real photos, judged by the real models, once for all tests."""
    person = Capture(unprompted(frames(face_photos.person[1], 5)))
    stranger = Capture(unprompted(frames(face_photos.stranger, 5)))
    group = Capture(unprompted([jpeg(decode(face_photos.group.read_bytes()), quality=70)]))
    verdicts = [verifier.judge(face_template, each.frames) for each in (person, stranger, group)]
    return Bursts(person, stranger, group, *verdicts)


@pytest.fixture
def enrolled(database: Database, county: County, face_template: Template) -> UUID:
    """Enrol the county's one person: consent given, template in use; return the person's id."""
    return enrol(database, county, face_template, NOW)


def enrol(database: Database, county: County, template: Template, now: datetime) -> UUID:
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        officer = session.get_one(User, county.users[Role.OFFICER])
        consents.give(session, person, officer, now)
        templates.replace(
            session,
            person,
            officer,
            now,
            vectors=template.to_bytes(),
            model_version=template.model_version,
            photos=3,
        )
        return person.id
