"""Cases and orders: a team before correction begins, the law's list before tracking does."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import scope
from correction_service.audit import SYSTEM
from correction_service.casework import order_papers, orders
from correction_service.casework.order_facts import Fact
from correction_service.db import Database
from correction_service.people import cases, consents, enrolments, persons
from models.case import Case, CaseState
from models.device import Binding
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.face import FaceTemplate
from models.fix import Fix
from models.identity import Sex
from models.order import Ground, PositioningOrder
from models.outbox import Outbox
from models.user import Permission, Role, User
from tests.county import NOW, PARDON, RECALL, County
from tests.tracked import HUICHUAN, Tracked, heard, minutes, take

TODAY = date(2026, 11, 20)


def user(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def awaiting(session: Session, county: County) -> Case:
    case = session.get_one(Case, county.case)
    case.state, case.reported_on = CaseState.AWAITING_REPORT, None
    return case


def decided(
    session: Session, county: County, starts_on: date = TODAY, days: int = 30
) -> PositioningOrder:
    wanted = orders.Wanted(
        ground=Ground.LEFT_WITHOUT_APPROVAL,
        evidence="笔录",
        facts=[Fact("document", None, "笔录 3")],
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=days),
    )
    head = user(session, county, Role.COUNTY_HEAD)
    return orders.decide(session, head, county.case, wanted, NOW)


def test_reporting_in_begins_correction_and_tells_the_open_pages(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = awaiting(session, county)
        officer = user(session, county)
        with pytest.raises(Invalid, match="still to come"):
            cases.report_in(session, officer, case.id, date(2026, 11, 21), NOW)
        cases.report_in(session, officer, case.id, date(2026, 11, 4), NOW)
        assert (case.state, case.reported_on) == (
            CaseState.UNDER_CORRECTION,
            date(2026, 11, 4),
        )
        assert session.scalars(select(Outbox)).one().payload == {"kind": "case", "id": case.id}


def test_the_last_woman_of_a_womans_team_is_not_removed(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.sex = Sex.FEMALE
        officer = user(session, county)
        cases.add_team_member(
            session, officer, case.id, name="李某", sex=Sex.MALE, part="volunteer",
            username="volunteer",
        )  # fmt: skip
        woman, volunteer = case.team
        assert volunteer.user_id == county.users[Role.VOLUNTEER]
        with pytest.raises(Refused, match="LCC 25"):
            cases.remove_team_member(session, officer, case.id, woman.id)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"name": " "}, "name"), ({"part": "judge"}, "part"), ({"username": "nobody"}, "username")],
)
def test_a_member_who_cannot_be_is_refused_by_field(
    database: Database, county: County, fields: dict[str, str], field: str
) -> None:
    given = {"name": "李某", "part": "family", "username": "", **fields}
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        cases.add_team_member(session, user(session, county), county.case, sex=Sex.MALE, **given)
    assert refusal.value.field == field


def test_correction_does_not_begin_by_a_change_of_state(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = awaiting(session, county)
        with pytest.raises(Refused, match="Reporting in"):
            cases.move(
                session,
                user(session, county),
                case.id,
                CaseState.UNDER_CORRECTION,
                note="x",
                now=NOW,
            )
        with pytest.raises(Refused, match="cannot go"):
            cases.move(
                session, user(session, county), case.id, CaseState.ON_LEAVE, note="x", now=NOW
            )


def test_release_ends_tracking_and_forgets_the_face_at_once(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        officer = user(session, county)
        order = decided(session, county)
        consents.give(session, case.person, officer, NOW)
        template = FaceTemplate(
            id=case.person.id, person=case.person, model_version="m", photos=3, sealed=b"x",
            enrolled_by=officer.id, enrolled_at=NOW,
        )  # fmt: skip
        session.add(template)
        with pytest.raises(Invalid) as refusal:
            cases.move(session, officer, case.id, CaseState.RELEASED, note=" ", now=NOW)
        assert refusal.value.field == "note"
        cases.move(session, officer, case.id, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON)
        assert (case.state_note, cases.lawful_next(case)) == ("特赦", [])
        assert not order.in_force(NOW)
        assert template.sealed is None
        with pytest.raises(Refused, match="ended"):
            decided(session, county)


def test_release_takes_the_bracelet_off_and_nothing_is_stored_afterwards(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county)
        cases.move(
            session, officer, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON
        )
    take(database, heard(minutes(NOW + timedelta(minutes=1), [HUICHUAN] * 3)))
    with database.reading() as session:
        assert session.scalar(select(Binding.unbound_at)) == NOW
        assert session.scalar(select(func.count(Fix.time))) == 0


def test_an_ended_case_gives_no_say_in_the_person(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county)
        cases.move(
            session, officer, county.case, CaseState.TERMINATED, note="撤缓", now=NOW, end=RECALL
        )
        assert scope.case_for(session, officer, county.case).state is CaseState.TERMINATED
        for act in (
            lambda: cases.open_case_for(session, officer, county.case, Permission.ENROL),
            lambda: persons.reveal(session, officer, county.case, "phone"),
            lambda: persons.change_contact(
                session, officer, county.case, phone="13800000000", address=None
            ),
            lambda: enrolments.begin(session, officer, county.case),
        ):
            with pytest.raises(Refused) as refusal:
                act()
            assert refusal.value.code == "case_ended"


def test_what_may_come_next_waits_for_reporting_in(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = awaiting(session, county)
        assert cases.lawful_next(case) == [CaseState.DETAINED, CaseState.TERMINATED]


def test_an_order_starts_now_and_ends_with_its_last_legal_day(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decided(session, county)
        session.refresh(order)
        assert order.starts_at == NOW
        assert order.ends_at.isoformat() == "2026-12-20T16:00:00+00:00"
        case = session.get_one(Case, county.case)
        assert orders.in_force(session, case, NOW) is order
        orders.lift(session, user(session, county), order.id, NOW + timedelta(hours=1))
        assert orders.in_force(session, case, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    ("starts_on", "days", "field"),
    [
        (date(2026, 11, 19), 30, "starts_on"),
        (TODAY, 93, "ends_on"),
        (date(2027, 10, 1), 40, "ends_on"),
    ],
)
def test_an_order_is_not_backdated_nor_longer_than_the_law_or_the_term(
    database: Database, county: County, starts_on: date, days: int, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        decided(session, county, starts_on, days)
    assert refusal.value.field in {field, "ends_at"}


def test_an_order_of_three_whole_months_may_end_on_the_last_day_of_a_month(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decided(session, county, date(2027, 3, 1), 91)
        session.refresh(order)
        assert order.ends_at.isoformat() == "2027-05-31T16:00:00+00:00"


def test_orders_of_a_case_do_not_overlap_and_an_extension_follows(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = decided(session, county)
        with pytest.raises(Refused, match="Another order"):
            decided(session, county, TODAY + timedelta(days=30))
        with pytest.raises(Refused, match="follows an assessment"):
            decided(session, county, TODAY + timedelta(days=31))
        officer = user(session, county)
        order_papers.assess(session, officer, first, needed=True, found="仍不服从", now=NOW)
        second = decided(session, county, TODAY + timedelta(days=31))
        assert second.extends_id == first.id
        assert len(orders.of(session, session.get_one(Case, county.case))) == 2


def test_only_the_head_decides_and_only_their_offices_lift(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decided(session, county)
        wanted = orders.Wanted(
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="x",
            facts=[Fact("document", None, "笔录 4")],
            starts_on=order.ends_at.date() + timedelta(days=9),
            ends_on=order.ends_at.date() + timedelta(days=10),
        )
        with pytest.raises(Refused, match="head"):
            orders.decide(session, user(session, county), county.case, wanted, NOW)
        with pytest.raises(Forbidden):
            orders.lift(session, user(session, county, Role.PROCURATOR), order.id, NOW)
        elsewhere = user(session, county, Role.OFFICE_HEAD)
        elsewhere.office_id = county.other_office
        with pytest.raises(NotFound):
            orders.lift(session, elsewhere, order.id, NOW)


def test_a_county_user_opens_cases_at_every_office_and_an_officer_at_one(
    database: Database, county: County
) -> None:
    with database.reading() as session:
        found = {
            role: [office.id for office in cases.offices(session, user(session, county, role))]
            for role in (Role.OFFICER, Role.COUNTY_HEAD, Role.PROCURATOR)
        }
    assert found == {
        Role.OFFICER: [county.office],
        Role.COUNTY_HEAD: [county.office, county.other_office],
        Role.PROCURATOR: [],
    }
