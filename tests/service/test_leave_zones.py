"""The zones to keep to rest by themselves while a leave runs, and go on after it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.zones import zones
from correction_service.zones.zones import Revision, Terms
from models.case import Case
from models.leave import Leave, LeaveState
from models.zone import Zone, ZoneKind
from tests.county import NOW, County
from tests.service.test_leaves import (
    APPROVAL,
    BEGINS,
    DAY,
    ENDS,
    HOUR,
    OFFICE_OPENS,
    approve,
    cancel,
    extend,
    sign_off,
)
from tests.tracked import FITTED, HUICHUAN, Tracked

Span = tuple[datetime, datetime | None]


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
