"""Who decides a leave: routed by its days and its places, never above one's level (IM 27)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import (
    clocks,
    leave_answers,
    leave_requests,
    leave_routes,
    leaves,
    overdue,
)
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.law.limits import bounds
from correction_service.law.tables import Mark
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, Refused
from models.leave import Leave, LeaveReason, LeaveState
from models.leave_request import LeaveLevel, LeaveRequest, RequestState
from models.notice import Notice
from models.user import Role
from tests.county import NOW, County
from tests.leave import WISH, approve, ask, lasting, user
from tests.service.test_leave_zones import spans
from tests.tracked import Tracked, incidents_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def above(database: Database, county: County) -> None:
    """The upper agency's user sits one level up."""
    with database.transaction(SYSTEM, "test") as session:
        city = Agency(name="遵义市", level=AgencyLevel.CITY, division="520300")
        session.add(city)
        session.flush()
        session.get_one(Agency, county.agency).parent_id = city.id
        user(session, county, Role.UPPER_AGENCY).agency_id = city.id


@pytest.mark.parametrize(
    ("name", "value", "unit", "basis"),
    [
        ("leave_office", 7, "days", "IM 27"),
        ("leave_county", 30, "days", "IM 27"),
        ("leave_cumulative", 30, "days", "IM 27"),
        ("leave_window", 2, "months", "IM 27"),
        ("leave_ahead", 3, "days", "IM 27"),
        ("leave_regular", 6, "months", "IM 29"),
    ],
)
def test_each_limit_of_leave_is_the_measures_and_says_that_it_is_recalled(
    name: str, value: int, unit: str, basis: str
) -> None:
    bound = bounds()[name]
    assert (bound.value, bound.unit, bound.basis, bound.mark) == (value, unit, basis, Mark.RECALLED)


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (1, LeaveLevel.OFFICE),
        (7, LeaveLevel.OFFICE),
        (8, LeaveLevel.COUNTY),
        (30, LeaveLevel.COUNTY),
        (31, LeaveLevel.UPPER),
    ],
)
def test_who_decides_goes_by_the_days(
    database: Database, county: County, settings: Settings, days: int, level: LeaveLevel
) -> None:
    request = ask(database, settings, county, lasting(days))
    with database.reading() as session:
        found = session.get_one(LeaveRequest, request)
        assert (found.level, found.days) == (level, days)


