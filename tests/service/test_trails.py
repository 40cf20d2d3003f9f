"""Trails: the same whether hot or packed, one wearer's only, and slim enough for a map."""

from datetime import datetime, timedelta
from itertools import pairwise
from math import cos, radians

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.storage import history, packing
from correction_service.tracking.trails import Place, simplified, viewed_trail
from models.agency import Office
from models.audit import AuditRecord
from models.device import Binding, Device
from tests.county import NOW, County, make_case
from tests.history import store, wandering
from tests.tracked import FITTED, Tracked

START = history.midnight(FITTED.date() + timedelta(days=1))
GAP = timedelta(minutes=10)
HOUR = timedelta(hours=1)


def seen(database: Database, case_id: int, since: datetime, until: datetime) -> list[Place]:
    with database.transaction(SYSTEM, "test") as session:
        return viewed_trail(session, case_id, since, until)


def test_a_trail_is_what_was_stored_hot_and_packed(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    rows = wandering(tracked.device, START + 22 * HOUR, 240)
    store(database, rows)
    stored = [Place(**{name: row[name] for name in Place._fields}) for row in rows]
    for _ in range(2):
        assert seen(database, tracked.case, START, NOW) == stored
        part = [place for place in stored if place.time >= START + 23 * HOUR][:10]
        until = part[-1].time + timedelta(microseconds=1)
        assert seen(database, tracked.case, START + 23 * HOUR, until) == part
        packing.run(database, settings, NOW)


def test_a_trail_has_only_what_the_case_wore_and_while_it_wore_it(
    database: Database, settings: Settings, tracked: Tracked, county: County
) -> None:
    change = START + HOUR
    with database.transaction(SYSTEM, "test") as session:
        session.execute(update(Binding).values(unbound_at=change))
        other = make_case(session, session.get_one(Office, county.office), 2)
        first = session.get_one(Device, tracked.device)
        second = Device(name="B0002", gateway_id=first.gateway_id)
        mine = Binding(device=second, case_id=tracked.case, bound_at=change)
        session.add_all([mine, Binding(device=first, case=other, bound_at=change)])
        session.flush()
        others, new = other.id, second.id
    for device in (tracked.device, new):
        store(database, wandering(device, START, 120))
    for _ in range(2):
        trail = seen(database, tracked.case, START, NOW)
        assert {it.device_id for it in trail if it.time < change} == {tracked.device}
        assert {it.device_id for it in trail if it.time >= change} == {new}
        assert {it.time >= change for it in seen(database, others, START, NOW)} == {True}
        assert trail == sorted(trail, key=lambda it: (it.time, it.seq))
        assert len(trail) == 120
        packing.run(database, settings, NOW)


def test_every_look_is_in_the_log_packed_or_not(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    store(database, wandering(tracked.device, START, 5))
    for _ in range(2):
        seen(database, tracked.case, START, NOW)
        packing.run(database, settings, NOW)
    looks = select(func.count()).where(AuditRecord.action == "view_trail")
    with database.reading() as session:
        assert session.scalar(looks) == 2


def place(minute: float, east_m: float, north_m: float) -> Place:
    at = NOW + timedelta(minutes=minute)
    lat = 27.7 + north_m / 111_195
    lon = 106.9 + east_m / 111_195 / cos(radians(27.7))
    return Place(1, at, int(minute * 60), at, lat, lon, 5.0, "gnss", None)


STEPS = st.tuples(
    st.sampled_from([1, 1, 1, 5, 11, 60]), st.integers(-400, 400), st.integers(-400, 400)
)


def walked(steps: list[tuple[int, int, int]]) -> list[Place]:
    minute, trail = 0, []
    for wait, east_m, north_m in steps:
        minute += wait
        trail.append(place(minute, east_m, north_m))
    return trail


def off_m(one: Place, run: list[Place]) -> float:
    east = 111_195 * cos(radians(27.7))
    corners = [(it.lon * east, it.lat * 111_195) for it in run]
    line = shapely.LineString(corners * 2 if len(corners) == 1 else corners)
    return float(shapely.distance(line, shapely.Point(one.lon * east, one.lat * 111_195)))


@given(st.lists(STEPS, max_size=60), st.sampled_from([0, 10, 80]))
def test_a_simplified_trail_keeps_true_fixes_ends_and_gaps(
    steps: list[tuple[int, int, int]], tolerance_m: float
) -> None:
    trail = walked(steps)
    runs = simplified(trail, tolerance_m, GAP)
    whole = simplified(trail, 0, GAP)
    assert [it for run in whole for it in run] == trail
    assert [(run[0], run[-1]) for run in runs] == [(run[0], run[-1]) for run in whole]
    assert all(b[0].time - a[-1].time > GAP for a, b in pairwise(runs))
    for run, full in zip(runs, whole, strict=True):
        assert [it for it in full if it in set(run)] == run
        assert all(off_m(it, run) <= tolerance_m + 0.1 for it in full)


def test_a_straight_way_needs_its_ends_only() -> None:
    trail = [place(minute, 80 * minute, 20 * minute) for minute in range(100)]
    assert simplified(trail, 5, GAP) == [[trail[0], trail[-1]]]


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_fix_is_no_trouble(count: int) -> None:
    trail = [place(0, 0, 0)][:count]
    assert simplified(trail, 20, GAP) == [trail][:count]


def test_a_month_becomes_small() -> None:
    rows = wandering(1, NOW, 43_200)
    trail = [Place(**{name: row[name] for name in Place._fields}) for row in rows]
    slim = sum(map(len, simplified(trail, 50, GAP)))
    assert 2 < slim < len(trail) / 10
