"""Enrolling, finding and revealing: what is right goes in whole, what is wrong names its field."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import Actor
from correction_service.db import Database
from correction_service.people import cases, persons
from correction_service.people.intake import EnrolForm, Faults
from models.audit import AuditRecord
from models.case import Case, CaseState, Category
from models.checkin import CheckInPlan
from models.errors import Forbidden, NotFound, Refused
from models.identity import IdKind, Sex
from models.person import Person
from models.user import Role, User
from tests.county import NOW, VALID_ID, County, resident_id


def form(county: County, **fields: object) -> EnrolForm:
    given = EnrolForm(
        name="张某",
        id_number=VALID_ID,
        category=Category.SUSPENDED_SENTENCE,
        deciding_authority="汇川区人民法院",
        effective_on=date(2026, 11, 16),
        term_start=date(2026, 11, 16),
        term_end=date(2027, 11, 15),
        office_id=county.office,
        phone="138 0000 0000",
        address="遵义市汇川区某路 1 号",
    )
    return replace(given, **fields)  # type: ignore[arg-type]


def officer(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def test_enrolment_makes_a_numbered_case_that_awaits_its_report(
    database: Database, county: County
) -> None:
    with database.transaction(Actor("user", "1"), "test") as session:
        case = persons.enrol(session, officer(session, county), form(county), NOW)
        assert case.number == "520303-2026-00001"
        assert case.state is CaseState.AWAITING_REPORT
        assert case.person.sex is Sex.FEMALE
        assert not case.minor
        assert session.get(CheckInPlan, case.id) is not None
        columns = (case.person.id_number_sealed, case.person.phone_sealed)
        assert all(VALID_ID.encode() not in (sealed or b"") for sealed in columns)


def test_someone_under_eighteen_when_correction_starts_is_marked_a_minor(
    database: Database, county: County
) -> None:
    young = form(county, id_kind=IdKind.PASSPORT, id_number="E1234567", sex=Sex.MALE)
    with database.transaction(Actor("user", "1"), "test") as session:
        user = officer(session, county)
        born = replace(young, born_on=date(2008, 11, 17))
        assert persons.enrol(session, user, born, NOW).minor
        older = replace(young, id_number="E7654321", born_on=date(2008, 11, 16))
        assert not persons.enrol(session, user, older, NOW).minor


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id_number", "110105194912310021"),
        ("name", " "),
        ("deciding_authority", ""),
        ("effective_on", date(2026, 11, 21)),
        ("term_end", date(2026, 11, 15)),
        ("term_end", date(2026, 11, 19)),
        ("sex", None),
    ],
)
def test_what_cannot_be_right_is_refused_by_field(
    database: Database, county: County, field: str, value: object
) -> None:
    wrong = form(county, **{field: value})
    if field == "sex":
        wrong = replace(wrong, id_kind=IdKind.PASSPORT, born_on=date(1990, 1, 1))
    with (
        database.transaction(Actor("user", "1"), "test") as session,
        pytest.raises(Faults) as refusal,
    ):
        persons.enrol(session, officer(session, county), wrong, NOW)
    assert refusal.value.field == field
    assert VALID_ID not in str(refusal.value)


def test_a_known_person_gets_a_second_case_only_when_the_first_has_ended(
    database: Database, county: County
) -> None:
    with database.transaction(Actor("user", "1"), "test") as session:
        user = officer(session, county)
        first = persons.enrol(session, user, form(county), NOW)
        with pytest.raises(Faults, match=first.number) as refusal:
            persons.enrol(session, user, form(county), NOW)
        assert refusal.value.field == "id_number"
        first.state = CaseState.RELEASED
        with pytest.raises(Faults, match="another name"):
            persons.enrol(session, user, form(county, name="李某"), NOW)
        second = persons.enrol(session, user, form(county), NOW)
        assert second.person_id == first.person_id
        assert second.number != first.number


def test_an_officer_enrols_at_their_own_office_only(database: Database, county: County) -> None:
    elsewhere = form(county, office_id=county.other_office)
    with database.transaction(Actor("user", "1"), "test") as session:
        with pytest.raises(Faults) as refusal:
            persons.enrol(session, officer(session, county), elsewhere, NOW)
        assert refusal.value.field == "office"
        head = officer(session, county, Role.COUNTY_HEAD)
        assert persons.enrol(session, head, elsewhere, NOW).office_id == county.other_office
        with pytest.raises(Forbidden):
            persons.enrol(session, officer(session, county, Role.PROCURATOR), elsewhere, NOW)


def test_officers_enrolling_at_once_get_different_numbers(
    database: Database, county: County
) -> None:
    def enrol(number: int) -> str:
        one = form(county, id_number=resident_id(number), name=f"某{number}")
        with database.transaction(Actor("user", "1"), "test") as session:
            return persons.enrol(session, officer(session, county), one, NOW).number

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(enrol, range(100, 108)))
    assert sorted(made) == [f"520303-2026-{serial:05d}" for serial in range(1, 9)]


def test_the_same_person_enrolled_at_once_becomes_one_person_and_one_case(
    database: Database, county: County
) -> None:
    def enrol(_: int) -> bool:
        try:
            with database.transaction(Actor("user", "1"), "test") as session:
                persons.enrol(session, officer(session, county), form(county), NOW)
        except (Refused, Faults):
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(enrol, range(3))).count(True) == 1
    with database.reading() as session:
        named = select(func.count()).select_from(Person).where(Person.name == "张某")
        assert session.scalar(named) == 1
        assert session.scalar(select(func.count()).select_from(Case)) == 2


@pytest.mark.parametrize("query", ["张", "2026-00001", VALID_ID.lower(), "+86 138-0000-0000"])
def test_search_finds_by_name_number_document_and_phone(
    database: Database, county: County, query: str
) -> None:
    with database.transaction(Actor("user", "1"), "test") as session:
        case = persons.enrol(session, officer(session, county), form(county), NOW)
        assert persons.find(session, officer(session, county), query) == [case]
        assert persons.find(session, officer(session, county), "1380000000") == []
        stranger = User(
            username="b", name="b", role=Role.OFFICER, agency_id=county.agency,
            office_id=county.other_office, password_hash="!",
        )  # fmt: skip
        session.add(stranger)
        session.flush()
        assert persons.find(session, stranger, query) == []


def test_a_percent_sign_is_no_wildcard(database: Database, county: County) -> None:
    with database.reading() as session:
        assert persons.find(session, officer(session, county), "%") == []


def test_revealing_a_secret_field_is_logged_and_kept_to_those_who_supervise(
    database: Database, county: County
) -> None:
    with database.transaction(Actor("user", "7"), "test") as session:
        user = officer(session, county)
        case = persons.enrol(session, user, form(county), NOW)
        assert persons.reveal(session, user, case.id, "phone") == "13800000000"
        with pytest.raises(Forbidden):
            persons.reveal(session, officer(session, county, Role.PROCURATOR), case.id, "phone")
    with database.reading() as session:
        seen = session.scalars(select(AuditRecord).where(AuditRecord.action == "view_phone")).one()
        assert (seen.actor_id, seen.subject_kind) == ("7", "person")


def test_contact_is_changed_or_cleared_and_found_by_the_new_number(
    database: Database, county: County
) -> None:
    with database.transaction(Actor("user", "1"), "test") as session:
        user = officer(session, county)
        case = persons.enrol(session, user, form(county), NOW)
        persons.change_contact(session, user, case.id, phone="139-1111-2222", address=None)
        assert persons.find(session, user, "13911112222") == [case]
        assert persons.find(session, user, "13800000000") == []
        persons.change_contact(session, user, case.id, phone="", address="")
        assert persons.reveal(session, user, case.id, "address") is None
        with pytest.raises(NotFound):
            persons.change_contact(session, user, 999, phone="", address=None)


def test_legal_days_are_those_of_shanghai() -> None:
    assert cases.legal_day(NOW.replace(hour=17)) == date(2026, 11, 21)
