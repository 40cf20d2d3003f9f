"""The zone engine: decisions by five of seven, doubt kept apart from breach, memory in bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.area import GeoJson, circle
from models.containment import (
    MEMORY,
    SOURCES,
    Change,
    Memory,
    Sights,
    Zoning,
    blank,
    error_m,
    observe,
    pack,
    unpack,
)
from models.ground import Drawn, Grounds
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


def shape(_id: int) -> GeoJson:
    return circle(LAT, LON, HOME_M)


HOME = Drawn(1, ZoneKind.HOME, None, LAT, LON, HOME_M, 50, None, START, None)
EXCLUSION = HOME._replace(id=2, kind=ZoneKind.EXCLUSION)


def shaped(zone: Drawn) -> Drawn:
    """The same circle, as a shape."""
    return zone._replace(shape_id=7, lat=None, lon=None, radius_m=None)


@dataclass
class Wearer:
    """Zones, fixes in order of time, and what is remembered of the zones."""

    zones: Sequence[Drawn]
    fixes: Sequence[Seen]
    memory: Memory = field(default_factory=lambda: np.zeros(0, dtype=MEMORY))


def at(
    minute: float, metres_north: float, accuracy_m: float | None = 8.0, source: str = "gnss"
) -> Seen:
    time = START + timedelta(minutes=minute)
    return Seen(time, LAT + metres_north / 111_195, LON, accuracy_m, source)


def walk(metres: Iterable[float], start: float = 0, step: float = 1) -> list[Seen]:
    return [at(start + step * number, north) for number, north in enumerate(metres)]


def sights(fixes: Sequence[Seen], wearer: Sequence[int]) -> Sights:
    source = np.array([SOURCES.index(fix.source) for fix in fixes], dtype=int)
    accuracy = np.array([fix.accuracy_m for fix in fixes], dtype=float)
    return Sights(
        np.array(wearer, dtype=int),
        np.array([int(fix.time.timestamp()) for fix in fixes], dtype=int),
        np.array([fix.lat for fix in fixes], dtype=float),
        np.array([fix.lon for fix in fixes], dtype=float),
        error_m(accuracy, source),
        source,
    )


def watch(wearers: Sequence[Wearer]) -> list[Change]:
    """Fold every wearer's fixes in one call, and keep what is remembered."""
    grounds = Grounds()
    zones = [zone for it in wearers for zone in it.zones]
    places = grounds.places(zones, shape)
    memory = blank(places["zone_id"])
    many = np.array([len(it.zones) for it in wearers], dtype=int)
    first = np.cumsum(many) - many
    for it, begins, count in zip(wearers, first, many, strict=True):
        if len(it.memory):
            memory[begins : begins + count] = it.memory
    fixes = [(fix, number) for number, it in enumerate(wearers) for fix in it.fixes]
    seen = sights([fix for fix, _ in fixes], [number for _, number in fixes])
    changes = observe(Zoning(places, memory, grounds, first, many), seen)
    for it, begins, count in zip(wearers, first, many, strict=True):
        it.memory = memory[begins : begins + count].copy()
    return changes


def follow(fixes: Sequence[Seen], zone: Drawn = HOME) -> list[Change]:
    return watch([Wearer([zone], fixes)])


def moment(change: Change) -> datetime:
    return datetime.fromtimestamp(change.since, UTC)


def states(changes: list[Change]) -> list[ZoneState]:
    return [change.state for change in changes]


def test_nothing_is_known_before_five_fixes_agree() -> None:
    wearer = Wearer([HOME], walk([0] * 4))
    assert watch([wearer]) == []
    assert wearer.memory["state"].tolist() == [0]
    assert wearer.memory["votes"].tolist() == [4]


@pytest.mark.parametrize("zone", [HOME, shaped(HOME)])
def test_five_of_seven_decide_and_the_change_dates_from_the_first_of_them(zone: Drawn) -> None:
    fixes = walk([0] * 7 + [900] * 7)
    changes = follow(fixes, zone)
    assert states(changes) == [INSIDE, OUTSIDE]
    left = changes[1]
    assert (moment(left), fixes[left.fix].time) == (at(7, 0).time, at(11, 0).time)
    assert left.evidence == {
        "rule": "5of7@2", "fixes": 5, "of": 7, "sources": {"gnss": 5}, "error_m": [10, 10],
    }  # fmt: skip


@pytest.mark.parametrize("spikes", [[900] * 4, [900, 900, 0, 900, 900]])
def test_four_strays_in_seven_are_no_departure(spikes: list[float]) -> None:
    assert states(follow(walk([0] * 7 + spikes + [0] * 7))) == [INSIDE]


