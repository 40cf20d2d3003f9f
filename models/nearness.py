"""Whether two people who are to keep apart are together: evidence that adds up over minutes.

A position says little of who is near whom: indoors it is tens of metres off, and two people may
pass each other or ride one bus. So near counts up with the time it lasts, apart counts down twice
as fast, and what could be either says nothing.
"""

from datetime import datetime, timedelta
from math import hypot
from typing import NamedTuple

from models.area import Plane

NEAR_M = 50.0  # within one room, one yard, one shop
COARSE_M = 150.0  # whose errors together are larger are not compared
ENOUGH = timedelta(minutes=10)
MOST = timedelta(minutes=20)  # that evidence adds up to, so that an end is seen ten minutes later
STEP_MAX = timedelta(minutes=5)  # that one sight stands for at most
FADED = timedelta(minutes=30)  # without evidence nobody can tell any more
REACH_MPS = 60.0 / 3.6  # how far they may have come apart between two sights at different times


class Sight(NamedTuple):
    """Where somebody was, and how far off that may be."""

    at: datetime
    lat: float
    lon: float
    error_m: float


class Nearness(NamedTuple):
    """What is remembered of a pair that was seen near each other."""

    together: bool
    evidence: timedelta
    since: datetime  # first seen near
    near_at: datetime  # last seen near
    at: datetime  # newest evidence, of either kind
    apart_m: float
    error_m: float


def apart_m(one: Sight, other: Sight) -> float:
    """Metres between two positions."""
    east, north = Plane(lon=one.lon, lat=one.lat).metres_a_degree
    return hypot((other.lon - one.lon) * east, (other.lat - one.lat) * north)


def advance(known: Nearness | None, one: Sight, other: Sight) -> Nearness | None:
    """What is known of a pair after another sight of each; None: nothing speaks for nearness."""
    at = max(one.at, other.at)
    error_m = hypot(one.error_m, other.error_m)
    if error_m > COARSE_M or (known is not None and at <= known.at):
        return known
    metres = apart_m(one, other)
    step = timedelta() if known is None else min(at - known.at, STEP_MAX)
    if metres <= NEAR_M + error_m:
        evidence = step if known is None else min(known.evidence + step, MOST)
        together = evidence >= ENOUGH or (known is not None and known.together)
        since = at if known is None else known.since
        return Nearness(together, evidence, since, at, at, metres, error_m)
    moving_m = abs((one.at - other.at).total_seconds()) * REACH_MPS
    if known is None or metres <= NEAR_M + 2 * error_m + moving_m:
        return known
    left = known.evidence - 2 * step
    return known._replace(evidence=left, at=at) if left > timedelta() else None


def faded(known: Nearness, now: datetime) -> bool:
    """Whether what is known is too old to say anything of now."""
    return now - known.at > FADED
