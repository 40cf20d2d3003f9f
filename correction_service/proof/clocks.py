"""How a bracelet's clock stood: by how much what it said came after the time that it claims."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from devices.wire import CLOCK_AHEAD_MAX_S, clock_fault
from models.fix import DeviceEvent
from models.packing import Columns

MICROS = 1e6


def notes(columns: Columns | None, events: Sequence[DeviceEvent]) -> dict[str, Any]:
    """Figures in seconds, positive where receipt came later, and events judged by receipt."""
    lag_s = np.empty(0) if columns is None else (columns["received"] - columns["time"]) / MICROS
    told = [it for it in events if clock_fault(it.time, it.received) is not None]
    return {
        "fixes": len(lag_s),
        "received_after_s": _spread(lag_s),
        "ahead_refused_beyond_s": CLOCK_AHEAD_MAX_S,
        "fixes_ahead": int((lag_s < 0).sum()),
        "events": len(events),
        "events_judged_by_receipt": [it.seq for it in told],
    }


def _spread(lag_s: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float] | None:
    if not len(lag_s):
        return None
    least, median, most = np.percentile(lag_s, (0, 50, 100)).round(3).tolist()
    return {"least": least, "median": median, "most": most}
