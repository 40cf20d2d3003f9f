"""Who looked at my data: every look is told, by seat and purpose, to the person and nobody else."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from correction_service.audit import Actor, viewed
from correction_service.db import Database
from correction_service.people import looks, persons
from models.agency import Office
from models.audit import AuditRecord
from models.case import Case
from models.user import Role, User
from tests.county import NOW, County, make_case


def as_officer(county: County) -> Actor:
    return Actor("user", str(county.users[Role.OFFICER]))


def test_a_look_is_told_with_seat_and_purpose(database: Database, county: County) -> None:
    with database.transaction(as_officer(county), "reviews.page") as session:
        viewed(session, "view_trail", "supervised_case", county.case)
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        (look,) = looks.of(session, person_id, datetime.now(UTC))
    assert look.seat is Role.OFFICER
    assert (look.what, look.purpose) == ("where your bracelet was", "to review a check-in")


def test_opening_a_number_is_told(database: Database, county: County) -> None:
    with database.transaction(as_officer(county), "cases.reveal") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        persons.reveal(session, officer, county.case, "id_number")
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        found = looks.of(session, person_id, datetime.now(UTC))
    assert [it.what for it in found] == ["your document number"]


def test_looks_at_others_stay_with_them(database: Database, county: County) -> None:
    with database.transaction(as_officer(county), "cases.where") as session:
        other = make_case(session, session.get_one(Office, county.office), 78)
        viewed(session, "view_trail", "supervised_case", other.id)
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        assert looks.of(session, person_id, datetime.now(UTC)) == []


def test_writes_are_not_looks_and_old_looks_are_left_out(
    database: Database, county: County
) -> None:
    with database.transaction(as_officer(county), "cases.page") as session:
        old = {
            "at": NOW - looks.SHOWN - timedelta(days=1),
            "actor_kind": "user",
            "actor_id": "1",
            "action": "view_trail",
            "subject_kind": "supervised_case",
            "subject_id": str(county.case),
            "via": "cases.where",
            "detail": {},
        }
        session.execute(insert(AuditRecord), [old, old | {"at": NOW, "action": "change"}])
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        assert looks.of(session, person_id, NOW) == []


def test_every_act_of_looking_has_words_on_the_phone() -> None:
    from correction_service.web.phone.rights import SEATS, WORDS  # noqa: PLC0415 loads the pages

    said = {*looks.SEEN.values(), *looks.PURPOSES.values(), looks.SUPERVISION, looks.OVERSIGHT}
    assert said == set(WORDS)
    assert {*Role, None} == set(SEATS)
