"""Copies, corrections and petitions: who reads them, by when they are answered, what they say."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database, ring_of
from correction_service.messages import notices
from correction_service.rights import copies, requests
from correction_service.rights.requests import Wish
from models.audit import AuditRecord
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.notice import Notice
from models.person_request import Addressee, KeptField, PersonRequestState, RequestKind
from models.user import Role, User
from models.zone import Zone, ZoneKind
from tests.county import NOW, County

COPY = Wish(kind=RequestKind.COPY)
CORRECTION = Wish(kind=RequestKind.CORRECTION, text="号码换了", field=KeptField.PHONE)
PETITION = Wish(kind=RequestKind.PETITION, text="催我交钱")
TO_PROCURATORATE = Wish(
    kind=RequestKind.PETITION, text="催我交钱", addressee=Addressee.PROCURATORATE
)
LATER = NOW + timedelta(days=40)


def asked(database: Database, county: County, wish: Wish) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return requests.ask(session, session.get_one(Case, county.case), wish, NOW).id


def sees(database: Database, county: County, role: Role, now: datetime = NOW) -> set[int]:
    with database.reading() as session:
        user = session.get_one(User, county.users[role])
        return {it.id for it in session.scalars(requests.to_answer(user, now))}


def readers(database: Database, county: County, request: int, now: datetime = NOW) -> set[Role]:
    return {role for role in Role if request in sees(database, county, role, now)}


def answered(session: Session, county: County, role: Role, request: int, *, granted: bool) -> None:
    user = session.get_one(User, county.users[role])
    requests.answer(session, user, request, granted=granted, note="查过了", now=NOW)


@pytest.mark.parametrize(
    ("wish", "basis"),
    [(COPY, "PIPL 45 (R)"), (CORRECTION, "PIPL 46 (R)"), (PETITION, "LCC 34 (R)")],
)
def test_data_copy_data_correction_and_petition_answer_are_due_within_thirty_days(
    database: Database, county: County, wish: Wish, basis: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = requests.ask(session, session.get_one(Case, county.case), wish, NOW)
    assert (made.due_on, made.basis) == (date(2026, 12, 21), basis)  # the 20th is a Sunday


def test_who_supervises_answers_for_data_and_the_county_for_petitions(
    database: Database, county: County
) -> None:
    supervising = {Role.OFFICER, Role.OFFICE_HEAD, Role.COUNTY_HEAD}
    assert readers(database, county, asked(database, county, COPY)) == supervising
    heads = {Role.COUNTY_HEAD, Role.UPPER_AGENCY}
    assert readers(database, county, asked(database, county, PETITION)) == heads


def test_a_petition_to_the_procuratorate_is_read_there_alone(
    database: Database, county: County
) -> None:
    made = asked(database, county, TO_PROCURATORATE)
    assert readers(database, county, made, LATER) == {Role.PROCURATOR}
    with database.transaction(SYSTEM, "test") as session:
        answered(session, county, Role.PROCURATOR, made, granted=True)


def test_whom_a_petition_names_never_sees_it(database: Database, county: County) -> None:
    head = county.users[Role.COUNTY_HEAD]
    made = asked(database, county, Wish(kind=RequestKind.PETITION, text="收钱", about=head))
    assert readers(database, county, made, LATER) == {Role.UPPER_AGENCY}
    with (
        database.transaction(SYSTEM, "test") as session,
        pytest.raises(NotFound),
    ):
        answered(session, county, Role.COUNTY_HEAD, made, granted=False)


def test_what_is_overdue_comes_to_the_agency_above_as_well(
    database: Database, county: County
) -> None:
    made = asked(database, county, COPY)
    assert Role.UPPER_AGENCY not in readers(database, county, made)
    assert Role.UPPER_AGENCY in readers(database, county, made, LATER)


def test_an_answer_is_written_once_told_to_the_person_and_kept_sealed(
    database: Database, county: County
) -> None:
    made = asked(database, county, CORRECTION)
    with database.transaction(SYSTEM, "test") as session:
        answered(session, county, Role.OFFICER, made, granted=True)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        found = requests.mine(session, case, made)
        assert found.state is PersonRequestState.GRANTED
        assert "查过了".encode() not in (found.answer_sealed or b"")
        assert requests.view(session, found) == ("号码换了", "查过了")
        told = session.scalars(select(Notice).where(Notice.kind == "request")).one()
        assert told.text_zh == notices.TEXTS["request"][0]
        with pytest.raises(Refused, match="already answered"):
            answered(session, county, Role.OFFICER, made, granted=False)
    with database.reading() as session:
        seen = select(AuditRecord).where(AuditRecord.action == "view_request")
        assert session.scalars(seen).one().subject_id == str(made)


def test_an_answer_without_a_word_is_refused(database: Database, county: County) -> None:
    made = asked(database, county, COPY)
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, county.users[Role.OFFICER])
        with pytest.raises(Invalid) as refusal:
            requests.answer(session, user, made, granted=False, note=" ", now=NOW)
    assert refusal.value.field == "note"


def test_what_the_agency_declined_is_carried_on_to_the_procuratorate(
    database: Database, county: County
) -> None:
    made = asked(database, county, PETITION)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused):
            requests.carry_on(session, case, made, NOW)
        answered(session, county, Role.COUNTY_HEAD, made, granted=False)
        requests.carry_on(session, case, made, NOW)
        procurator = session.get_one(User, county.users[Role.PROCURATOR])
        assert [it.id for it in session.scalars(requests.answered(procurator, NOW))] == [made]
        with pytest.raises(Refused):
            answered(session, county, Role.PROCURATOR, made, granted=True)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish(kind=RequestKind.PETITION), "text"),
        (Wish(kind=RequestKind.CORRECTION, text="错了"), "field"),
        (Wish(kind=RequestKind.COPY, text="长" * 2001), "text"),
        (Wish(kind=RequestKind.PETITION, text="收钱", about=0), "about"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_its_field(
    database: Database, county: County, wish: Wish, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        requests.ask(session, session.get_one(Case, county.case), wish, NOW)
    assert refusal.value.field == field


def test_a_copy_waits_once_and_a_flood_is_held(database: Database, county: County) -> None:
    asked(database, county, COPY)
    with pytest.raises(Refused, match="waits already"):
        asked(database, county, COPY)
    for _ in range(9):
        asked(database, county, PETITION)
    with pytest.raises(Refused, match="Ten requests"):
        asked(database, county, PETITION)


def zone(case_id: int, kind: ZoneKind, name: str, wording: str | None) -> Zone:
    return Zone(
        case_id=case_id,
        kind=kind,
        name=name,
        wording=wording,
        lat=27.7,
        lon=106.9,
        radius_m=300,
        divisions=[],
        valid_from=NOW,
    )


def test_a_copy_has_what_is_kept_and_an_exclusion_zone_only_in_its_orders_words(
    database: Database, county: County
) -> None:
    made = asked(database, county, COPY)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.put(ring_of(session), "phone", "13800001234")
        session.add(zone(case.id, ZoneKind.EXCLUSION, "受害人张某住处", "不得进入某小区"))
        session.add(zone(case.id, ZoneKind.HOME, "汇川区", None))
        found = requests.mine(session, case, made)
        with pytest.raises(Refused, match="not released"):
            copies.take(session, found, NOW)
        answered(session, county, Role.OFFICER, made, granted=True)
        tables = {it.name: it for it in copies.take(session, found, NOW)}
    assert ("phone", "13800001234") in tables["identity"].rows
    assert [row[1] for row in tables["zones"].rows] == ["不得进入某小区", "汇川区"]
    assert "张某" not in str(tables)
    assert all(len(row) == len(it.columns) for it in tables.values() for row in it.rows)
