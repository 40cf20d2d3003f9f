"""Fixes that contradict each other: off the wrist, faster than anyone travels, or falsely exact.

Each look needs more than one fix: a single one may be wrong. Cheap over a whole batch: `marks`
finds by columns what contradicts at all, and `fold` then goes only through the few bracelets that
have such a fix, or had one before.
"""

from collections.abc import Iterator
from enum import IntFlag
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

UNWORN_S, UNWORN_FIXES = 180, 3  # a sleeve or a stretched arm ends sooner
TOO_FAST_KMH, TOO_FAST_TIMES = 250.0, 2  # roads and lines of a county carry nobody so fast
LEAP_M = 1000.0  # beyond both errors; what is shorter is drift
EXACT_M = 3.0  # a claim below this leaves no room for
JUMP_M = 100.0  # steps of this length to and fro
CONTRADICTIONS = 20  # more such steps than honest ones
TALLY_MAX = 2 * CONTRADICTIONS
MICROS = 1_000_000

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

MEMORY = np.dtype(
    [
        ("bound_at", "i8"),  # microseconds since 1970; of whoever wears it, as all the rest is
        ("east_m", "f4"),  # the newest step
        ("north_m", "f4"),
        ("fast", "u1"),  # steps too fast, one after the other
        ("tally", "u1"),  # steps that contradict their claim, less those that do not
        ("unworn", "u1"),  # fixes off the wrist, one after the other
        ("unworn_since", "i8"),
        ("told", "u1"),  # Oddity
    ]
)
Memory = npt.NDArray[np.void]


class Oddity(IntFlag):
    """What may be told of a bracelet."""

    UNWORN = 1
    TOO_FAST = 2
    FALSELY_EXACT = 4


class Steps(NamedTuple):
    """Fixes with the way from the one before; equally long columns, by bracelet and time."""

    at: Ints  # microseconds since 1970
    elapsed_s: Floats  # since the fix before; NaN: there was none
    east_m: Floats
    north_m: Floats
    before_east_m: Floats  # of the step before
    before_north_m: Floats
    error_m: Floats  # of both ends together; infinite where one may be anywhere
    claimed_m: Floats  # accuracy; NaN: not said
    worn: npt.NDArray[np.int16]  # 1, 0 or -1: not said


class Marked(NamedTuple):
    """What each step shows by itself."""

    apart_m: Floats
    fast: Marks
    tells_speed: Marks
    contradicts: Marks
    exact: Marks


class Told(NamedTuple):
    """A bracelet is odd from `since` on, or no longer is; `fix` is the number of the step."""

    fix: int
    oddity: Oddity
    begins: bool
    since: int  # microseconds since 1970
    facts: dict[str, Any]


def marks(steps: Steps) -> Marked:
    """Judge every step by itself."""
    apart_m = np.hypot(steps.east_m, steps.north_m)
    beyond_m = apart_m - steps.error_m
    tells_speed = np.isfinite(beyond_m)
    allowed_m = np.maximum(steps.elapsed_s, 1.0) * TOO_FAST_KMH / 3.6
    fast = tells_speed & (beyond_m > LEAP_M) & (beyond_m > allowed_m)
    exact = (steps.claimed_m < EXACT_M) & ~np.isnan(apart_m)
    along = steps.east_m * steps.before_east_m + steps.north_m * steps.before_north_m
    before_m = np.hypot(steps.before_east_m, steps.before_north_m)
    to_and_fro = (along < 0) & (apart_m > JUMP_M) & (before_m > JUMP_M)
    return Marked(apart_m, fast, tells_speed, exact & to_and_fro, exact)


def odd(steps: Steps, marked: Marked, held: Memory) -> Marks:
    """Which steps want `fold`; `held` is the memory of each step's bracelet."""
    before = (held["fast"] > 0) | (held["tally"] > 0) | (held["unworn"] > 0) | (held["told"] > 0)
    found: Marks = marked.fast | marked.contradicts | (steps.worn == 0) | before
    return found


def fold(held: np.void, steps: Steps, marked: Marked, at: int) -> Iterator[Told]:
    """Take step number `at` into the memory of its bracelet; what is to be told."""
    yield from _worn(held, steps, at)
    yield from _speed(held, steps, marked, at)
    yield from _claim(held, steps, marked, at)


def _worn(held: np.void, steps: Steps, at: int) -> Iterator[Told]:
    time, worn = int(steps.at[at]), int(steps.worn[at])
    if worn == 1:
        held["unworn"] = 0
        yield from _over(held, Oddity.UNWORN, at, time)
    elif worn == 0:
        if not held["unworn"]:
            held["unworn_since"] = time
        held["unworn"] = min(int(held["unworn"]) + 1, UNWORN_FIXES)
        since = int(held["unworn_since"])
        lasted_s = (time - since) // MICROS
        if held["unworn"] == UNWORN_FIXES and lasted_s >= UNWORN_S:
            yield from _begins(held, Oddity.UNWORN, at, since, {"unworn_s": lasted_s})


def _speed(held: np.void, steps: Steps, marked: Marked, at: int) -> Iterator[Told]:
    if not marked.tells_speed[at]:
        return
    time, elapsed_s = int(steps.at[at]), max(float(steps.elapsed_s[at]), 1.0)
    if not marked.fast[at]:
        held["fast"] = 0
        yield from _over(held, Oddity.TOO_FAST, at, time)
        return
    held["fast"] = min(int(held["fast"]) + 1, TOO_FAST_TIMES)
    if held["fast"] == TOO_FAST_TIMES:
        beyond_m = float(marked.apart_m[at] - steps.error_m[at])
        facts = {
            "speed_kmh": round(beyond_m / elapsed_s * 3.6),
            "apart_m": round(float(marked.apart_m[at])),
            "within_s": round(elapsed_s),
        }
        yield from _begins(held, Oddity.TOO_FAST, at, time, facts)


def _claim(held: np.void, steps: Steps, marked: Marked, at: int) -> Iterator[Told]:
    if not marked.exact[at]:
        return
    turn = 1 if marked.contradicts[at] else -1
    held["tally"] = min(max(int(held["tally"]) + turn, 0), TALLY_MAX)
    time = int(steps.at[at])
    if held["tally"] >= CONTRADICTIONS:
        facts = {
            "claimed_m": float(steps.claimed_m[at]),
            "jump_m": round(float(marked.apart_m[at])),
            "contradictions": CONTRADICTIONS,
        }
        yield from _begins(held, Oddity.FALSELY_EXACT, at, time, facts)
    elif not held["tally"]:
        yield from _over(held, Oddity.FALSELY_EXACT, at, time)


def _begins(
    held: np.void, oddity: Oddity, at: int, since: int, facts: dict[str, Any]
) -> Iterator[Told]:
    if not int(held["told"]) & oddity:
        held["told"] = int(held["told"]) | oddity
        yield Told(at, oddity, begins=True, since=since, facts=facts)


def _over(held: np.void, oddity: Oddity, at: int, since: int) -> Iterator[Told]:
    if int(held["told"]) & oddity:
        held["told"] = int(held["told"]) & ~int(oddity)
        yield Told(at, oddity, begins=False, since=since, facts={})
