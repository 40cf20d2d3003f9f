"""How positions go wrong: drift that lingers, heavy tails, and accuracy that sometimes lies.

Satellite drift is fitted to 579 real stays of 643 hours (real / here, metres): P50 7 / 7,
P90 32 / 28, P95 44 / 42, P99 92 / 88, P99.9 201 / 202; correlation after 1, 2 and 5 minutes
0.59, 0.38, 0.24 / 0.61, 0.38, 0.10. Each source's error is a wandering pair (north, east) times a
slower log-normal scale; all are Ornstein-Uhlenbeck processes, so steps may be of any length.
"""

from dataclasses import dataclass
from math import cos, exp, pi, sin, sqrt
from random import Random

from devices.messages import Source
from devices.simulator.ground import Metres


@dataclass(frozen=True, slots=True)
class Quality:
    """One source: scale of its error, spread of that scale's logarithm, memory in seconds."""

    scale_m: float
    spread: float
    memory_s: float


QUALITIES = {
    Source.GNSS: Quality(6.0, 1.0, 150.0),
    Source.WIFI: Quality(50.0, 0.5, 600.0),
    Source.LBS: Quality(600.0, 0.3, 900.0),
}
SHARES_OUTDOORS = {Source.GNSS: 0.95, Source.WIFI: 0.04, Source.LBS: 0.01}
SHARES_INDOORS = {Source.GNSS: 0.80, Source.WIFI: 0.18, Source.LBS: 0.02}
TAIL_MEMORY = 4.0  # the scale of an error outlives its direction
SPELL_S = 300.0  # how long a bracelet stays with one source, on average
RADIUS_68 = 1.51  # radius of 68 % of a round normal error, in units of its scale per axis
LIE_M = (100.0, 700.0)
LIE_S = (60.0, 180.0)
LIE_CLAIM_M = (5.0, 12.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured offset from the truth, and what the device claims about it."""

    source: Source
    error: Metres
    accuracy_m: float


class _Drift:
    """The error of one source."""

    def __init__(self, quality: Quality, dice: Random) -> None:
        self._quality = quality
        self._dice = dice
        self._north, self._east, self._tail = (dice.gauss(0, 1) for _ in range(3))

    def pass_time(self, elapsed_s: float) -> None:
        memories = elapsed_s / self._quality.memory_s
        self._north = self._wander(self._north, memories)
        self._east = self._wander(self._east, memories)
        self._tail = self._wander(self._tail, memories / TAIL_MEMORY)

    def read(self) -> tuple[Metres, float]:
        """The error now, and the radius that holds 68 % of such errors."""
        scale_m = self._quality.scale_m * exp(self._quality.spread * self._tail)
        return (self._north * scale_m, self._east * scale_m), scale_m * RADIUS_68

    def _wander(self, state: float, memories: float) -> float:
        keep = exp(-memories)
        return keep * state + sqrt(1 - keep * keep) * self._dice.gauss(0, 1)


class Sensor:
    """The positioning of one bracelet; `lies_per_day` counts spells of confident nonsense."""

    def __init__(self, dice: Random, lies_per_day: float) -> None:
        self._dice = dice
        self._lies_per_s = lies_per_day / 86_400
        self._drifts = {source: _Drift(it, dice) for source, it in QUALITIES.items()}
        self._source = Source.GNSS
        self._lie: Metres = (0.0, 0.0)
        self._lie_left_s = 0.0

    def measure(self, elapsed_s: float, *, indoors: bool) -> Reading:
        """The next reading, `elapsed_s` after the one before."""
        for drift in self._drifts.values():
            drift.pass_time(elapsed_s)
        self._change_source(elapsed_s, SHARES_INDOORS if indoors else SHARES_OUTDOORS)
        self._lie_left_s = max(0.0, self._lie_left_s - elapsed_s)
        if self._dice.random() < self._lies_per_s * elapsed_s:
            self._begin_lie()
        error, honest_m = self._drifts[self._source].read()
        if self._lie_left_s > 0:
            return Reading(self._source, self._lie, self._dice.uniform(*LIE_CLAIM_M))
        claimed_m = honest_m * self._dice.lognormvariate(0, 0.3)
        return Reading(self._source, error, max(1.0, round(claimed_m, 1)))

    def _change_source(self, elapsed_s: float, shares: dict[Source, float]) -> None:
        if self._dice.random() < 1 - exp(-elapsed_s / SPELL_S):
            self._source = self._dice.choices(list(shares), list(shares.values()))[0]

    def _begin_lie(self) -> None:
        far_m, bearing = self._dice.uniform(*LIE_M), self._dice.uniform(0, 2 * pi)
        self._lie = far_m * cos(bearing), far_m * sin(bearing)
        self._lie_left_s = self._dice.uniform(*LIE_S)
