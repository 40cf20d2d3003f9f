"""The zone engine: decisions by five of seven, doubt kept apart from breach, memory in bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.area import Area, area, circle
from models.containment import (
    Change,
    Memories,
    Watch,
    broken,
    error_m,
    observe,
    pack,
    unpack,
)
from models.zone import ZoneKind, ZoneState

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LAT, LON = 27.7, 106.9
HOME_M = 500
INSIDE, OUTSIDE, UNKNOWN = ZoneState.INSIDE, ZoneState.OUTSIDE, ZoneState.UNKNOWN


@dataclass(frozen=True)
class Seen:
    time: datetime
    lat: float
    lon: float
    accuracy_m: float | None = 8.0
    source: str = "gnss"


HOME = area(1, ZoneKind.HOME, circle(LAT, LON, HOME_M), margin_m=50, valid_from=START)
EXCLUSION = area(2, ZoneKind.EXCLUSION, circle(LAT, LON, HOME_M), margin_m=50, valid_from=START)


def at(
    minute: float, metres_north: float, accuracy_m: float | None = 8.0, source: str = "gnss"
) -> Seen:
    time = START + timedelta(minutes=minute)
    return Seen(time, LAT + metres_north / 111_195, LON, accuracy_m, source)


def walk(metres: Iterable[float], start: float = 0, step: float = 1) -> list[Seen]:
    return [at(start + step * number, north) for number, north in enumerate(metres)]


def follow(fixes: list[Seen], zone: Area = HOME, memories: Memories | None = None) -> list[Change]:
    (changes,) = observe([Watch([zone], {} if memories is None else memories, fixes)])
    return changes


def states(changes: list[Change]) -> list[ZoneState]:
    return [change.state for change in changes]


def test_nothing_is_known_before_five_fixes_agree() -> None:
    memories: Memories = {}
    assert follow(walk([0] * 4), memories=memories) == []
    assert memories[1].state is UNKNOWN


def test_five_of_seven_decide_and_the_change_dates_from_the_first_of_them() -> None:
    changes = follow(walk([0] * 7 + [900] * 7))
    assert states(changes) == [INSIDE, OUTSIDE]
    left = changes[1]
    assert (left.since, left.decided_at) == (at(7, 0).time, at(11, 0).time)
    assert left.evidence == {
        "rule": "5of7@1", "fixes": 5, "of": 7, "sources": {"gnss": 5}, "error_m": [10, 10],
    }  # fmt: skip


@pytest.mark.parametrize("spikes", [[900] * 4, [900, 900, 0, 900, 900]])
def test_four_strays_in_seven_are_no_departure(spikes: list[float]) -> None:
    assert states(follow(walk([0] * 7 + spikes + [0] * 7))) == [INSIDE]


@pytest.mark.parametrize(
    ("zone", "metres", "state"),
    [
        (HOME, HOME_M + 45, INSIDE),
        (HOME, HOME_M + 55, OUTSIDE),
        (EXCLUSION, HOME_M - 45, OUTSIDE),
        (EXCLUSION, HOME_M - 55, INSIDE),
    ],
)
def test_the_margin_is_to_the_wearers_advantage(
    zone: Area, metres: float, state: ZoneState
) -> None:
    assert states(follow(walk([metres] * 5), zone)) == [state]


def test_a_fix_too_coarse_for_the_border_is_no_evidence() -> None:
    coarse = [at(minute, 900, 600, "lbs") for minute in range(10)]
    assert follow(coarse) == []
    far = [at(minute, 5000, 600, "lbs") for minute in range(10)]
    assert states(follow(far)) == [OUTSIDE]


def test_an_accuracy_that_flatters_is_not_believed() -> None:
    assert error_m(at(0, 0, 1.0, "lbs")) == 500
    assert error_m(at(0, 0, None, "wifi")) == 100
    assert error_m(at(0, 0, 200.0, "gnss")) == 200


def test_half_an_hour_without_evidence_makes_the_state_unknown() -> None:
    changes = follow([*walk([0] * 5), *walk([0] * 5, start=40)])
    assert states(changes) == [INSIDE, UNKNOWN, INSIDE]
    assert changes[1].since == at(34, 0).time
    assert changes[1].evidence["why"] == "no_evidence"


def test_coarse_fixes_do_not_keep_a_state_alive() -> None:
    coarse = [at(minute, 400, 600, "lbs") for minute in range(5, 45)]
    assert states(follow([*walk([0] * 5), *coarse])) == [INSIDE, UNKNOWN]


def test_a_gap_while_outside_is_no_second_departure() -> None:
    changes = follow([*walk([0] * 5 + [900] * 5), *walk([900] * 5, start=60)])
    assert states(changes) == [INSIDE, OUTSIDE, UNKNOWN, OUTSIDE]
    assert [change.crossed for change in changes] == [True, True, False, False]


def test_after_a_return_the_next_departure_counts_again() -> None:
    changes = follow(walk([0] * 5 + [900] * 7 + [0] * 7 + [900] * 7))
    assert states(changes) == [INSIDE, OUTSIDE, INSIDE, OUTSIDE]
    assert all(change.crossed for change in changes)


def test_a_zone_that_ends_forgets_where_the_wearer_was() -> None:
    zone = replace(HOME, valid_to=at(8, 0).time)
    memories: Memories = {}
    changes = follow(walk([900] * 12), zone, memories)
    assert states(changes) == [OUTSIDE, UNKNOWN]
    assert changes[1].evidence["why"] == "not_in_force"
    assert memories[1].settled is UNKNOWN


def test_memory_survives_as_bytes_between_batches() -> None:
    fixes = walk([0] * 7 + [900] * 7 + [0] * 7)
    whole = follow(fixes)
    packed, piecewise = b"", []
    for fix in fixes:
        memories = unpack(packed)
        piecewise += follow([fix], memories=memories)
        packed = pack(memories)
    assert piecewise == whole
    assert len(packed) < 250


@given(st.lists(st.floats(-2000, 2000), max_size=30), st.integers(1, 29))
def test_any_cut_into_batches_gives_the_same_states(metres: list[float], cut: int) -> None:
    fixes = walk(metres)
    memories: Memories = {}
    parts = [*follow(fixes[:cut], memories=memories), *follow(fixes[cut:], memories=memories)]
    assert parts == follow(fixes)


def test_bytes_of_another_rule_or_of_nobody_mean_nothing_is_known() -> None:
    assert unpack(b"") == {}
    assert unpack(b"\xff\xff") == {}
    other = msgspec.msgpack.encode(["kalman@9", [[1, "inside", "inside", 0.0, []]]])
    assert unpack(other) == {}


def test_many_wearers_and_zones_are_judged_in_one_call() -> None:
    inner, outer = walk([0] * 5), walk([3000] * 5)
    watches = [Watch([HOME, EXCLUSION], {}, inner), Watch([HOME], {}, outer), Watch([], {}, inner)]
    first, second, third = observe(watches)
    assert sorted((change.area.zone_id, change.state) for change in first) == [
        (1, INSIDE),
        (2, INSIDE),
    ]
    assert states(second) == [OUTSIDE]
    assert third == []
    areas = {1: HOME, 2: EXCLUSION}
    assert broken(areas, watches[0].memories) == [EXCLUSION]
    assert broken(areas, watches[1].memories) == [HOME]


def test_nobody_to_watch_is_no_change() -> None:
    assert observe([]) == []
    assert observe([Watch([HOME], {}, [])]) == [[]]
