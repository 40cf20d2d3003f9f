"""A batch that crosses midnight of UTC leaves what the same fixes, day by day, would have left."""

from datetime import date, datetime, timedelta

import pytest

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.agency import Office
from models.device import Gateway
from models.incident import IncidentKind
from tests.county import NOW, County, make_case
from tests.service.test_replays import OTHER, come, held, remembered, snapshots
from tests.tracked import (
    BEYOND,
    DEVICE,
    HUICHUAN,
    Tracked,
    fix,
    heard,
    incidents_of,
    minutes,
    state_of,
    take,
    track,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0) + DAY
SECOND_WEARER = 2


@pytest.fixture
def other(database: Database, county: County, tracked: Tracked) -> Tracked:
    """Another wearer of the same county."""
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), SECOND_WEARER)
        return track(session, case, county, OTHER, session.get_one(Gateway, tracked.gateway))


def days(database: Database, device: int) -> list[tuple[object, object]]:
    """The days that have a snapshot, and the time of the fix that each is behind."""
    return [(it[0], it[1]) for it in snapshots(database, device)]


def day(at: datetime) -> date:
    return at.date()


def test_two_fixes_around_midnight_in_one_batch_leave_the_new_day_its_snapshot(
    database: Database, tracked: Tracked
) -> None:
    before, after = MIDNIGHT - MINUTE, MIDNIGHT + MINUTE
    come(database, [fix(before), fix(after)])
    assert days(database, tracked.device) == [(day(after), before)]
    assert state_of(database, tracked.device).time == after


def test_a_batch_of_three_days_leaves_the_snapshots_of_a_batch_a_day(
    database: Database, tracked: Tracked, other: Tracked
) -> None:
    first = minutes(MIDNIGHT - 20 * MINUTE, [HUICHUAN] * 20)
    second = minutes(MIDNIGHT, [BEYOND] * 20) + minutes(MIDNIGHT + DAY - 9 * MINUTE, [BEYOND] * 9)
    third = minutes(MIDNIGHT + DAY, [HUICHUAN] * 20)
    now = MIDNIGHT + DAY + 30 * MINUTE
    for part in (first, second, third):
        come(database, part, OTHER, now=now)
    come(database, first + second + third, now=now)
    assert days(database, tracked.device) == [
        (day(MIDNIGHT), MIDNIGHT - MINUTE),
        (day(MIDNIGHT + DAY), MIDNIGHT + DAY - MINUTE),
    ]
    assert snapshots(database, tracked.device) == snapshots(database, other.device)
    assert remembered(database, tracked.device) == remembered(database, other.device)
    assert held(database, tracked.zone) == held(database, other.zone)
    mine, others = (
        [(it.kind, it.since, it.ended_at) for it in incidents_of(database) if it.case_id == whose]
        for whose in (tracked.case, other.case)
    )
    assert mine == others


def test_what_else_a_fix_shows_is_told_once_across_midnight(
    database: Database, tracked: Tracked
) -> None:
    come(database, [fix(MIDNIGHT - 30 * MINUTE, strap="closed", worn=True)])
    opened = minutes(MIDNIGHT - 10 * MINUTE, [HUICHUAN] * 20, strap="open", worn=False)
    now = MIDNIGHT + 10 * MINUTE
    take(database, heard(opened, device=DEVICE, received=now), now=now)
    found = incidents_of(database)
    assert {it.kind for it in found} == {IncidentKind.STRAP_OPENED, IncidentKind.SEPARATED}
    assert {(it.facts["times"], it.ended_at) for it in found} == {(1, None)}
