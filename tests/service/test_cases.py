"""Cases and orders: a team before correction begins, the law's list before tracking does."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import cases, consents, orders
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.face import FaceTemplate
from models.identity import Sex
from models.order import Ground, PositioningOrder
from models.outbox import Outbox
from models.user import Role, User
from tests.county import NOW, County

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
    return orders.decide(
        session,
        user(session, county, Role.COUNTY_HEAD),
        county.case,
        ground=Ground.LEFT_WITHOUT_APPROVAL,
        evidence="笔录",
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=days),
        now=NOW,
    )


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
            cases.move(session, user(session, county), case.id, CaseState.UNDER_CORRECTION, NOW)
        with pytest.raises(Refused, match="cannot go"):
            cases.move(session, user(session, county), case.id, CaseState.ON_LEAVE, NOW)


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
        cases.move(session, officer, case.id, CaseState.RELEASED, NOW)
        assert not order.in_force(NOW)
        assert template.sealed is None
        with pytest.raises(Refused, match="ended"):
            decided(session, county)


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
        decided(session, county)
        with pytest.raises(Refused, match="Another order"):
            decided(session, county, TODAY + timedelta(days=30))
        decided(session, county, TODAY + timedelta(days=31))
        assert len(orders.of(session, session.get_one(Case, county.case))) == 2


def test_only_the_head_decides_and_only_their_offices_lift(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decided(session, county)
        with pytest.raises(Refused, match="head"):
            orders.decide(
                session, user(session, county), county.case, ground=Ground.BREACH_PENALISED,
                evidence="x", starts_on=TODAY, ends_on=TODAY, now=NOW,
            )  # fmt: skip
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
