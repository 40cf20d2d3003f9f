"""Prohibition orders of courts: on file in their words, reported on by the case's own interval."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic import command
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import clocks, prohibitions
from correction_service.casework.clocks import Running
from correction_service.casework.prohibitions import Wanted
from correction_service.db import Database, alembic_config
from correction_service.people import cases
from correction_service.rights import duties
from correction_service.settings import Settings
from models.case import Case, CaseState
from models.errors import DomainError, NotFound, Refused
from models.prohibition import ProhibitionOrder
from models.user import Role, User
from tests.county import DAY, NOW, PARDON, County
from tests.pages import SignedInClient

ORDER = Wanted(
    court="汇川区人民法院",
    number="（2026）黔0303刑初7号",
    forbids="禁止进入网吧、酒吧",
    starts_on=DAY - timedelta(days=3),
    ends_on=DAY + timedelta(days=180),
    report_days=10,
)
BEGAN = ORDER.starts_on


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def entered(session: Session, county: County, wanted: Wanted = ORDER) -> ProhibitionOrder:
    return prohibitions.enter(session, by(session, county), county.case, wanted, NOW)


def report(session: Session, county: County, order: ProhibitionOrder, on: date = DAY) -> None:
    prohibitions.report(
        session, by(session, county), order.id, on=on, said="未进入此类场所", now=NOW
    )


def awaited(session: Session, county: County, on: date = DAY) -> list[Running]:
    found = clocks.running(session, clocks.of(county.case), hours.day_start(on))
    return [it for it in found if it.rule.name == prohibitions.CLOCK]


def last_days(session: Session, county: County) -> list[date]:
    ends = [it.due.at for it in awaited(session, county)]
    return [hours.local_day(end - timedelta(seconds=1)) for end in ends if end]


def test_im_24_a_report_on_a_prohibition_order_is_due_by_the_interval_of_the_case(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = entered(session, county)
        (clock,) = awaited(session, county)
        assert (clock.rule.basis, clock.rule.mark.value) == ("IM 24", "S")
        assert last_days(session, county) == [BEGAN + timedelta(days=10)]
        report(session, county, order)
        assert last_days(session, county) == [DAY + timedelta(days=10)]
        entered(session, county, replace(ORDER, report_days=4, number="另案 2"))
        assert last_days(session, county) == [DAY + timedelta(days=3), DAY + timedelta(days=10)]


def test_a_report_is_counted_from_reporting_in_where_the_order_is_older(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county, replace(ORDER, starts_on=date(2026, 10, 1)))
        reported_on = session.get_one(Case, county.case).reported_on
        assert reported_on is not None
        (due,) = last_days(session, county)
        assert due == reported_on + timedelta(days=10)


@pytest.mark.parametrize("state", [CaseState.DETAINED, CaseState.AWAITING_REPORT])
def test_no_report_is_awaited_in_custody_or_before_reporting_in(
    database: Database, county: County, state: CaseState
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county)
        session.get_one(Case, county.case).state = state
        assert awaited(session, county) == []


def test_lcc_32_no_report_is_counted_from_before_the_end_of_custody(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county, replace(ORDER, report_days=30))
        case, back = session.get_one(Case, county.case), NOW + timedelta(days=60)
        case.move(CaseState.DETAINED, NOW)
        case.move(CaseState.UNDER_CORRECTION, back)
        assert last_days(session, county) == [hours.local_day(back) + timedelta(days=30)]
        case.move(CaseState.LOST_CONTACT, back + timedelta(days=2))
        assert last_days(session, county) == [hours.local_day(back) + timedelta(days=30)]


def test_lcc_32_custody_from_before_its_end_was_kept_is_held_against_nobody(
    database: Database, county: County, settings: Settings
) -> None:
    config = alembic_config(settings.database_url.get_secret_value())
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county)
        session.get_one(Case, county.case).state_since = NOW  # back from custody, as it may be
    command.downgrade(config, "0047")
    command.upgrade(config, "head")
    with database.reading() as session:
        assert last_days(session, county) == [DAY + timedelta(days=10)]


def test_a_leave_does_not_put_off_the_report_on_an_order(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county)
        case = session.get_one(Case, county.case)
        case.move(CaseState.ON_LEAVE, NOW)
        case.move(CaseState.UNDER_CORRECTION, NOW + timedelta(days=3))
        assert last_days(session, county) == [BEGAN + timedelta(days=10)]


def test_a_report_is_awaited_only_while_the_order_is_in_force(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order, user = entered(session, county), by(session, county)
        assert awaited(session, county, BEGAN - timedelta(days=1)) == []
        assert len(awaited(session, county, ORDER.ends_on)) == 1
        assert awaited(session, county, ORDER.ends_on + timedelta(days=1)) == []
        prohibitions.lift(session, user, order.id, on=DAY, why="裁定 9 号", now=NOW)
        assert awaited(session, county) == []
        assert prohibitions.in_force(session, county.case, DAY) == []
        with pytest.raises(Refused, match="already lifted"):
            prohibitions.lift(session, user, order.id, on=DAY, why="裁定 9 号", now=NOW)


def test_the_clock_of_a_report_is_ended_by_a_report_alone(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county)
        user = by(session, county)
        with pytest.raises(Refused, match="No such clock"):
            clocks.done(
                session, user, county.case, prohibitions.CLOCK, on=DAY, note="已办", now=NOW
            )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"court": " "}, "court"),
        ({"number": ""}, "number"),
        ({"number": "x" * 65}, "number"),
        ({"forbids": " "}, "forbids"),
        ({"ends_on": BEGAN - timedelta(days=1)}, "ends_on"),
        ({"report_days": 0}, "report_days"),
        ({"report_days": 367}, "report_days"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_field(
    database: Database, county: County, change: dict[str, object], field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(DomainError) as refusal:
            entered(session, county, replace(ORDER, **change))  # type: ignore[arg-type]
        assert refusal.value.field == field
        assert prohibitions.of(session, county.case) == []


@pytest.mark.parametrize(
    ("on", "said", "field"),
    [
        (DAY + timedelta(days=1), "遵守", "on"),
        (BEGAN - timedelta(days=1), "遵守", "on"),
        (DAY, " ", "note"),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_field(
    database: Database, county: County, on: date, said: str, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order, user = entered(session, county), by(session, county)
        with pytest.raises(DomainError) as refusal:
            prohibitions.report(session, user, order.id, on=on, said=said, now=NOW)
        assert refusal.value.field == field


def test_an_order_is_its_offices_own_and_of_a_case_that_runs(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order, user = entered(session, county), by(session, county)
        cases.move(session, user, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON)
        assert awaited(session, county) == []
        with pytest.raises(Refused, match="has ended"):
            report(session, county, order)
        session.get_one(Case, county.case).office_id = county.other_office
        session.flush()
        with pytest.raises(NotFound):
            report(session, county, order)


def test_the_duty_names_the_nearest_day_and_nobody_without_an_order_has_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)

        def until() -> list[date | None]:
            owed = duties.of(session, case, NOW)
            return [
                it.until
                for some in owed.values()
                for it in some
                if it.duty.clock == prohibitions.CLOCK
            ]

        assert until() == []
        entered(session, county)
        entered(session, county, replace(ORDER, report_days=6, number="另案 2"))
        assert until() == [BEGAN + timedelta(days=6)]


def test_an_order_is_entered_reported_on_and_lifted_on_the_page_and_read_on_the_phone(
    client_of: SignedInClient, opened_phone: FlaskClient, county: County
) -> None:
    officer, page = client_of(Role.OFFICER), f"/cases/{county.case}/decisions"
    today = cases.legal_day(datetime.now(UTC))
    form = {
        "court": "汇川区人民法院",
        "number": "（2026）黔0303刑初7号",
        "forbids": "禁止进入网吧、酒吧",
        "starts_on": (today - timedelta(days=5)).isoformat(),
        "ends_on": (today + timedelta(days=60)).isoformat(),
        "report_days": "7",
    }
    enter = f"/prohibitions/cases/{county.case}"
    assert client_of(Role.PROCURATOR).post(enter, data=form).status_code == 403
    officer.post(enter, data={**form, "report_days": "x"})
    assert "禁止进入网吧" not in officer.get(page).text
    officer.post(enter, data=form)
    shown = officer.get(page).text
    assert "禁止进入网吧" in shown
    assert "report every 7 days" in shown
    assert "No report yet." in shown
    assert "禁止进入网吧" in opened_phone.get("/m/duties").text
    assert "prohibition order" in officer.get("/clocks/").text
    orders = client_of(Role.COUNTY_HEAD).get(f"/cases/{county.case}/orders").text
    assert "for the first ground: （2026）黔0303刑初7号 of 汇川区人民法院" in orders
    officer.post("/prohibitions/1/report", data={"on": today.isoformat(), "note": "未进入"})
    assert "未进入" in officer.get(page).text
    officer.post("/prohibitions/1/lift", data={"on": today.isoformat(), "note": "裁定 9 号"})
    assert "裁定 9 号" in officer.get(page).text
    assert "禁止进入网吧" not in opened_phone.get("/m/duties").text
