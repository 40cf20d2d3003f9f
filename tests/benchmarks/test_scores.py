"""What counts as a false alert, as a departure, as its delay and as missed."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.benchmarks.crowd import STEPS, Crowd
from tests.benchmarks.detectors import Turns
from tests.benchmarks.scores import Score, most

LEFT, BACK = 100, 160  # steps in which the first of two people is on the wrong side


def crowd() -> Crowd:
    """Two people for a day; the first leaves half a minute before step LEFT is measured."""
    at_s = np.repeat(60.0 * np.arange(STEPS)[:, None], 2, axis=1)
    wrong, since_s = np.zeros((STEPS, 2), dtype=bool), np.full((STEPS, 2), np.nan)
    wrong[LEFT:BACK, 0] = True
    since_s[LEFT, 0] = at_s[LEFT, 0] - 30
    nothing = np.zeros((STEPS, 2))
    source = nothing.astype(np.int8)
    return Crowd(
        at_s=at_s, heard_s=at_s, live=~wrong | wrong, north_m=nothing, east_m=nothing,
        accuracy_m=nothing, source=source, wrong=wrong, since_s=since_s,
    )  # fmt: skip


def scored(turns: Sequence[tuple[int, int, bool]]) -> Score:
    """The score of a detector that changed its mind so: (who, step, wrong)."""
    who, step, wrong = (np.array(it) for it in zip(*sorted(turns), strict=True))
    score = Score()
    score.add(crowd(), Turns(who, step, wrong == 1, 60.0 * step))
    return score


def test_the_delay_runs_from_the_crossing_to_the_hearing() -> None:
    score = scored([(0, LEFT + 3, True), (0, BACK + 2, False)])
    assert (score.departures, score.missed, score.false) == (1, 0, 0)
    assert score.delays_min == [3.5]


@pytest.mark.parametrize("step", [LEFT + 5, BACK + 9, LEFT - 1])
def test_an_alert_around_a_departure_is_not_false(step: int) -> None:
    assert scored([(0, step, True)]).false == 0


@pytest.mark.parametrize(("who", "step"), [(1, LEFT + 5), (0, BACK + 11), (0, LEFT - 3)])
def test_an_alert_about_nobody_is_false_and_leaves_the_departure_missed(
    who: int, step: int
) -> None:
    score = scored([(who, step, True), (who, step + 1, False)])
    assert (score.false, score.departures, score.missed) == (1, 1, 1)


def test_days_are_those_spent_on_the_right_side() -> None:
    score = scored([(0, LEFT, True)])
    assert score.right_days == pytest.approx(2 - (BACK - LEFT) / STEPS)


@pytest.mark.parametrize(("count", "bound"), [(0, 3.00), (1, 4.74), (10, 16.96), (1000, 1053.6)])
def test_the_upper_bound_is_that_of_a_poisson_mean(count: int, bound: float) -> None:
    assert most(count) == pytest.approx(bound, abs=0.3 if count > 200 else 0.005)
