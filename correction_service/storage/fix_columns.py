"""Columns of telemetry on their way into the database, the same for both kinds of it.

Moments are microseconds since 1970; numbers of a fix are steps of the grid (`models.grid`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec.structs import astuple, replace

from devices.datum import Crs
from devices.messages import Fix, Source, Strap
from models.fix import DATUMS, SOURCES
from models.grid import STEPS

ABSENT = -1  # in columns that may be without a value; none of them has it as one
NEVER = np.iinfo(np.int64).min  # a moment that has not come

FIX = np.dtype(
    [
        ("device_id", "i4"),
        ("time", "i8"),
        ("seq", "i8"),
        ("received", "i8"),
        ("lat", "i4"),
        ("lon", "i4"),
        ("accuracy_m", "i4"),  # or ABSENT, down to battery
        ("speed_mps", "i4"),
        ("heading_deg", "i2"),
        ("battery", "i2"),
        ("source", "i2"),
        ("crs", "i2"),
        ("strap_open", "i2"),  # 1, 0 or ABSENT
        ("worn", "i2"),
    ]
)
STATE = np.dtype(
    [
        ("device_id", "i4"),
        ("revision", "i4"),  # the new one
        ("heard_at", "i8"),
        ("time", "i8"),  # or NEVER
        ("seq", "i8"),
        ("lat", "f8"),  # or NaN, as the other numbers
        ("lon", "f8"),
        ("accuracy_m", "f8"),
        ("battery", "f8"),
        ("source", "i2"),  # or ABSENT
        ("strap_open", "i2"),  # 1, 0 or ABSENT
    ]
)
OPTIONAL = ("accuracy_m", "speed_mps", "heading_deg", "battery")
YES_OR_NO = ("strap_open", "worn")
_SAID = Fix.__struct_fields__  # in the order of `astuple`
_CODES: dict[str, dict[Any, int]] = {
    "source": {Source(word): place for place, word in enumerate(SOURCES)},
    "crs": {Crs(word): place for place, word in enumerate(DATUMS)},
    "strap": {None: ABSENT, Strap.CLOSED: 0, Strap.OPEN: 1},
    "worn": {None: ABSENT, False: 0, True: 1},
}
Columns = npt.NDArray[np.void]
Opaque = npt.NDArray[np.void]  # packed zone states, all of one length


class StoredBefore(Exception):
    """A fix newer than all before, by the state of its device, is there: the state lagged."""


class Kept(NamedTuple):
    """What storing fixes came to."""

    new: int  # how many were not there before, late ones among them
    late: list[int]  # the device of each late one that was not there before


def laid(fixes: Sequence[Fix]) -> Columns:
    """Fixes on the grid, as columns; whose they are and when they came is left at 0.

    Here, and nowhere else, a fix is rounded. An error below half a step is one step, as 0 is no
    error. Moments are to the microsecond.
    """
    columns = np.zeros(len(fixes), dtype=FIX)
    if not fixes:
        return columns
    said = dict(zip(_SAID, zip(*map(astuple, fixes), strict=True), strict=True))
    seconds = np.fromiter(map(datetime.timestamp, said["time"]), np.float64, len(fixes))
    columns["time"] = np.rint(seconds * 1e6)
    columns["seq"] = np.fromiter(said["seq"], np.int64, len(fixes))
    for name, codes in _CODES.items():
        target = "strap_open" if name == "strap" else name
        coded = map(codes.__getitem__, said[name])
        columns[target] = np.fromiter(coded, np.int16, len(fixes))
    for name, steps in STEPS.items():  # numbers, or None, which numpy takes for NaN
        rounded = np.rint(np.array(said[name], np.float64) * steps)
        if name == "accuracy_m":
            rounded = np.maximum(rounded, 1)
        columns[name] = np.where(np.isnan(rounded), ABSENT, rounded)
    return columns


def on_grid(fix: Fix, row: np.void) -> Fix:
    """A fix with the numbers that its row of FIX has."""
    there = (it for it in STEPS if it not in OPTIONAL or row[it] != ABSENT)
    return replace(fix, **{name: int(row[name]) / STEPS[name] for name in there})
