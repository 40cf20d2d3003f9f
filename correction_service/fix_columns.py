"""Columns of telemetry on their way into the database, the same for both kinds of it.

Moments are microseconds since 1970; numbers of a fix are steps of the grid (`models.grid`).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
Columns = npt.NDArray[np.void]
Opaque = npt.NDArray[np.void]  # packed zone states, all of one length


class StoredBefore(Exception):
    """A fix newer than all before, by the state of its device, is there: the state lagged."""


class Kept(NamedTuple):
    """What storing fixes came to."""

    new: int  # how many were not there before, late ones among them
    late: list[int]  # the device of each late one that was not there before
