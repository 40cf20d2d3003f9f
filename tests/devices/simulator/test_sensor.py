from itertools import pairwise
from math import hypot
from random import Random

import numpy as np
import pytest

from devices.messages import Source
from devices.simulator.sensor import LIE_CLAIM_M, LIE_M, Reading, Sensor


def minutes(count: int, *, seed: int = 0, lies: float = 0.0, indoors: bool = True) -> list[Reading]:
    sensor = Sensor(Random(seed), lies)  # noqa: S311 (a simulation's dice)
    return [sensor.measure(60.0, indoors=indoors) for _ in range(count)]


MANY = [reading for seed in range(60) for reading in minutes(1000, seed=seed)]


@pytest.mark.parametrize(
    ("source", "middle_m", "tail_m"),
    [
        (Source.GNSS, (5, 10), (33, 55)),
        (Source.WIFI, (40, 90), (120, 250)),
        (Source.LBS, (500, 1000), (1000, 2500)),
    ],
)
def test_each_source_errs_as_far_as_measured_in_the_field(
    source: Source, middle_m: tuple[float, float], tail_m: tuple[float, float]
) -> None:
    errors = [hypot(*it.error) for it in MANY if it.source is source]
    middle, tail = np.percentile(errors, [50, 95])
    assert middle_m[0] < middle < middle_m[1]
    assert tail_m[0] < tail < tail_m[1]


def test_errors_linger_from_minute_to_minute_and_fade_in_ten() -> None:
    north = np.array([it.error[0] if it.source is Source.GNSS else np.nan for it in MANY]).clip(
        -100, 100
    )

    def correlation(lag: int) -> float:
        here, later = north[:-lag], north[lag:]
        both = ~np.isnan(here) & ~np.isnan(later)
        return float(np.corrcoef(here[both], later[both])[0, 1])

    assert 0.45 < correlation(1) < 0.75
    assert -0.1 < correlation(10) < 0.2


def test_accuracy_is_mostly_honest() -> None:
    within = [hypot(*it.error) <= it.accuracy_m for it in MANY]
    assert 0.55 < np.mean(within) < 0.8


def test_a_lie_is_far_off_steady_and_confident() -> None:
    lies = [it for it in minutes(20_000, lies=20) if LIE_M[0] <= hypot(*it.error)]
    confident = [it for it in lies if LIE_CLAIM_M[0] <= it.accuracy_m <= LIE_CLAIM_M[1]]
    repeated = sum(one.error == other.error for one, other in pairwise(confident))
    assert len(confident) > 50
    assert repeated > 20


def test_outdoors_has_more_satellites_than_indoors() -> None:
    outside = [it.source for it in minutes(20_000, indoors=False)]
    inside = [it.source for it in minutes(20_000, indoors=True)]
    assert outside.count(Source.GNSS) > inside.count(Source.GNSS) > 10_000
