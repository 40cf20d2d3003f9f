"""Face enrolment: no template without consent, one in use, one photo kept or none."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database, ring_of
from correction_service.face.liveness import unprompted
from correction_service.face.template import Template
from correction_service.face.verdict import EnrolmentOutcome, EnrolmentVerdict, Outcome
from correction_service.face.verifier import Verifier
from correction_service.people import consents, enrolments, templates
from correction_service.settings import Settings
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.face import FaceTemplate, StoredPhoto
from models.user import Role, User
from tests.county import NOW, County
from tests.faces import FacePhotos, face_photos

__all__ = ["face_photos"]


@pytest.fixture(scope="module")
def given(face_photos: FacePhotos) -> list[bytes]:
    return [path.read_bytes() for path in face_photos.person]


@pytest.fixture(scope="module")
def verdict(verifier: Verifier, given: list[bytes]) -> EnrolmentVerdict:
    return enrolments.judge(verifier, given, Settings.model_construct(max_photo_bytes=10**7))


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def agree(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        consents.give(session, person, officer(session, county), NOW)


def record(
    database: Database,
    county: County,
    verdict: EnrolmentVerdict,
    given: Sequence[bytes],
    settings: Settings,
) -> FaceTemplate:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        return enrolments.record(
            session, user, county.case, verdict, given, settings=settings, now=NOW
        )


def test_without_consent_no_template_can_be_made(
    database: Database, county: County, verdict: EnrolmentVerdict, given: list[bytes],
    settings: Settings,
) -> None:  # fmt: skip
    assert verdict.outcome is EnrolmentOutcome.ENROLLED
    with pytest.raises(Refused) as refusal:
        record(database, county, verdict, given, settings)
    assert refusal.value.code == "no_consent"
    agree(database, county)
    with database.transaction(SYSTEM, "test") as session:
        consents.withdraw(session, session.get_one(Case, county.case).person, None, NOW)
    with pytest.raises(Refused):
        record(database, county, verdict, given, settings)
    with database.reading() as session:
        assert session.scalars(select(FaceTemplate)).all() == []


def test_the_template_opens_again_and_matches_the_same_face(
    *, database: Database, county: County, verdict: EnrolmentVerdict, given: list[bytes],
    settings: Settings, verifier: Verifier,
) -> None:  # fmt: skip
    agree(database, county)
    made = record(database, county, verdict, given, settings)
    with database.reading() as session:
        stored = session.get_one(FaceTemplate, made.id)
        template = Template.from_bytes(stored.reveal(ring_of(session)))
        assert (stored.photos, stored.model_version) == (3, verifier.model_version)
    assert verifier.judge(template, unprompted(given[:1])).outcome is Outcome.MATCH


def test_enrolling_again_retires_the_old_template_and_deletes_the_old_photo(
    database: Database, county: County, verdict: EnrolmentVerdict, given: list[bytes],
    settings: Settings,
) -> None:  # fmt: skip
    agree(database, county)
    old = record(database, county, verdict, given, settings)
    new = record(database, county, verdict, given, settings)
    with database.reading() as session:
        retired = session.get_one(FaceTemplate, old.id)
        assert (retired.sealed, retired.retired_at) == (None, NOW)
        person = session.get_one(Case, county.case).person
        found = templates.in_use(session, person)
        assert found is not None
        assert found.id == new.id
        kept = templates.enrolment_photos(session, person)
        assert [photo.deleted_at for photo in kept] == [None] * 3
        assert len(session.scalars(select(StoredPhoto)).all()) == 6
    assert len([path for path in settings.data_dir.rglob("*") if path.is_file()]) == 3


def test_no_photo_is_kept_where_the_settings_say_so(
    database: Database, county: County, verdict: EnrolmentVerdict, given: list[bytes],
    settings: Settings,
) -> None:  # fmt: skip
    agree(database, county)
    settings.enrolment_photos = 1
    record(database, county, verdict, given, settings)
    with database.reading() as session:
        assert len(session.scalars(select(StoredPhoto)).all()) == 1
    settings.keep_enrolment_photo = False
    record(database, county, verdict, given, settings)
    with database.reading() as session:
        (old,) = session.scalars(select(StoredPhoto))
        assert old.deleted_at is not None


def test_too_few_photos_and_strangers_among_them_are_refused_with_reasons(
    *, verifier: Verifier, given: list[bytes], face_photos: FacePhotos, settings: Settings,
    database: Database, county: County,
) -> None:  # fmt: skip
    agree(database, county)
    two = enrolments.judge(verifier, given[:2], settings)
    assert [reason.value for reason in two.reasons] == ["too_few_photos"]
    mixed = [*given[:2], face_photos.stranger.read_bytes()]
    for photos in (given[:2], mixed):
        seen = enrolments.judge(verifier, photos, settings)
        with pytest.raises(Refused) as refusal:
            record(database, county, seen, photos, settings)
        assert refusal.value.field == "photos"


def test_a_fault_of_ours_is_said_as_ours(
    database: Database, county: County, settings: Settings, verifier: Verifier
) -> None:
    agree(database, county)
    fault = EnrolmentVerdict(EnrolmentOutcome.FAULT, verifier.model_version)
    with pytest.raises(Refused, match="The system failed") as refusal:
        record(database, county, fault, [], settings)
    assert refusal.value.code == "face_fault"


def test_too_many_or_too_large_photos_are_refused_before_anything_reads_them(
    verifier: Verifier, settings: Settings
) -> None:
    with pytest.raises(Invalid, match="At most 8"):
        enrolments.judge(verifier, [b"x"] * 9, settings)
    with pytest.raises(Invalid, match="6 MB"):
        enrolments.assess(verifier, b"x" * (settings.max_photo_bytes + 1), settings)


def test_another_office_and_an_ended_case_are_refused_before_the_camera_opens(
    database: Database, county: County
) -> None:
    agree(database, county)
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        user.office_id = county.other_office
        with pytest.raises(NotFound):
            enrolments.begin(session, user, county.case)
        user.office_id = county.office
        case = enrolments.begin(session, user, county.case)
        case.state, case.state_since = type(case.state).RELEASED, NOW + timedelta(days=1)
        with pytest.raises(Refused, match="ended"):
            enrolments.begin(session, user, county.case)
