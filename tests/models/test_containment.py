"""The zone engine: evidence that adds up, doubt kept apart from breach, memory in bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.area import GeoJson, circle
from models.containment import WITHDREW, Change, Sights, Zoning, observe
from models.evidence import SOURCES, error_m
from models.ground import Drawn, Grounds
from models.memory import MEMORY, Memory, blank, pack, unpack
from models.rule import RULE
from models.zone import ZoneKind, ZoneState

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LAT, LON = 27.7, 106.9
HOME_M = 500
AWAY = [700.0 + 90 * minute for minute in range(8)]  # metres, on foot
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


def test_nothing_is_known_before_three_fixes_agree() -> None:
    wearer = Wearer([HOME], walk([0] * 2))
    assert watch([wearer]) == []
    assert wearer.memory["state"].tolist() == [0]
    assert wearer.memory["steady"].tolist() == [2]


@pytest.mark.parametrize("zone", [HOME, shaped(HOME)])
def test_who_walks_away_is_out_since_the_first_fix_beyond(zone: Drawn) -> None:
    fixes = walk([0] * 7 + AWAY)
    inside, left = follow(fixes, zone)
    assert (inside.state, left.state, moment(left)) == (INSIDE, OUTSIDE, at(7, 0).time)
    assert fixes[left.fix].time <= at(11, 0).time
    fixes_beyond = left.fix - 6
    assert left.evidence == {
        "rule": RULE.version,
        "fixes": fixes_beyond,
        "sources": {"gnss": fixes_beyond},
        "error_m": [10, 10],
    }


def test_who_is_gone_and_stays_put_is_believed_later() -> None:
    moving, still = follow(walk([0] * 7 + AWAY)), follow(walk([0] * 7 + [900] * 12))
    assert states(moving) == states(still) == [INSIDE, OUTSIDE]
    assert moment(moving[1]) == moment(still[1])
    assert still[1].fix - moving[1].fix >= 3


def test_who_is_suddenly_far_away_is_believed_soon() -> None:
    (_, left) = follow(walk([0] * 7 + [9000] * 7))
    assert left.fix <= 7 + 4


@pytest.mark.parametrize("spikes", [[900] * 5, [900, 900, 0, 900, 900]])
def test_a_spell_of_nonsense_is_no_departure(spikes: list[float]) -> None:
    assert states(follow(walk([0] * 7 + spikes + [0] * 7))) == [INSIDE]


def test_a_fix_every_second_says_little_more_than_one() -> None:
    spell = walk([900] * 60, start=7, step=1 / 60)
    assert states(follow([*walk([0] * 7), *spell, *walk([0] * 7, start=9)])) == [INSIDE]


def test_an_exclusion_zone_tells_of_an_approach_before_it_is_sure() -> None:
    fixes = walk([3000] * 5 + [400, 300, 200, 100, 0, 100, 200])
    out, near, entered = follow(fixes, EXCLUSION)
    assert (out.state, out.approach) == (OUTSIDE, False)
    assert (near.state, near.approach, near.crossed) == (OUTSIDE, True, False)
    assert (entered.state, entered.approach, entered.crossed) == (INSIDE, False, True)
    assert near.fix < entered.fix
    assert moment(near) == moment(entered) == at(5, 0).time


def test_an_approach_that_was_nothing_is_withdrawn() -> None:
    _, near, withdrawn = follow(walk([3000] * 5 + [100] * 2 + [3000] * 7), EXCLUSION)
    assert (near.approach, withdrawn.approach) == (True, True)
    assert withdrawn.evidence["why"] == WITHDREW


@pytest.mark.parametrize("form", [Drawn._replace, shaped])
@pytest.mark.parametrize(
    ("zone", "metres", "state"),
    [
        (HOME, HOME_M + 45, INSIDE),
        (HOME, HOME_M + 200, OUTSIDE),
        (EXCLUSION, HOME_M - 45, OUTSIDE),
        (EXCLUSION, HOME_M - 200, INSIDE),
        (EXCLUSION._replace(margin_m=600), HOME_M - 80, INSIDE),
    ],
)
def test_the_margin_is_to_the_wearers_advantage_and_leaves_no_blind_spot(
    zone: Drawn, metres: float, state: ZoneState, form: Callable[[Drawn], Drawn]
) -> None:
    changes = follow(walk([metres] * 40), form(zone))
    assert states([it for it in changes if not it.approach]) == [state]


@pytest.mark.parametrize("zone", [HOME, shaped(HOME)])
def test_a_position_by_cells_is_evidence_only_of_having_gone_far(zone: Drawn) -> None:
    near = [at(minute, 4000, 600, "lbs") for minute in range(30)]
    assert follow(near, zone) == []
    far = [at(minute, 60_000, 600, "lbs") for minute in range(30)]
    assert states(follow(far, zone)) == [OUTSIDE]


def test_a_coarse_fix_says_less_than_an_exact_one() -> None:
    coarse = [at(7 + minute, 900 + 90 * minute, 400) for minute in range(4)]
    assert states(follow([*walk([0] * 7), *coarse])) == [INSIDE]


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
    changes = follow([*walk([0] * 5 + AWAY), *walk(AWAY, start=60)])
    assert states(changes) == [INSIDE, OUTSIDE, UNKNOWN, OUTSIDE]
    assert [change.crossed for change in changes] == [True, True, False, False]


def test_after_a_return_the_next_departure_counts_again() -> None:
    changes = follow(walk([0] * 5 + AWAY + [0] * 12 + AWAY))
    assert states(changes) == [INSIDE, OUTSIDE, INSIDE, OUTSIDE]
    assert all(change.crossed for change in changes)


def test_a_zone_that_ends_forgets_where_the_wearer_was() -> None:
    wearer = Wearer([HOME._replace(valid_to=at(8, 0).time)], walk([*AWAY, *AWAY]))
    changes = watch([wearer])
    assert states(changes) == [OUTSIDE, UNKNOWN]
    assert changes[1].evidence["why"] == "not_in_force"
    assert wearer.memory["settled"].tolist() == [0]


def test_memory_survives_as_bytes_between_batches() -> None:
    fixes = walk([0] * 7 + AWAY + [0] * 9)
    whole = follow(fixes)
    packed, piecewise = b"", []
    for number, fix in enumerate(fixes):
        wearer = Wearer([HOME], [fix], unpack(packed))
        piecewise += [replace(change, fix=number) for change in watch([wearer])]
        packed = pack(wearer.memory)
    assert piecewise == whole
    assert len(packed) < 100


@given(st.lists(st.floats(-2000, 2000), max_size=30), st.integers(1, 29))
def test_any_cut_into_batches_gives_the_same_states(metres: list[float], cut: int) -> None:
    fixes = walk(metres)
    wearer = Wearer([HOME], fixes[:cut])
    first = watch([wearer])
    wearer.fixes = fixes[cut:]
    second = [replace(change, fix=change.fix + cut) for change in watch([wearer])]
    assert [*first, *second] == follow(fixes)


def test_bytes_of_another_rule_or_of_nobody_mean_nothing_is_known() -> None:
    for strange in (b"", b"\xff\xff", b"\x02" + bytes(MEMORY.itemsize), b"\x03" + bytes(5)):
        assert len(unpack(strange)) == 0
    assert pack(np.zeros(0, dtype=MEMORY)) == b""


def test_many_wearers_and_zones_are_judged_in_one_call() -> None:
    inner, outer = walk([0] * 3), walk([30_000 + 500 * minute for minute in range(4)])
    changes = watch([Wearer([HOME, EXCLUSION], inner), Wearer([HOME], outer), Wearer([], inner)])
    decided = [change for change in changes if not change.approach]
    assert [(change.fix, change.place, change.state) for change in decided] == [
        (3 + 1, 2, OUTSIDE),
        (2, 1, INSIDE),
        (2, 0, INSIDE),
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
    fixes = [replace(fix, time=fix.time + (evening - START)) for fix in walk(AWAY * 2)]
    (left,) = follow(fixes, night)
    assert (left.state, moment(left)) == (OUTSIDE, evening + timedelta(minutes=5))
