"""What contradicts itself: never by one fix, always after enough of them, and over when it is."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.oddity import CONTRADICTIONS, MEMORY, MICROS, Oddity, Steps, Told, fold, marks, odd

MINUTE_S = 60


def steps(
    east_m: Sequence[float],
    *,
    every_s: float = MINUTE_S,
    error_m: float = 20.0,
    claimed_m: float = np.nan,
    worn: Sequence[int] = (),
) -> Steps:
    """One bracelet that goes along a line of these positions."""
    count = len(east_m)
    way = np.diff(np.array(east_m), prepend=np.nan)
    return Steps(
        at=(np.arange(count) * every_s * MICROS).astype(np.int64),
        elapsed_s=np.where(np.arange(count) == 0, np.nan, every_s),
        east_m=way,
        north_m=np.zeros(count),
        before_east_m=np.append([0.0], way[:-1]),
        before_north_m=np.zeros(count),
        error_m=np.full(count, error_m),
        claimed_m=np.full(count, claimed_m),
        worn=np.array(worn or [-1] * count, dtype=np.int16),
    )


def told(taken: Steps) -> list[Told]:
    memory = np.zeros(1, dtype=MEMORY)
    marked = marks(taken)
    return [it for at in range(len(taken.at)) for it in fold(memory[0], taken, marked, at)]


def turns(taken: Steps) -> list[tuple[Oddity, bool, int]]:
    return [(it.oddity, it.begins, it.fix) for it in told(taken)]


def test_off_the_wrist_for_three_minutes_is_told_with_its_beginning_and_its_end() -> None:
    worn = [1, 0, 0, 0, 0, 0, 1, 1]
    assert turns(steps([0.0] * 8, worn=worn)) == [
        (Oddity.UNWORN, True, 4), (Oddity.UNWORN, False, 6),
    ]  # fmt: skip
    first = told(steps([0.0] * 8, worn=worn))[0]
    assert (first.since, first.facts) == (MINUTE_S * MICROS, {"unworn_s": 180})


@pytest.mark.parametrize("worn", [[0, 0, 0, 1] * 5, [-1] * 20, [0, 1] * 10])
def test_a_stretched_arm_is_not_told(worn: list[int]) -> None:
    assert turns(steps([0.0] * 20, worn=worn)) == []


def test_two_steps_too_fast_are_told_and_a_plausible_one_ends_it() -> None:
    taken = steps([0, 0, 20_000, 40_000, 60_000, 60_000])
    assert turns(taken) == [(Oddity.TOO_FAST, True, 3), (Oddity.TOO_FAST, False, 5)]
    facts = told(taken)[0].facts
    assert facts == {"speed_kmh": 1199, "apart_m": 20_000, "within_s": 60}


@pytest.mark.parametrize(
    ("east_m", "every_s", "error_m"),
    [
        ([0, 20_000, 20_000, 0], 60, 20.0),  # one wrong fix that stays: a step out, none back
        ([0, 3000, 6000, 9000], 60, 20.0),  # 180 km/h: a train
        ([0, 700, 0, 700, 0], 5, 20.0),  # drift between fixes that are close in time
        ([0, 20_000, 0, 20_000], 60, np.inf),  # cells
        ([0, 20_000, 0, 20_000], 60, 30_000.0),
    ],
)
def test_what_people_and_receivers_do_is_not_too_fast(
    east_m: list[float], every_s: float, error_m: float
) -> None:
    assert turns(steps(east_m, every_s=every_s, error_m=error_m)) == []


def test_a_claim_that_many_jumps_to_and_fro_contradict_is_told() -> None:
    jumps = [0.0, 300.0] * 15
    assert turns(steps(jumps, claimed_m=2.0)) == [(Oddity.FALSELY_EXACT, True, CONTRADICTIONS + 1)]
    assert turns(steps(jumps, claimed_m=8.0)) == []
    assert turns(steps([0.0, 90.0] * 15, claimed_m=2.0)) == []
    assert turns(steps(list(np.arange(40) * 900.0), claimed_m=2.0)) == []  # by car, and honest


def test_a_claim_is_believed_again_when_it_has_kept_its_word() -> None:
    path = [0.0, 300.0] * 15 + [0.0] * 60
    assert [begins for _, begins, _ in turns(steps(path, claimed_m=2.0))] == [True, False]


def test_only_bracelets_with_something_odd_are_gone_through() -> None:
    held = np.zeros(3, dtype=MEMORY)
    quiet = steps([0.0, 50.0, 80.0], worn=[1, 1, -1])
    assert not odd(quiet, marks(quiet), held).any()
    held["unworn"][2] = 1
    assert odd(quiet, marks(quiet), held).tolist() == [False, False, True]
