"""What an ingester counts of itself: one call a transaction, read by the minute and by scrapes.

Everything only grows, so whoever wants a minute takes what stands now from what stood then.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.mqtt import Traffic

# 0.25 s is an edge, and each is 12 % over the one before: a percentile is that exact.
SECONDS = 0.25 * 10 ** (np.arange(-48, 69) / 20)
READINGS = np.array([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000], dtype=float)
COUNTS = ("messages", "batches", "committed", "duplicates", "late")
SPREADS = ("lag", "commit", "batch")
EXACT = 64  # reading every clock of a batch of thousands costs more than it tells
Counts = NDArray[np.int64]


@dataclass
class Spread:
    """How many values fell up to each edge, and beyond the last; and their sum."""

    edges: NDArray[np.float64]
    counts: Counts
    total: float = 0.0

    @classmethod
    def over(cls, edges: NDArray[np.float64]) -> "Spread":
        """Start with nothing."""
        return cls(edges, np.zeros(len(edges) + 1, dtype=np.int64))

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[self.edges.searchsorted(value)] += 1
        self.total += value

    def add_all(self, values: NDArray[np.float64]) -> None:
        """Count values."""
        at = self.edges.searchsorted(values)
        self.counts += np.bincount(at, minlength=len(self.counts))
        self.total += float(values.sum())

    def copy(self) -> "Spread":
        """What stands now; it does not change any more."""
        return replace(self, counts=self.counts.copy())

    def minus(self, before: "Spread") -> "Spread":
        """What came since."""
        return Spread(self.edges, self.counts - before.counts, self.total - before.total)

    def quantile(self, share: float) -> float | None:
        """The value that `share` of all lie below, within an edge's width; None of nothing."""
        reached = np.cumsum(self.counts)
        if reached[-1] == 0:
            return None
        wanted = share * reached[-1]
        at = int(reached.searchsorted(wanted))
        if at >= len(self.edges):
            return float(self.edges[-1])
        low = float(self.edges[at - 1]) if at else 0.0
        part = (wanted - (reached[at] - self.counts[at])) / max(int(self.counts[at]), 1)
        return low + float(part) * (float(self.edges[at]) - low)


@dataclass
class Tally:
    """What an ingester did since it started, or between two moments."""

    messages: int = 0
    batches: int = 0
    committed: int = 0
    duplicates: int = 0
    late: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    committed_at: datetime | None = None
    lag: Spread = field(default_factory=lambda: Spread.over(SECONDS))
    commit: Spread = field(default_factory=lambda: Spread.over(SECONDS))
    batch: Spread = field(default_factory=lambda: Spread.over(READINGS))

    def copy(self) -> "Tally":
        """What stands now; it does not change any more."""
        spreads = {name: getattr(self, name).copy() for name in SPREADS}
        return replace(self, rejected=self.rejected.copy(), **spreads)

    def minus(self, before: "Tally") -> "Tally":
        """What came since; the last commit only where there was one."""
        differences: dict[str, Any] = {
            name: getattr(self, name) - getattr(before, name) for name in COUNTS
        }
        for name in SPREADS:
            differences[name] = getattr(self, name).minus(getattr(before, name))
        at = self.committed_at if self.committed > before.committed else None
        return Tally(rejected=self.rejected - before.rejected, committed_at=at, **differences)


class Meters:
    """Counts of one ingester: its own thread writes, others read."""

    def __init__(self, traffic: Traffic | None = None) -> None:
        self._traffic = traffic or Traffic()
        self._lock = threading.Lock()
        self._tally = Tally()
        self._queue_max = 0
        self.devices_known = 0

    def transaction(
        self,
        received: Sequence[datetime],
        began: datetime,
        ended: datetime,
        *,
        committed: int,
        rejected: Mapping[str, int],
        late: int = 0,
        duplicates: int = 0,
    ) -> None:
        """Count a transaction: when its messages arrived, in order, and what came of them.

        `committed` counts readings, `duplicates` among them.
        """
        end = ended.timestamp()
        lags = end - _arrivals(received)
        with self._lock:
            tally = self._tally
            tally.messages += len(received)
            tally.batches += 1
            tally.committed += committed
            tally.duplicates += duplicates
            tally.late += late
            tally.rejected.update(rejected)
            tally.committed_at = ended if committed else tally.committed_at
            tally.lag.add_all(lags)
            tally.commit.add(end - began.timestamp())
            tally.batch.add(committed + sum(rejected.values()))
            self._queue_max = max(self._queue_max, self._traffic.waiting)

    def read(self) -> Tally:
        """Everything since the start."""
        with self._lock:
            return self._tally.copy()

    def take_queue_max(self) -> int:
        """The longest queue since this was asked last."""
        with self._lock:
            longest, self._queue_max = self._queue_max, 0
            return longest


def _arrivals(received: Sequence[datetime]) -> NDArray[np.float64]:
    """Seconds of each arrival: exact for a few, between the others as if they came evenly."""
    if not received:
        return np.zeros(0)
    step = 1 + len(received) // EXACT
    marks = [*range(0, len(received) - 1, step), len(received) - 1]
    exact = [received[mark].timestamp() for mark in marks]
    return np.asarray(np.interp(np.arange(len(received)), marks, exact), dtype=np.float64)
