"""How much a fix on the wrong side of a border speaks against its wearer.

The score of a fix is how improbable it is, -log P, that somebody on the right side is seen that
far beyond: a normal error as large as claimed, or, rarely, one of the long tail that every source
has (real receivers were seen 1.5 km off). Fixes minutes apart share their errors, so each counts
for the part of its source's memory that has passed since the one before. Scores add up as in
Page's CUSUM (Biometrika 41, 1954): up with each fix beyond, down with each that is not.
All columns are one element a fix and zone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Sources = npt.NDArray[np.integer[Any]]  # places in SOURCES

SOURCES = ("gnss", "wifi", "lbs")
LBS = SOURCES.index("lbs")
# What a fix may be off however small it claims to be: a claim of 7 m was seen 700 m off.
LEAST_ERROR_M = np.array([10.0, 60.0, 500.0])
UNSTATED_ERROR_M = np.array([30.0, 100.0, 1000.0])
ERROR_MAX_M = 65_535

TAIL_SHARE = np.array([0.02, 0.10, 0.20])
TAIL_M = np.array([300.0, 150.0, 800.0])
SCORE_MAX = np.array([6.0, 5.0, 4.0])
LASTS_S = np.array([60.0, 120.0, 480.0])  # the memory of a source's error
SPREAD = np.array([4.0, 6.0, 12.0])  # drift lasts, so that ten fixes are hardly better than one
WEIGHT_MAX = 0.6
DRIFT = 0.4  # what is expected of an honest fix beyond the border
FALLS = 6.0  # what a fix on the right side takes away


def error_m(accuracy_m: Floats, source: Sources) -> Floats:
    """How far off fixes may be: what they claim (NaN: nothing), never better than their source."""
    claimed = np.maximum(accuracy_m, LEAST_ERROR_M[source])
    errors: Floats = np.where(np.isnan(accuracy_m), UNSTATED_ERROR_M[source], claimed)
    return errors


def weight(seconds: Floats, source: Sources) -> Floats:
    """What part of a fix is news, so long after the one before."""
    part: Floats = np.minimum(seconds / LASTS_S[source], WEIGHT_MAX)
    return part


def score(beyond_m: Floats, error_m: Floats, source: Sources) -> Floats:
    """-log P(so far beyond the border | on the right side), no more than the source is trusted."""
    tail = TAIL_SHARE[source]
    near = np.exp(-0.5 * np.minimum(beyond_m / error_m, 30.0) ** 2)
    far = np.exp(-beyond_m / TAIL_M[source])
    found: Floats = np.minimum(-np.log((1 - tail) * near + tail * far), SCORE_MAX[source])
    return found


def added(
    total: Floats, beyond_m: Floats, error_m: Floats, seconds: Floats, source: Sources
) -> Floats:
    """The sum after one more fix; `beyond_m` is 0 on the right side."""
    step = np.where(beyond_m > 0, score(beyond_m, error_m, source) - DRIFT, -FALLS)
    return total + weight(seconds, source) * step


def spread_m(error_m: Floats, source: Sources) -> Floats:
    """The standard error in each direction that a smoothed position should believe."""
    return SPREAD[source] * error_m
