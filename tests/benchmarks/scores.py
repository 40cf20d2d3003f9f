"""Score decisions against the truth: false alerts a wearer-day, delays, and what was missed."""

from dataclasses import dataclass, field
from math import exp, lgamma, log, sqrt
from typing import Any

import numpy as np

from devices.simulator.multitude import Bools
from models.ground import Ints
from tests.benchmarks.crowd import STEPS, Crowd
from tests.benchmarks.detectors import Turns

AFTER, BEFORE = 10, 1  # steps around a true breach in which an alert is about that breach
STAY = 20  # steps: who was on the wrong side for less passed a corner, and is nobody's departure
EXACT = 200  # counts up to which Poisson's sum is taken; beyond, Wilson and Hilferty are exact
Z95 = 1.6448536


@dataclass
class Score:
    """What one detector made of some crowds."""

    right_days: float = 0.0  # spent on the right side
    alerts: int = 0
    false: int = 0
    departures: int = 0
    missed: int = 0
    delays_min: list[float] = field(default_factory=list)

    def add(self, crowd: Crowd, turns: Turns) -> None:
        """Count one crowd's day."""
        alert = np.flatnonzero(turns.wrong)
        self.right_days += float((~crowd.wrong).sum()) / STEPS
        self.alerts += len(alert)
        about = _near(crowd.wrong)
        self.false += int((~about[turns.step[alert], turns.who[alert]]).sum())
        self._departures(crowd, turns, alert)

    def merge(self, other: "Score") -> None:
        """Take in what was scored elsewhere."""
        self.right_days += other.right_days
        self.alerts += other.alerts
        self.false += other.false
        self.departures += other.departures
        self.missed += other.missed
        self.delays_min += other.delays_min

    def _departures(self, crowd: Crowd, turns: Turns, alert: Ints) -> None:
        """A departure counts as seen at once where a false alert already said so."""
        who, first, last = _stays(crowd.wrong)
        keys = turns.who * 2 * STEPS + turns.step
        begin, end = who * 2 * STEPS + first - BEFORE, who * 2 * STEPS + last + AFTER
        earlier = np.searchsorted(keys, begin) - 1
        standing = (earlier >= 0) & turns.wrong[earlier] & (turns.who[earlier] == who)
        following = np.searchsorted(keys[alert], begin)
        seen = np.append(keys[alert], np.iinfo(np.int64).max)[following] <= end
        heard_s = np.append(turns.heard_s[alert], np.nan)[following]
        late_s = np.where(standing, 0, heard_s - crowd.since_s[first, who])
        self.departures += len(who)
        self.missed += int((~seen & ~standing).sum())
        self.delays_min += (np.maximum(0, late_s[seen | standing]) / 60).tolist()

    def as_json(self) -> dict[str, Any]:
        """Return the figures, with the 95 % upper bound of false alerts a wearer-day."""
        delays = self.delays_min or [float("nan")]
        return {
            "wearer_days": round(self.right_days),
            "false": self.false,
            "false_a_day": self.false / self.right_days,
            "at_most": most(self.false) / self.right_days,
            "departures": self.departures,
            "missed": self.missed,
            "p50_min": round(float(np.percentile(delays, 50)), 1),
            "p90_min": round(float(np.percentile(delays, 90)), 1),
        }


def _near(wrong: Bools) -> Bools:
    near = wrong.copy()
    near[:-BEFORE] |= wrong[BEFORE:]
    for later in range(1, AFTER + 1):
        near[later:] |= wrong[:-later]
    return near


def _stays(wrong: Bools) -> tuple[Ints, Ints, Ints]:
    """Who stayed on the wrong side for long, from which step to which, by wearer and step."""
    bounded = np.zeros((wrong.shape[1], wrong.shape[0] + 2), dtype=np.int8)
    bounded[:, 1:-1] = wrong.T
    turned = np.diff(bounded, axis=1)
    (who, first), (_, after) = np.nonzero(turned == 1), np.nonzero(turned == -1)
    long = (after - first >= STAY) & (first > 0)
    return who[long], first[long], after[long] - 1


def most(count: int) -> float:
    """The 95 % upper bound of a Poisson mean of which `count` were seen."""
    if count > EXACT:
        free = count + 1
        return float(free * (1 - 1 / (9 * free) + Z95 / (3 * sqrt(free))) ** 3)
    low, high = float(count), 3.0 * count + 10
    while high - low > 1e-9:
        mean = (low + high) / 2
        seen = sum(exp(i * log(mean) - mean - lgamma(i + 1)) for i in range(count + 1))
        low, high = (mean, high) if seen > 0.05 else (low, mean)
    return high
