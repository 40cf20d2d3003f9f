"""Leave: what is one, what becomes of it, and the zones to keep to, which rest by themselves."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import clocks, leaves, overdue
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.people import cases
from correction_service.zones import zones
from correction_service.zones.zones import Revision, Terms
from models.agency import Office
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave, LeaveReason, LeaveState
from models.leave_request import LeaveLevel
from models.user import Role, User
from models.zone import Zone, ZoneKind
from tests.county import NOW, County, make_case
from tests.tracked import FITTED, HUICHUAN, Tracked

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
APPROVAL = Approval(
    reason=LeaveReason.MEDICAL,
    divisions=["520100"],
    starts_at=NOW + HOUR,
    ends_at=NOW + 3 * DAY,
    note="外出审批表 2026-17",
)
BEGINS, ENDS = APPROVAL.starts_at, APPROVAL.ends_at
OFFICE_OPENS = NOW + 4 * DAY
Span = tuple[datetime, datetime | None]


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def approve(
    database: Database, county: County, approval: Approval = APPROVAL, now: datetime = NOW
) -> int:
    """An approval recorded by the officer; the leave's number."""
    with database.transaction(SYSTEM, "test") as session:
        return leaves.approve(session, officer(session, county), county.case, approval, now).id


def sign_off(database: Database, county: County, leave: int, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leaves.sign_off(session, officer(session, county), leave, now)


def cancel(database: Database, county: County, leave: int, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leaves.cancel(session, officer(session, county), leave, now)


def extend(
    database: Database,
    county: County,
    leave: int,
    to: datetime,
    now: datetime,
    *,
    level: LeaveLevel = LeaveLevel.UPPER,
    paper: str = "审批表 18",
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by = officer(session, county)
        leaves.extend(session, by, leave, to, paper=paper, level=level, now=now)


def watch(database: Database, now: datetime) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return overdue.watch(session, now)


def spans(database: Database, kind: ZoneKind = ZoneKind.HOME) -> list[tuple[Span, bool]]:
    """When zones of a kind ask something, in order, and whether for the sake of a leave."""
    with database.reading() as session:
        found = session.scalars(select(Zone).where(Zone.kind == kind)).all()
        asking = [
            ((it.valid_from, it.valid_to), it.leave_id is not None)
            for it in found
            if it.valid_to is None or it.valid_from < it.valid_to
        ]
        return sorted(asking, key=lambda it: it[0][0])


def state(database: Database, county: County) -> CaseState:
    with database.reading() as session:
        return session.get_one(Case, county.case).state


def test_the_home_area_rests_for_a_leave_and_goes_on_after_it(
    database: Database, county: County, tracked: Tracked
) -> None:
    approve(database, county)
    assert spans(database) == [((FITTED, BEGINS), False), ((ENDS, None), True)]


def test_a_curfew_rests_and_an_exclusion_zone_stays(
    database: Database, county: County, tracked: Tracked
) -> None:
    lat, lon = HUICHUAN
    night = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="22:00-06:00")
    forbidden = Terms(kind=ZoneKind.EXCLUSION, name="学校", valid_from=FITTED)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zones.circle(session, case, night, lat=lat, lon=lon, radius_m=200)
        zones.circle(session, case, forbidden, lat=lat + 0.05, lon=lon, radius_m=200)
    approve(database, county)
    assert [span for span, _ in spans(database, ZoneKind.CURFEW)] == [
        (FITTED, BEGINS),
        (ENDS, None),
    ]
    assert spans(database, ZoneKind.EXCLUSION) == [((FITTED, None), False)]
    with database.reading() as session:
        hours = set(session.scalars(select(Zone.hours).where(Zone.kind == ZoneKind.CURFEW)))
    assert hours == {"22:00-06:00"}


def test_a_zone_that_ends_during_the_leave_asks_nothing_after_it(
    database: Database, county: County, tracked: Tracked
) -> None:
    until = NOW + DAY
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Zone, tracked.zone).valid_to = until
    leave = approve(database, county)
    assert spans(database) == [((FITTED, BEGINS), False)]
    early = NOW + 12 * HOUR
    sign_off(database, county, leave, early)
    assert spans(database)[1:] == [((early, until), False)]


def test_a_zone_that_is_made_during_a_leave_rests_too(database: Database, county: County) -> None:
    approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zones.home_of_divisions(session, case, ["520303"], valid_from=NOW + 2 * HOUR)
    assert spans(database) == [((ENDS, None), True)]


def test_back_early_the_home_area_asks_again_at_once(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    early = NOW + DAY
    sign_off(database, county, leave, early)
    assert spans(database) == [((FITTED, BEGINS), False), ((early, None), False)]


def test_after_the_end_a_signing_off_ends_what_asked_for_the_return(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    sign_off(database, county, leave, OFFICE_OPENS)
    assert spans(database)[1:] == [((ENDS, OFFICE_OPENS), True), ((OFFICE_OPENS, None), False)]


def test_a_leave_that_is_cancelled_leaves_the_zone_as_it_was(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    cancel(database, county, leave, NOW)
    assert spans(database) == [((FITTED, None), False)]
    with database.reading() as session:
        assert session.get_one(Leave, leave).state is LeaveState.CANCELLED


def test_an_extension_puts_the_return_off_before_and_after_the_end(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    first, second = ENDS + DAY, ENDS + 9 * DAY
    extend(database, county, leave, first, NOW + DAY)
    assert spans(database)[1:] == [((first, None), True)]
    extend(database, county, leave, second, first + HOUR)
    assert spans(database)[1:] == [((first, first + HOUR), True), ((second, None), True)]


@pytest.mark.parametrize("extended_at", [NOW + DAY, ENDS + HOUR])
def test_an_extension_lets_zones_rest_that_the_leave_did_not_meet_before(
    database: Database, county: County, tracked: Tracked, extended_at: datetime
) -> None:
    leave = approve(database, county)
    ahead, end = ENDS + DAY, ENDS + 9 * DAY
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        terms = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=ahead, hours="22:00-06:00")
        zones.circle(session, case, terms, lat=27.7, lon=106.9, radius_m=200)
    assert spans(database, ZoneKind.CURFEW) == [((ahead, None), False)]
    extend(database, county, leave, end, extended_at)
    assert spans(database, ZoneKind.CURFEW) == [((end, None), True)]
    sign_off(database, county, leave, end)
    assert spans(database, ZoneKind.CURFEW) == [((end, None), False)]


def test_two_leaves_one_after_the_other_keep_each_its_own_end(
    database: Database, county: County, tracked: Tracked
) -> None:
    first = approve(database, county)
    later = replace(APPROVAL, starts_at=NOW + 10 * DAY, ends_at=NOW + 12 * DAY)
    second = approve(database, county, later)
    sign_off(database, county, first, OFFICE_OPENS)
    assert spans(database) == [
        ((FITTED, BEGINS), False),
        ((ENDS, OFFICE_OPENS), True),
        ((OFFICE_OPENS, later.starts_at), False),
        ((later.ends_at, None), True),
    ]
    cancel(database, county, second, OFFICE_OPENS + HOUR)
    assert spans(database)[2:] == [((OFFICE_OPENS, None), False)]


def test_other_hours_and_an_end_of_a_zone_reach_past_the_leave(
    database: Database, county: County
) -> None:
    night = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="22:00-06:00")
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        zone = zones.circle(session, case, night, lat=27.7, lon=106.9, radius_m=200)
    approve(database, county)
    until = NOW + 30 * DAY
    with database.transaction(SYSTEM, "test") as session:
        asked = Revision(valid_to=until, hours="21:00-06:00", wording=None)
        now_on = zones.revise(session, session.get_one(Zone, zone.id), asked, NOW)
        assert (now_on.valid_from, now_on.valid_to, now_on.hours) == (NOW, BEGINS, "21:00-06:00")
    assert [span for span, _ in spans(database, ZoneKind.CURFEW)] == [
        (FITTED, NOW),
        (NOW, BEGINS),
        (ENDS, until),
    ]
    with database.transaction(SYSTEM, "test") as session:
        zones.end(session, session.get_one(Zone, now_on.id), NOW + timedelta(minutes=5))
    assert [span for span, _ in spans(database, ZoneKind.CURFEW)] == [
        (FITTED, NOW),
        (NOW, NOW + timedelta(minutes=5)),
    ]


def test_a_zone_that_was_ended_comes_back_after_no_leave(
    database: Database, county: County, tracked: Tracked
) -> None:
    approve(database, county)
    approve(
        database,
        county,
        replace(APPROVAL, starts_at=NOW + 10 * DAY, ends_at=NOW + 12 * DAY),
    )
    with database.transaction(SYSTEM, "test") as session:
        zones.end(session, session.get_one(Zone, tracked.zone), NOW + HOUR / 2)
    assert spans(database) == [((FITTED, NOW + HOUR / 2), False)]


REFUSED = [
    (replace(APPROVAL, ends_at=NOW), "later than now"),
    (replace(APPROVAL, starts_at=NOW - 4 * DAY), "at most 3 days"),
    (replace(APPROVAL, ends_at=BEGINS + timedelta(minutes=5)), "an hour to six months"),
    (replace(APPROVAL, ends_at=NOW + 200 * DAY), "an hour to six months"),
    (replace(APPROVAL, divisions=[]), "where to"),
    (replace(APPROVAL, note=" "), "which paper"),
    (replace(APPROVAL, note="x" * 401), "400 characters"),
]


@pytest.mark.parametrize(("approval", "why"), REFUSED)
def test_what_is_no_leave_is_not_recorded(
    database: Database, county: County, approval: Approval, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        approve(database, county, approval)


def test_a_leave_ends_with_the_term(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = (NOW + DAY).date()
    with pytest.raises(Invalid, match="with the term"):
        approve(database, county)


def test_one_leave_at_a_time(database: Database, county: County) -> None:
    leave = approve(database, county)
    with pytest.raises(Refused, match="Another leave"):
        approve(database, county, replace(APPROVAL, starts_at=NOW + 2 * DAY, ends_at=NOW + 9 * DAY))
    after = replace(APPROVAL, starts_at=NOW + 10 * DAY, ends_at=NOW + 12 * DAY)
    with pytest.raises(Refused, match="not signed off"):
        approve(database, county, after, OFFICE_OPENS)
    approve(database, county, after)
    with pytest.raises(Refused, match="Another leave"):
        extend(database, county, leave, NOW + 11 * DAY, NOW)


def test_a_leave_is_signed_off_once_and_not_before_it_begins(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    with pytest.raises(Refused, match="not begun"):
        sign_off(database, county, leave, NOW)
    with pytest.raises(Refused, match="has begun"):
        cancel(database, county, leave, NOW + DAY)
    sign_off(database, county, leave, NOW + DAY)
    for act in (sign_off, cancel):
        with pytest.raises(Refused, match="already"):
            act(database, county, leave, NOW + 2 * DAY)
    with pytest.raises(Refused, match="already"):
        extend(database, county, leave, NOW + 9 * DAY, NOW + 2 * DAY)


def test_an_extension_goes_by_the_level_of_the_whole_leave(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    ten, forty = BEGINS + 10 * DAY, BEGINS + 40 * DAY
    for to, level in ((ten, LeaveLevel.OFFICE), (forty, LeaveLevel.COUNTY)):
        with pytest.raises(Refused, match="higher level") as refusal:
            extend(database, county, leave, to, NOW, level=level)
        assert refusal.value.field == "level"
    extend(database, county, leave, ten, NOW, level=LeaveLevel.COUNTY)
    assert informed(database, county) == []
    extend(database, county, leave, forty, NOW, paper="审批表 19")
    assert informed(database, county) == ["leave_informed"]
    with database.reading() as session:
        papers = session.get_one(Leave, leave).note
    assert papers == "外出审批表 2026-17；审批表 18；审批表 19"


def informed(database: Database, county: County) -> list[str]:
    with database.reading() as session:
        return [it.rule.name for it in clocks.running(session, clocks.of(county.case), NOW)]


@pytest.mark.parametrize(("paper", "why"), [(" ", "which paper"), ("x" * 390, "400 characters")])
def test_an_extension_names_its_paper(
    database: Database, county: County, paper: str, why: str
) -> None:
    leave = approve(database, county)
    with pytest.raises(Invalid, match=why) as refusal:
        extend(database, county, leave, ENDS + DAY, NOW, paper=paper)
    assert refusal.value.field == "note"


def test_an_extension_is_later(database: Database, county: County) -> None:
    leave = approve(database, county)
    for to, why in (
        (ENDS, "later than the leave"),
        (NOW + 190 * DAY, "six months"),
    ):
        with pytest.raises(Invalid, match=why):
            extend(database, county, leave, to, NOW)


def test_a_leave_of_another_office_does_not_exist(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.other_office), 9)
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        session.flush()
        leave = leaves.approve(session, head, other.id, APPROVAL, NOW).id
    acts = (leaves.sign_off, leaves.cancel)
    for act in acts:
        with database.transaction(SYSTEM, "test") as session, pytest.raises(NotFound):
            act(session, officer(session, county), leave, NOW)
        with database.transaction(SYSTEM, "test") as session, pytest.raises(Forbidden):
            act(session, session.get_one(User, county.users[Role.VOLUNTEER]), leave, NOW)


def test_the_case_is_on_leave_while_the_leave_runs(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state_since = FITTED
    leave = approve(database, county)
    watch(database, NOW)
    assert state(database, county) is CaseState.UNDER_CORRECTION
    watch(database, BEGINS)
    assert state(database, county) is CaseState.ON_LEAVE
    sign_off(database, county, leave, NOW + DAY)
    assert state(database, county) is CaseState.UNDER_CORRECTION
    watch(database, NOW + DAY + HOUR)
    assert state(database, county) is CaseState.UNDER_CORRECTION


def test_what_an_officer_said_of_the_case_since_stays(database: Database, county: County) -> None:
    approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.move(CaseState.DETAINED, BEGINS + HOUR)
        case.move(CaseState.UNDER_CORRECTION, BEGINS + 2 * HOUR)
    watch(database, BEGINS + 3 * HOUR)
    assert state(database, county) is CaseState.UNDER_CORRECTION


def test_nobody_is_on_leave_by_hand_without_a_leave(database: Database, county: County) -> None:
    def by_hand(session: Session, now: datetime) -> Case:
        by, to = officer(session, county), CaseState.ON_LEAVE
        return cases.move(session, by, county.case, to, note="外出", now=now)

    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused, match="record the leave") as refusal:
            by_hand(session, NOW)
        assert refusal.value.field == "state"
        assert CaseState.ON_LEAVE not in cases.lawful_next(case)
        leaves.approve(session, officer(session, county), case.id, APPROVAL, NOW)
        with pytest.raises(Refused, match="record the leave"):
            by_hand(session, NOW)  # it has not begun
        assert not cases.leave_runs(session, case, ENDS)
        assert cases.leave_runs(session, case, BEGINS)
        assert CaseState.ON_LEAVE in cases.lawful_next(case, leave_runs=True)
        assert by_hand(session, BEGINS).state is CaseState.ON_LEAVE