@pytest.mark.parametrize("form", [Drawn._replace, shaped])
@pytest.mark.parametrize(
    ("zone", "metres", "state"),
    [
        (HOME, HOME_M + 45, INSIDE),
        (HOME, HOME_M + 55, OUTSIDE),
        (EXCLUSION, HOME_M - 45, OUTSIDE),
        (EXCLUSION, HOME_M - 55, INSIDE),
        (EXCLUSION._replace(margin_m=600), HOME_M - 5, INSIDE),
    ],
)
def test_the_margin_is_to_the_wearers_advantage_and_leaves_no_blind_spot(
    zone: Drawn, metres: float, state: ZoneState, form: Callable[[Drawn], Drawn]
) -> None:
    assert states(follow(walk([metres] * 5), form(zone))) == [state]


@pytest.mark.parametrize("zone", [HOME, shaped(HOME)])
def test_a_fix_too_coarse_for_the_border_is_no_evidence(zone: Drawn) -> None:
    coarse = [at(minute, 900, 600, "lbs") for minute in range(10)]
    assert follow(coarse, zone) == []
    far = [at(minute, 5000, 600, "lbs") for minute in range(10)]
    assert states(follow(far, zone)) == [OUTSIDE]


def test_an_accuracy_that_flatters_is_not_believed() -> None:
    claims = sights([at(0, 0, 1.0, "lbs"), at(0, 0, None, "wifi"), at(0, 0, 200.0)], [0, 0, 0])
    assert claims.error_m.tolist() == [500, 100, 200]


def test_half_an_hour_without_evidence_makes_the_state_unknown() -> None:
    changes = follow([*walk([0] * 5), *walk([0] * 5, start=40)])
    assert states(changes) == [INSIDE, UNKNOWN, INSIDE]
    assert moment(changes[1]) == at(34, 0).time
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
    wearer = Wearer([HOME._replace(valid_to=at(8, 0).time)], walk([900] * 12))
    changes = watch([wearer])
    assert states(changes) == [OUTSIDE, UNKNOWN]
    assert changes[1].evidence["why"] == "not_in_force"
    assert wearer.memory["settled"].tolist() == [0]


def test_memory_survives_as_bytes_between_batches() -> None:
    fixes = walk([0] * 7 + [900] * 7 + [0] * 7)
    whole = follow(fixes)
    packed, piecewise = b"", []
    for number, fix in enumerate(fixes):
        wearer = Wearer([HOME], [fix], unpack(packed))
        piecewise += [replace(change, fix=number) for change in watch([wearer])]
        packed = pack(wearer.memory)
    assert piecewise == whole
    assert len(packed) < 80


@given(st.lists(st.floats(-2000, 2000), max_size=30), st.integers(1, 29))
def test_any_cut_into_batches_gives_the_same_states(metres: list[float], cut: int) -> None:
    fixes = walk(metres)
    wearer = Wearer([HOME], fixes[:cut])
    first = watch([wearer])
    wearer.fixes = fixes[cut:]
    second = [replace(change, fix=change.fix + cut) for change in watch([wearer])]
    assert [*first, *second] == follow(fixes)


def test_bytes_of_another_rule_or_of_nobody_mean_nothing_is_known() -> None:
    for strange in (b"", b"\xff\xff", b"\x01" + bytes(MEMORY.itemsize), b"\x02" + bytes(5)):
        assert len(unpack(strange)) == 0
    assert pack(np.zeros(0, dtype=MEMORY)) == b""


def test_many_wearers_and_zones_are_judged_in_one_call() -> None:
    inner, outer = walk([0] * 5), walk([3000] * 7)
    changes = watch([Wearer([HOME, EXCLUSION], inner), Wearer([HOME], outer), Wearer([], inner)])
    assert [(change.fix, change.place, change.state) for change in changes] == [
        (4, 0, INSIDE),
        (4, 1, INSIDE),
        (5 + 4, 2, OUTSIDE),
    ]


@given(st.lists(st.lists(st.floats(-2000, 2000), max_size=9), max_size=6))
def test_together_or_alone_every_wearer_comes_to_the_same(walks: list[list[float]]) -> None:
    zones = [HOME, shaped(EXCLUSION)]
    together = [Wearer(zones, walk(metres)) for metres in walks]
    alone = [Wearer(zones, walk(metres)) for metres in walks]
    watch(together)
    for it in alone:
        watch([it])
    assert [pack(it.memory) for it in together] == [pack(it.memory) for it in alone]


def test_nobody_to_watch_is_no_change() -> None:
    assert watch([]) == []
    assert watch([Wearer([HOME], [])]) == []


def test_a_curfew_asks_only_in_its_hours_of_the_legal_day() -> None:
    night = HOME._replace(kind=ZoneKind.CURFEW, hours="22:00-06:00")
    evening = datetime(2026, 11, 20, 13, 55, tzinfo=UTC)  # 21:55 in China
    fixes = [replace(fix, time=fix.time + (evening - START)) for fix in walk([900] * 10)]
    (left,) = follow(fixes, night)
    assert (left.state, moment(left)) == (OUTSIDE, evening + timedelta(minutes=5))
