"""Thousands of bracelets at once: `Sensor` and `Coverage` as columns, for counting rare errors.

One step is one fix of every wearer. The figures are those of `sensor.py` and `coverage.py`; the
dice fall otherwise, so the same seed gives other numbers of the same distribution.
"""

from dataclasses import dataclass, field
from math import exp, pi
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from devices.messages import Source
from devices.simulator.coverage import DAY_S, Outages
from devices.simulator.sensor import (
    LIE_CLAIM_M,
    LIE_M,
    LIE_S,
    QUALITIES,
    RADIUS_68,
    SHARES_INDOORS,
    SHARES_OUTDOORS,
    SPELL_S,
    TAIL_MEMORY,
)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Sources = npt.NDArray[np.integer[Any]]  # places in SOURCES
SOURCES = tuple(QUALITIES)
LIES_PER_DAY = 6.0
CLAIM_SPREAD = 0.3
DELAY_S = 1.0  # from a fix to its arrival, where nothing is in the way
_SCALES_M = np.array([it.scale_m for it in QUALITIES.values()])
_SPREADS = np.array([it.spread for it in QUALITIES.values()])
_MEMORIES_S = np.array([[it.memory_s] for it in QUALITIES.values()])


class Readings(NamedTuple):
    """One step of every wearer: the error in metres, whose it is, and what is claimed of it."""

    north_m: Floats
    east_m: Floats
    accuracy_m: Floats
    source: Sources


class Sensors:
    """The positioning of `count` bracelets."""

    def __init__(
        self, dice: np.random.Generator, count: int, lies_per_day: float = LIES_PER_DAY
    ) -> None:
        self._dice = dice
        self._lies_per_s = lies_per_day / DAY_S
        self._drift = dice.standard_normal((3, len(SOURCES), count))  # north, east, and the tail
        self._source = np.full(count, SOURCES.index(Source.GNSS))
        self._lie = np.zeros((2, count))
        self._lie_left_s = np.zeros(count)
        self._wearers = np.arange(count)

    def measure(self, elapsed_s: float, *, indoors: Bools) -> Readings:
        """The next readings, `elapsed_s` after those before."""
        self._wander(elapsed_s)
        self._change_sources(elapsed_s, indoors)
        self._lie_left_s = np.maximum(0, self._lie_left_s - elapsed_s)
        self._begin_lies(np.flatnonzero(self._lots() < self._lies_per_s * elapsed_s))
        north, east, tail = self._drift[:, self._source, self._wearers]
        scale_m = _SCALES_M[self._source] * np.exp(_SPREADS[self._source] * tail)
        claim = RADIUS_68 * np.exp(CLAIM_SPREAD * self._dice.standard_normal(len(tail)))
        lying = self._lie_left_s > 0
        accuracy_m = np.maximum(1, np.round(scale_m * claim, 1))
        accuracy_m[lying] = self._dice.uniform(*LIE_CLAIM_M, lying.sum())
        north_m, east_m = np.where(lying, self._lie, np.array([north, east]) * scale_m)
        return Readings(north_m, east_m, accuracy_m, self._source.copy())

    def _lots(self) -> Floats:
        return self._dice.random(len(self._wearers))

    def _wander(self, elapsed_s: float) -> None:
        slow = np.array([1, 1, TAIL_MEMORY]).reshape(-1, 1, 1)
        keep = np.exp(-elapsed_s / (_MEMORIES_S * slow))
        self._drift *= keep
        self._drift += np.sqrt(1 - keep * keep) * self._dice.standard_normal(self._drift.shape)

    def _change_sources(self, elapsed_s: float, indoors: Bools) -> None:
        change = np.flatnonzero(self._lots() < 1 - exp(-elapsed_s / SPELL_S))
        drawn = self._dice.random(len(change))
        bounds = [
            np.cumsum([shares[source] for source in SOURCES])
            for shares in (SHARES_OUTDOORS, SHARES_INDOORS)
        ]
        bound = np.array(bounds)[indoors[change].astype(int)]
        self._source[change] = (drawn[:, None] >= bound[:, :-1]).sum(axis=1)

    def _begin_lies(self, who: npt.NDArray[np.intp]) -> None:
        far_m = self._dice.uniform(*LIE_M, len(who))
        bearing = self._dice.uniform(0, 2 * pi, len(who))
        self._lie[:, who] = far_m * np.cos(bearing), far_m * np.sin(bearing)
        self._lie_left_s[who] = self._dice.uniform(*LIE_S, len(who))


@dataclass(frozen=True, slots=True)
class Lateness:
    """How many fixes come late outside outages, and how late they are on average."""

    share: float = 0.02
    mean_s: float = 300.0


@dataclass(slots=True)
class Radios:
    """The radio of each of `count` bracelets, with its outages."""

    dice: np.random.Generator
    count: int
    outages: Outages = field(default_factory=Outages)
    lateness: Lateness = field(default_factory=Lateness)
    _until_s: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._until_s = np.full(self.count, -np.inf)

    def carry(self, at_s: Floats, elapsed_s: float) -> tuple[Bools, Floats]:
        """Which of the fixes taken at these moments ever arrive, and when."""
        lots = self.dice.random((3, self.count))
        begin = (lots[0] < self.outages.per_day * elapsed_s / DAY_S) & (self._until_s <= at_s)
        lasts_s = self.dice.exponential(self.outages.mean_s, int(begin.sum()))
        self._until_s[begin] = at_s[begin] + lasts_s
        silent = at_s < self._until_s
        late_s = np.where(
            lots[1] < self.lateness.share,
            self.dice.exponential(self.lateness.mean_s, self.count),
            0,
        )
        arrives_s = np.where(silent, self._until_s, at_s + late_s) + DELAY_S
        return ~(silent & (lots[2] < self.outages.lost)), arrives_s
