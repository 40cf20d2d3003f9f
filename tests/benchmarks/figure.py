"""One measured figure, and how it is printed."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A value beside what it is compared with; `ratio` is how many times better ours is."""

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    ratio: float
    details: dict[str, Any] = field(default_factory=dict)  # for a page; not printed

    def line(self) -> str:
        """Return the figure as one JSON object on one line."""
        rounded = {
            key: round(value, 3) if isinstance(value, float) else value
            for key, value in asdict(self).items()
            if key != "details"
        }
        return json.dumps(rounded, ensure_ascii=False)


def median_ms(work: Callable[[], object], times: int) -> float:
    """Return the median wall time of `work` in milliseconds, after one run to warm up."""
    work()
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent)
