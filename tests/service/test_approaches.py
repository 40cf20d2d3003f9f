"""Approaches to exclusion zones: told early, raised on entry, withdrawn; nothing hides an entry."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import leaves, overdue
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.incidents import incidents
from correction_service.tracking import replays
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.case import Case
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.leave import LeaveReason
from models.user import Role, User
from models.zone import ZoneKind
from tests.county import NOW, County
from tests.service.test_replays import come
from tests.tracked import Tracked, fix, incidents_of, minutes

MINUTE = timedelta(minutes=1)
SCHOOL, OUT = (27.7000, 106.9000), (27.7250, 106.9200)
GUIYANG = (26.6470, 106.6300)
ENTERED = NOW + 21 * MINUTE


@pytest.fixture
def nearing(database: Database, tracked: Tracked) -> Tracked:
    """Live: twenty minutes away from a school, then one fix inside."""
    terms = Terms(
        kind=ZoneKind.EXCLUSION, name="学校", valid_from=NOW - timedelta(days=1), reason="x"
    )
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, terms, lat=SCHOOL[0], lon=SCHOOL[1], radius_m=500.0)
    come(database, minutes(NOW, [OUT] * 20))
    come(database, [fix(ENTERED, SCHOOL)])
    return tracked


def told(database: Database) -> list[tuple[Severity, bool, datetime | None]]:
    """Of each incident how urgent it is, whether it is an approach only, and its end."""
    found = incidents_of(database)
    assert {it.kind for it in found} == {IncidentKind.ENTERED_EXCLUSION}
    return [(it.severity, it.facts["approach"], it.ended_at) for it in found]


def late(database: Database, said: list[dict[str, object]], at: datetime) -> None:
    """Fixes come late, and are folded into the past."""
    come(database, said, now=at)
    assert replays.run(database, at + MINUTE) == 1


def close(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        incident = session.scalars(select(Incident)).one()
        by = county.users[Role.OFFICER]
        incidents.close(session, incident, by, NOW, cause=Cause.POSITION_DRIFT, note="")


def test_an_approach_is_told_soon_and_raised_on_entry(database: Database, nearing: Tracked) -> None:
    assert told(database) == [(Severity.SOON, True, None)]
    come(database, minutes(ENTERED + MINUTE, [SCHOOL] * 5))
    assert told(database) == [(Severity.URGENT, False, None)]


def test_an_approach_that_comes_to_nothing_is_ended(database: Database, nearing: Tracked) -> None:
    come(database, minutes(ENTERED + MINUTE, [OUT] * 5))
    ((severity, approach, ended_at),) = told(database)
    assert (severity, approach) == (Severity.SOON, True)
    assert ended_at is not None
    assert ENTERED < ended_at <= ENTERED + 5 * MINUTE


def test_a_late_fix_that_says_nothing_of_an_approach_does_not_end_it(
    database: Database, nearing: Tracked
) -> None:
    late(database, [fix(NOW + 10.5 * MINUTE, OUT)], ENTERED + MINUTE)
    assert told(database) == [(Severity.SOON, True, None)]


def test_an_approach_stays_one_while_nobody_knows_where_the_wearer_is(
    database: Database, nearing: Tracked
) -> None:
    come(database, [fix(ENTERED + 40 * MINUTE, SCHOOL, source="lbs", accuracy_m=900.0)])
    late(database, [fix(NOW + 10.5 * MINUTE, OUT)], ENTERED + 41 * MINUTE)
    assert told(database) == [(Severity.SOON, True, None)]


def test_late_fixes_that_show_nothing_of_an_approach_end_it(
    database: Database, nearing: Tracked
) -> None:
    come(database, [fix(ENTERED + 10 * MINUTE, SCHOOL, accuracy_m=300.0)])
    between = [fix(ENTERED + part * MINUTE, OUT) for part in range(1, 10)]
    late(database, between, ENTERED + 11 * MINUTE)
    ((severity, approach, ended_at),) = told(database)
    assert (severity, approach, ended_at) == (Severity.SOON, True, ENTERED + 10 * MINUTE)
    assert incidents_of(database)[0].facts["ended_by"] == "back"


def test_an_entry_that_only_late_fixes_show_raises_the_approach(
    database: Database, nearing: Tracked
) -> None:
    come(database, [fix(ENTERED + 14 * MINUTE, SCHOOL)])
    late(database, minutes(ENTERED + MINUTE, [SCHOOL] * 12), ENTERED + 15 * MINUTE)
    assert told(database) == [(Severity.URGENT, False, None)]
    assert incidents_of(database)[0].facts["fixes"] > 1


def test_an_entry_that_late_fixes_show_as_over_raises_the_approach_and_ends_it(
    database: Database, nearing: Tracked
) -> None:
    come(database, minutes(ENTERED + 14 * MINUTE, [OUT] * 6))
    late(database, minutes(ENTERED + MINUTE, [SCHOOL] * 12), ENTERED + 25 * MINUTE)
    assert told(database) == [(Severity.URGENT, False, ENTERED + 14 * MINUTE)]


def test_a_closed_approach_does_not_swallow_an_entry(
    database: Database, county: County, nearing: Tracked
) -> None:
    close(database, county)
    come(database, [fix(ENTERED + 14 * MINUTE, SCHOOL)])
    late(database, minutes(ENTERED + MINUTE, [SCHOOL] * 12), ENTERED + 15 * MINUTE)
    closed, entry = incidents_of(database)
    assert (closed.state, closed.facts["approach"]) == (IncidentState.CLOSED, True)
    assert (entry.state, entry.severity) == (IncidentState.OPEN, Severity.URGENT)
    late(database, [fix(ENTERED + 1.5 * MINUTE, SCHOOL)], ENTERED + 17 * MINUTE)
    assert len(incidents_of(database)) == 2


def test_a_second_stay_that_late_fixes_show_opens_the_ended_incident_again(
    database: Database, nearing: Tracked
) -> None:
    come(database, minutes(ENTERED + MINUTE, [SCHOOL] * 5))
    come(database, minutes(ENTERED + 6 * MINUTE, [OUT] * 6))
    come(database, [fix(ENTERED + 34 * MINUTE, SCHOOL, accuracy_m=300.0)])
    late(database, minutes(ENTERED + 20 * MINUTE, [SCHOOL] * 12), ENTERED + 35 * MINUTE)
    assert told(database) == [(Severity.URGENT, False, None)]


def test_an_entry_before_an_approach_that_somebody_has_makes_it_urgent(
    database: Database, tracked: Tracked, nearing: Tracked
) -> None:
    between = [fix(NOW + minute * MINUTE / 4, SCHOOL) for minute in range(20, 40)]
    late(database, between, ENTERED + MINUTE)
    ((severity, _, ended_at),) = told(database)
    assert (severity, ended_at) == (Severity.URGENT, None)
    assert incidents_of(database)[0].facts["late_since"] < ENTERED.isoformat()


def test_who_turns_out_to_be_away_is_not_said_to_be_nobody_knows_where(
    database: Database, county: County, tracked: Tracked
) -> None:
    ends_at = NOW + timedelta(days=1)
    leave = Approval(
        reason=LeaveReason.FAMILY,
        divisions=["520100"],
        starts_at=NOW + 60 * MINUTE,
        ends_at=ends_at,
        note="x",
    )
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        leaves.approve(session, officer, tracked.case, leave, NOW)
    come(database, minutes(NOW + 120 * MINUTE, [GUIYANG] * 5))
    come(database, [fix(ends_at + 20 * MINUTE, GUIYANG)])
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, ends_at + 60 * MINUTE)
    (unknown,) = incidents_of(database)
    assert (unknown.severity, unknown.facts["where"]) == (Severity.WATCH, "unknown")
    late(database, minutes(ends_at, [GUIYANG] * 19), ends_at + 120 * MINUTE)
    (away,) = incidents_of(database)
    assert (away.severity, "where" in away.facts, away.ended_at) == (Severity.SOON, False, None)
    assert away.facts["beyond_m"] > 1000
