"""Many at once are what one is: the columns of `multitude` against `Sensor` and `Coverage`."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from devices.messages import Source
from devices.simulator.coverage import Outages
from devices.simulator.multitude import DELAY_S, SOURCES, Bools, Floats, Lateness, Radios, Sensors
from devices.simulator.sensor import LIE_CLAIM_M, LIE_M, Sensor

WEARERS, STEPS = 150, 1000
MINUTE_S = 60.0


@dataclass(frozen=True)
class Said:
    """(steps, wearers) columns of readings."""

    north_m: Floats
    east_m: Floats
    accuracy_m: Floats
    source: Floats

    def error_m(self, source: Source) -> Floats:
        mine = self.source == SOURCES.index(source)
        found: Floats = np.hypot(self.north_m[mine], self.east_m[mine])
        return found

    def correlation(self, source: Source, lag: int) -> float:
        """Of the northing, step by step, where both steps are of one source; spikes clipped."""
        mine = self.source == SOURCES.index(source)
        both = mine[:-lag] & mine[lag:]
        north = np.clip(self.north_m, -150, 150)
        return float(np.corrcoef(north[:-lag][both], north[lag:][both])[0, 1])


def many(seed: int, *, indoors: bool = True, lies: float = 0.0, steps: int = STEPS) -> Said:
    sensors = Sensors(np.random.default_rng(seed), WEARERS, lies)
    still = np.full(WEARERS, indoors)
    read = [sensors.measure(MINUTE_S, indoors=still) for _ in range(steps)]
    return Said(*(np.array(column) for column in zip(*read, strict=True)))


def one_by_one(seed: int, *, wearers: int = 60) -> Said:
    sensors = [Sensor(Random(f"{seed}:{who}"), 0.0) for who in range(wearers)]  # noqa: S311 - a simulation's dice
    read = [[it.measure(MINUTE_S, indoors=True) for it in sensors] for _ in range(STEPS)]
    return Said(
        np.array([[it.error[0] for it in row] for row in read]),
        np.array([[it.error[1] for it in row] for row in read]),
        np.array([[it.accuracy_m for it in row] for row in read]),
        np.array([[SOURCES.index(it.source) for it in row] for row in read]),
    )


@pytest.fixture(scope="module")
def ours() -> Said:
    return many(1)


@pytest.fixture(scope="module")
def theirs() -> Said:
    return one_by_one(1)


@pytest.mark.parametrize("source", SOURCES)
def test_errors_are_as_far_as_those_of_one_sensor(ours: Said, theirs: Said, source: Source) -> None:
    shares = [50, 90, 95]
    found, expected = (np.percentile(it.error_m(source), shares) for it in (ours, theirs))
    assert found == pytest.approx(expected, rel=0.2)


def test_the_tail_of_satellite_errors_is_as_heavy(ours: Said, theirs: Said) -> None:
    found, expected = (np.percentile(it.error_m(Source.GNSS), [99, 99.9]) for it in (ours, theirs))
    assert found == pytest.approx(expected, rel=0.3)


@pytest.mark.parametrize("lag", [1, 2, 5, 10])
def test_errors_linger_as_long(ours: Said, theirs: Said, lag: int) -> None:
    for source in (Source.GNSS, Source.WIFI):
        expected = theirs.correlation(source, lag)
        assert ours.correlation(source, lag) == pytest.approx(expected, abs=0.08)


def test_sources_and_their_spells_are_shared_out_alike(ours: Said, theirs: Said) -> None:
    for source in range(len(SOURCES)):
        found, expected = (float(np.mean(it.source == source)) for it in (ours, theirs))
        assert found == pytest.approx(expected, abs=0.02)
    found, expected = (float(np.mean(it.source[1:] == it.source[:-1])) for it in (ours, theirs))
    assert found == pytest.approx(expected, abs=0.01)


def test_accuracy_is_as_honest(ours: Said, theirs: Said) -> None:
    honest = [np.mean(np.hypot(it.north_m, it.east_m) <= it.accuracy_m) for it in (ours, theirs)]
    assert honest[0] == pytest.approx(honest[1], abs=0.03)
    found, expected = (np.percentile(it.accuracy_m, [10, 50, 90]) for it in (ours, theirs))
    assert found == pytest.approx(expected, rel=0.2)


def test_out_of_doors_satellites_are_seen_more_often(ours: Said) -> None:
    outdoors = many(2, indoors=False, steps=200)
    gnss = SOURCES.index(Source.GNSS)
    assert np.mean(outdoors.source == gnss) > np.mean(ours.source == gnss) + 0.1


def test_a_lie_is_far_off_steady_and_confident() -> None:
    said = many(3, lies=20)
    far = np.hypot(said.north_m, said.east_m)
    steady = (np.diff(said.north_m, axis=0) == 0) & (np.diff(said.east_m, axis=0) == 0)
    lies = far[1:][steady]
    assert len(lies) > 500
    assert LIE_M[0] <= lies.min()
    assert lies.max() <= LIE_M[1]
    claimed = said.accuracy_m[1:][steady]
    assert LIE_CLAIM_M[0] <= claimed.min()
    assert claimed.max() <= LIE_CLAIM_M[1]


def test_the_same_seed_gives_the_same_readings() -> None:
    assert np.array_equal(many(4, steps=20).north_m, many(4, steps=20).north_m)
    assert not np.array_equal(many(4, steps=20).north_m, many(5, steps=20).north_m)


def carried(radios: Radios, steps: int) -> tuple[Bools, Floats]:
    """Which fixes arrived, and how late."""
    kept, late = [], []
    for step in range(steps):
        at_s = np.full(radios.count, step * MINUTE_S)
        arrived, arrives_s = radios.carry(at_s, MINUTE_S)
        kept.append(arrived)
        late.append(arrives_s - at_s)
    return np.array(kept), np.array(late)


def test_an_outage_loses_some_and_brings_the_rest_when_it_is_over() -> None:
    radios = Radios(np.random.default_rng(1), 500, Outages(), Lateness(share=0.0))
    kept, late_s = carried(radios, 1440)
    silent = late_s > DELAY_S
    began = (silent[1:] & ~silent[:-1]).sum() / 500
    assert began == pytest.approx(3, rel=0.15)
    assert 1 - kept[silent].mean() == pytest.approx(0.3, abs=0.03)
    assert kept[~silent].all()
    ends_s = late_s + np.arange(1440)[:, None] * MINUTE_S
    same = silent[1:] & silent[:-1]
    assert np.mean(np.isclose(ends_s[1:][same], ends_s[:-1][same])) > 0.97
    assert silent.sum() / (began * 500) == pytest.approx(20, rel=0.15)


def test_some_fixes_come_late_outside_outages() -> None:
    radios = Radios(np.random.default_rng(1), 200, Outages(per_day=0.0))
    kept, late_s = carried(radios, 500)
    assert kept.all()
    assert np.mean(late_s > 2) == pytest.approx(0.02, abs=0.003)
    assert np.mean(late_s[late_s > 2]) == pytest.approx(300, rel=0.1)