def test_more_than_30_days_within_two_months_goes_one_level_up(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        taken = Leave(
            case=case, reason=LeaveReason.WORK, divisions=["520100"], note="表 1",
            starts_at=NOW - 30 * DAY, ends_at=NOW - 5 * DAY, state=LeaveState.RETURNED,
            returned_at=NOW - 5 * DAY,
        )  # fmt: skip
        session.add(taken)
        session.flush()

        def level(days: int, begins: datetime = NOW + DAY) -> LeaveLevel:
            return leave_routes.route(session, case, begins, begins + days * DAY).level

        assert (level(5), level(6)) == (LeaveLevel.OFFICE, LeaveLevel.UPPER)
        assert level(6, NOW + 60 * DAY) is LeaveLevel.OFFICE, "two months later"
        taken.returned_at = NOW - 6 * DAY
        assert level(6) is LeaveLevel.OFFICE, "back a day early"


def test_leave_counts_in_every_two_months_that_it_is_in(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)

        def take(begins: datetime, ends: datetime) -> None:
            session.add(
                Leave(
                    case=case, reason=LeaveReason.WORK, divisions=["520100"], note="表 1",
                    starts_at=begins, ends_at=ends,
                )
            )  # fmt: skip
            session.flush()

        def in_window(begins: datetime, days: int) -> int:
            return leave_routes.route(session, case, begins, begins + days * DAY).days_in_window

        take(NOW + 20 * DAY, NOW + 45 * DAY)
        assert in_window(NOW + 10 * DAY, 6) == 31, "one that was granted for later"
        assert in_window(NOW - 60 * DAY, 6) == 6, "too long before it"
        for day in (3, 5):
            take(NOW + day * DAY, NOW + day * DAY + 2 * HOUR)
        assert in_window(NOW + 10 * DAY, 6) == 33, "a leave within a day is of one"


def test_where_the_county_has_not_delegated_it_decides_every_leave(
    database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_so = replace(bounds()["leave_office_delegated"], value=0)
    own = {**bounds(), "leave_office_delegated": not_so}
    monkeypatch.setattr(leave_routes, "bounds_of", lambda _session: own)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        assert leave_routes.route(session, case, NOW, NOW + DAY).level is LeaveLevel.COUNTY


def test_an_approval_opens_the_leave_and_lets_the_zones_rest_by_itself(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    leave = approve(database, county, ask(database, settings, county), Role.OFFICE_HEAD)
    assert [span[0] for span, _ in spans(database)][1:] == [WISH.ends_at]
    with database.reading() as session:
        found = session.get_one(Leave, leave)
        assert (found.state, found.note) == (LeaveState.APPROVED, "外出审批表 9")
        assert session.scalars(select(LeaveRequest.leave_id)).one() == leave
        assert session.scalars(select(Notice.kind)).all() == ["leave"]


@pytest.mark.parametrize(
    ("days", "roles"),
    [(8, (Role.OFFICE_HEAD, Role.COUNTY_HEAD)), (31, (Role.COUNTY_HEAD, Role.UPPER_AGENCY))],
)
def test_nobody_decides_above_their_level(
    database: Database, county: County, settings: Settings, days: int, roles: tuple[Role, Role]
) -> None:
    too_low, right = roles
    above(database, county)
    request = ask(database, settings, county, lasting(days))
    with pytest.raises(Forbidden, match="higher level"):
        approve(database, county, request, too_low)
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Forbidden):
        leave_answers.refuse(session, user(session, county, too_low), request, "x", NOW)
    for role in (Role.OFFICER, Role.PROCURATOR, Role.VOLUNTEER):
        with pytest.raises(Forbidden, match="role"):
            approve(database, county, request, role)
    approve(database, county, request, right)


def test_what_goes_one_level_up_is_told_to_the_procuratorate(
    database: Database, county: County, settings: Settings
) -> None:
    above(database, county)
    approve(database, county, ask(database, settings, county, lasting(31)), Role.UPPER_AGENCY)
    with database.reading() as session:
        running = clocks.running(session, clocks.of(county.case), NOW)
        assert [it.rule.name for it in running] == ["leave_informed"]


def test_a_long_leave_recorded_from_paper_is_told_to_the_procuratorate_too(
    database: Database, county: County
) -> None:
    long = Approval(
        reason=LeaveReason.WORK, divisions=["520100"], starts_at=NOW, ends_at=NOW + 31 * DAY,
        note="市局批复 4 号", level=LeaveLevel.UPPER,
    )  # fmt: skip
    with database.transaction(SYSTEM, "test") as session:
        leaves.approve(session, user(session, county, Role.OFFICER), county.case, long, NOW)
        (clock,) = clocks.running(session, clocks.of(county.case), NOW)
        assert (clock.rule.name, clock.clock and clock.clock.note) == (
            "leave_informed",
            "市局批复 4 号",
        )


@pytest.mark.parametrize(
    ("days", "levels", "said"),
    [
        (8, (LeaveLevel.OFFICE, LeaveLevel.COUNTY), r"by the county agency \(IM 27, R\)"),
        (30, (LeaveLevel.OFFICE, LeaveLevel.COUNTY), r"by the county agency \(IM 27, R\)"),
        (31, (LeaveLevel.COUNTY, LeaveLevel.UPPER), r"agency above the county \(IM 27, R\)"),
    ],
)
def test_a_paper_of_too_low_a_level_is_not_recorded_and_the_refusal_names_the_level(
    database: Database,
    county: County,
    days: int,
    levels: tuple[LeaveLevel, LeaveLevel],
    said: str,
) -> None:
    too_low, right = levels
    paper = Approval(
        reason=LeaveReason.WORK, divisions=["520100"], starts_at=NOW, ends_at=NOW + days * DAY,
        note="外出审批表 4", level=too_low,
    )  # fmt: skip
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)
        with pytest.raises(Refused, match=said) as refusal:
            leaves.approve(session, officer, county.case, paper, NOW)
        assert refusal.value.field == "level"
        assert session.scalars(select(Leave)).all() == []
        leaves.approve(session, officer, county.case, replace(paper, level=right), NOW)


def test_a_paper_that_names_nobody_is_taken_for_the_offices_own(
    database: Database, county: County
) -> None:
    paper = Approval(
        reason=LeaveReason.WORK, divisions=["520100"], starts_at=NOW, ends_at=NOW + 7 * DAY,
        note="外出审批表 4",
    )  # fmt: skip
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)
        longer = replace(paper, ends_at=NOW + 8 * DAY)
        with pytest.raises(Refused, match="higher level"):
            leaves.approve(session, officer, county.case, longer, NOW)
        leaves.approve(session, officer, county.case, paper, NOW)


def test_a_paper_counts_with_the_days_of_leave_before_it(
    database: Database, county: County
) -> None:
    first = Approval(
        reason=LeaveReason.WORK, divisions=["520100"], starts_at=NOW + DAY,
        ends_at=NOW + 27 * DAY, note="外出审批表 4", level=LeaveLevel.COUNTY,
    )  # fmt: skip
    second = replace(first, starts_at=NOW + 30 * DAY, ends_at=NOW + 35 * DAY)
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)
        leaves.approve(session, officer, county.case, first, NOW)
        with pytest.raises(Refused, match="alone or with others"):
            leaves.approve(session, officer, county.case, second, NOW)


def test_only_a_person_refuses_and_says_why(
    database: Database, county: County, settings: Settings
) -> None:
    late = replace(WISH, starts_at=NOW + HOUR, ends_at=NOW + 2 * DAY)
    request = ask(database, settings, county, late)
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, NOW + 30 * DAY)
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(LeaveRequest, request)
        assert found.state is RequestState.ASKED, "nothing else does, however late"
        assert leave_requests.short_notice(session, found)
        head = user(session, county, Role.OFFICE_HEAD)
        with pytest.raises(Invalid, match="Say why"):
            leave_answers.refuse(session, head, request, " ", NOW)
        leave_answers.refuse(session, head, request, "当日须到庭", NOW)
        assert (found.state, found.decision) == (RequestState.REFUSED, "当日须到庭")
        with pytest.raises(Refused, match="already"):
            leave_answers.refuse(session, head, request, "x", NOW)


def test_regular_work_elsewhere_is_the_countys_for_six_months_at_most(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    begins = WISH.starts_at
    regular = replace(WISH, regular=True, reason=LeaveReason.WORK)
    with pytest.raises(Invalid, match="six months"):
        ask(database, settings, county, replace(regular, ends_at=begins + 185 * DAY))
    ends = begins + 180 * DAY
    request = ask(database, settings, county, replace(regular, ends_at=ends))
    leave = approve(database, county, request, Role.COUNTY_HEAD)
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, begins + DAY)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION
        overdue.watch(session, ends + 2 * HOUR)
        assert session.get_one(Leave, leave).state is LeaveState.RETURNED, "it lapses by itself"
    assert incidents_of(database) == []
