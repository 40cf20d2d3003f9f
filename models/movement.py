"""A day's movement beside the person's own weeks before: where the nights are, how far the days go.

Measured on 3,461 days of 49 ordinary people, a place more than 10 km from any earlier one comes on
4.5 of 100 days, an unusual night on 4.2, a day half as far again as the own 95th percentile on 3.6:
each is common, so none of them is ever enough (docs/risk.md).
"""

import warnings
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.area import METRES_A_DEGREE
from models.base import Base

BASELINE_DAYS = 28
LEAST_DAYS = 14  # known days before anything can be unusual
NEW_PLACE_M = 10_000.0
OTHER_NIGHT_M = 1_000.0
FAR_TIMES, FAR_PERCENTILE, FAR_LEAST_M = 1.5, 95, 5_000.0

Floats = NDArray[np.float64]


class MovementDay(Base):
    """One legal day of one wearer: two places, and how far they are from the weeks before.

    Goes with the fixes that it was made of. A distance is there only where it was unusual.
    """

    __tablename__ = "movement_day"
    __table_args__ = (Index("ix_movement_day_day", "day"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    fixes: Mapped[int] = mapped_column(doc="that counted: cells and inexact ones do not")
    night_lat: Mapped[float | None] = mapped_column(doc="middle of the fixes from 0 to 5 o'clock")
    night_lon: Mapped[float | None]
    far_lat: Mapped[float | None] = mapped_column(doc="middle of the hour farthest from the night")
    far_lon: Mapped[float | None]
    new_place_m: Mapped[int | None] = mapped_column(doc="to the nearest earlier place")
    other_night_m: Mapped[int | None] = mapped_column(doc="to the nearest earlier night")
    unusually_far_m: Mapped[int | None] = mapped_column(doc="from home, the middle of the nights")


class Oddities(NamedTuple):
    """By wearer, in metres; NaN where the day was not unusual, or nobody can tell."""

    new_place_m: Floats
    other_night_m: Floats
    unusually_far_m: Floats


def oddities(night: Floats, far: Floats) -> Oddities:
    """Compare the last day with those before; both are (wearers, days, 2), degrees, NaN unknown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a wearer of whom nothing is known
        home = np.nanmedian(night[:, :-1], axis=1)
        known = (~np.isnan(far[:, :-1, 0])).sum(axis=1) >= LEAST_DAYS
        before = np.concatenate([night[:, :-1], far[:, :-1]], axis=1)
        new_place = np.nanmin(distance_m(before, far[:, -1:]), axis=1)
        other_night = np.nanmin(distance_m(night[:, :-1], night[:, -1:]), axis=1)
        far_m = distance_m(far, home[:, None])
        usual = np.nanpercentile(far_m[:, :-1], FAR_PERCENTILE, axis=1)
    least = np.maximum(FAR_TIMES * usual, FAR_LEAST_M)
    return Oddities(
        _where(known & (new_place > NEW_PLACE_M), new_place),
        _where(known & (other_night > OTHER_NIGHT_M), other_night),
        _where(known & (far_m[:, -1] > least), far_m[:, -1]),
    )


def distance_m(one: Floats, other: Floats) -> Floats:
    """Metres between (…, 2) latitudes and longitudes, on a plane: exact enough for a county."""
    north = (one[..., 0] - other[..., 0]) * METRES_A_DEGREE
    east = (one[..., 1] - other[..., 1]) * METRES_A_DEGREE * np.cos(np.radians(other[..., 0]))
    metres: Floats = np.hypot(north, east)
    return metres


def _where(odd: NDArray[np.bool_], metres: Floats) -> Floats:
    return np.where(odd, metres, np.nan)
