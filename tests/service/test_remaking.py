"""After a change of models: who is enrolled anew by a machine, and who by an officer."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.commands.faces import face
from correction_service.db import Database, ring_of
from correction_service.face.template import Template
from correction_service.face.verifier import Verifier
from correction_service.people import consents, photos, remaking, templates
from correction_service.people.remaking import Remade
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.errors import Forbidden, NotFound
from models.face import FaceTemplate, StoredPhoto
from models.user import Role, User
from tests.county import NOW, County
from tests.faces import FacePhotos, face_photos

__all__ = ["face_photos"]

OLD = "earlier/1"


@pytest.fixture(scope="module")
def given(face_photos: FacePhotos) -> list[bytes]:
    return [path.read_bytes() for path in face_photos.person]


def enrolled_before(
    database: Database, settings: Settings, county: County, kept: Sequence[bytes]
) -> None:
    """A person whose template is of earlier models, and the photos that were kept."""
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        officer = session.get_one(User, county.users[Role.OFFICER])
        consents.give(session, person, officer, NOW)
        templates.replace(
            session, person, officer, NOW, vectors=b"old", model_version=OLD, photos=3
        )
        for photo in kept:
            purpose = photos.Purpose.ENROLMENT
            photos.put(session, settings, person, photo, purpose=purpose, now=NOW)


def run(settings: Settings, database: Database, county: County) -> Result:
    with database.reading() as session:
        name = session.get_one(User, county.users[Role.OFFICER]).username
    words = ["re-embed", "--by", name, "--json"]
    result = CliRunner().invoke(face, words, obj=settings)
    assert result.exit_code == 0, repr(result.exception)
    return result


def test_kept_photos_make_the_template_anew_and_stay(
    *, database: Database, settings: Settings, county: County, given: list[bytes],
    verifier: Verifier,
) -> None:  # fmt: skip
    enrolled_before(database, settings, county, given)
    first = run(settings, database, county)
    assert json.loads(first.stdout) == {"remade": 1, "enrol_anew": []}
    with database.reading() as session:
        person = session.get_one(Case, county.case).person
        made = templates.in_use(session, person)
        assert made is not None
        assert (made.model_version, made.photos) == (verifier.model_version, 3)
        assert made.enrolled_by == county.users[Role.OFFICER]
        read = Template.from_bytes(made.reveal(ring_of(session)))
        assert read.model_version == verifier.model_version
        assert len(templates.enrolment_photos(session, person)) == 3
        looks = select(AuditRecord).where(AuditRecord.action == "view_photo")
        assert {it.actor_id for it in session.scalars(looks)} == {str(county.users[Role.OFFICER])}
    again = run(settings, database, county)
    assert json.loads(again.stdout) == {"remade": 0, "enrol_anew": []}


def test_who_has_no_photos_kept_is_listed_and_keeps_the_other_ways(
    database: Database, settings: Settings, county: County, given: list[bytes]
) -> None:
    enrolled_before(database, settings, county, given[:1])
    answer = json.loads(run(settings, database, county).stdout)
    (anew,) = answer["enrol_anew"]
    assert (answer["remade"], anew["reason"]) == (0, "no_photos")
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        assert (anew["case"], anew["office"]) == (case.number, case.office.name)
        found = templates.in_use(session, case.person)
        assert found is not None
        assert found.model_version == OLD


def test_photos_that_do_not_open_stop_nobody_and_their_person_is_listed(
    database: Database, settings: Settings, county: County, given: list[bytes]
) -> None:
    enrolled_before(database, settings, county, given)
    damaged, gone = [path for path in settings.data_dir.rglob("*") if path.is_file()][:2]
    damaged.write_bytes(damaged.read_bytes()[::-1])
    gone.unlink()
    answer = json.loads(run(settings, database, county).stdout)
    assert [it["reason"] for it in answer["enrol_anew"]] == ["no_photos"]


def test_photos_of_two_people_make_no_template(
    *, database: Database, settings: Settings, county: County, given: list[bytes],
    face_photos: FacePhotos,
) -> None:  # fmt: skip
    mixed = [*given[:2], face_photos.stranger.read_bytes()]
    enrolled_before(database, settings, county, mixed)
    answer = json.loads(run(settings, database, county).stdout)
    assert [it["reason"] for it in answer["enrol_anew"]] == ["photos_refused"]


def test_what_changed_while_the_photos_were_judged_stays_as_it_is(
    *, database: Database, settings: Settings, county: County, given: list[bytes],
    verifier: Verifier,
) -> None:  # fmt: skip
    enrolled_before(database, settings, county, given)
    verdict = verifier.enrol(given)
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        (it,) = remaking.outdated(session, officer, verifier.model_version)
        person = session.get_one(Case, county.case).person
        consents.withdraw(session, person, officer, NOW)
        outcome = remaking.put(session, it.template_id, verdict, officer, NOW)
    assert outcome is Remade.CHANGED_MEANWHILE
    with database.reading() as session:
        assert session.scalars(select(FaceTemplate)).one().sealed is None
        photo = session.scalars(select(StoredPhoto)).first()
        assert photo is not None
        assert photo.delete_after == NOW


@pytest.mark.parametrize("setting", ["face_calibration", "face_embedder"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_models_that_are_not_to_be_had_are_one_line_and_nothing_is_made(
    settings: Settings, tmp_path: Path, setting: str
) -> None:
    absent = tmp_path / "absent.toml"
    wrong = settings.model_copy(update={setting: absent})
    result = CliRunner().invoke(face, ["re-embed", "--by", "officer"], obj=wrong)
    assert result.exit_code == 2, repr(result.exception)
    assert "absent.toml" in result.stderr


def test_only_who_may_enrol_answers_for_it(
    database: Database, settings: Settings, county: County
) -> None:
    with database.reading() as session:
        procurator = session.get_one(User, county.users[Role.PROCURATOR])
        with pytest.raises(Forbidden):
            remaking.outdated(session, procurator, "x")
    nobody = CliRunner().invoke(face, ["re-embed", "--by", "nobody"], obj=settings)
    assert isinstance(nobody.exception, NotFound), nobody.output


def test_enrolment_photos_go_with_the_case_and_not_before(
    database: Database, settings: Settings, county: County, given: list[bytes]
) -> None:
    enrolled_before(database, settings, county, given)
    years = NOW + timedelta(days=900)
    with database.transaction(SYSTEM, "test") as session:
        assert photos.expire(session, settings, years) == 0
        templates.forget(session, session.get_one(Case, county.case).person, years)
        assert photos.expire(session, settings, years) == 3
    assert [path for path in settings.data_dir.rglob("*") if path.is_file()] == []
