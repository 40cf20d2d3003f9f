"""A day is unusual beside the person's own weeks, and nobody can tell without enough of them."""

import numpy as np
import pytest

from models.area import METRES_A_DEGREE
from models.movement import LEAST_DAYS, Floats, oddities

HOME = (27.7, 106.9)


def days(count: int, km_a_day: float = 2.0) -> Floats:
    """So many ordinary days: nights at home, days as far north as it goes, one of five at home."""
    far = np.tile(HOME, (1, count, 1))
    far[0, :, 0] += np.where(np.arange(count) % 5, km_a_day * 1000 / METRES_A_DEGREE, 0)
    return far


def last(far_km: float, night_km: float, ordinary: int = 28) -> tuple[bool, bool, bool]:
    far, night = days(ordinary + 1), np.tile(HOME, (1, ordinary + 1, 1))
    far[0, -1, 0] = HOME[0] + far_km * 1000 / METRES_A_DEGREE
    night[0, -1, 0] = HOME[0] + night_km * 1000 / METRES_A_DEGREE
    new, other, away = (not np.isnan(it[0]) for it in oddities(night, far))
    return new, other, away


@pytest.mark.parametrize(
    ("far_km", "night_km", "odd"),
    [
        (2, 0, (False, False, False)),
        (4.9, 0, (False, False, False)),  # twice as far as ever, but near
        (5.1, 0, (False, False, True)),
        (11.9, 0, (False, False, True)),  # 9.9 km from a place of before
        (12.1, 0, (True, False, True)),
        (2, 0.9, (False, False, False)),
        (2, 1.1, (False, True, False)),
    ],
)
def test_a_day_is_unusual_by_its_new_place_its_night_or_its_distance(
    far_km: float, night_km: float, odd: tuple[bool, bool, bool]
) -> None:
    assert last(far_km, night_km) == odd


def test_nothing_is_unusual_before_two_weeks_are_known() -> None:
    assert last(50, 50, LEAST_DAYS - 1) == (False, False, False)
    assert last(50, 50, LEAST_DAYS) == (True, True, True)


def test_days_of_which_nothing_is_known_are_not_unusual() -> None:
    unknown = np.full((1, 29, 2), np.nan)
    assert all(np.isnan(it[0]) for it in oddities(unknown, unknown))


def test_somebody_who_always_travels_far_is_not_far_away() -> None:
    far = days(29, km_a_day=40)
    night = np.tile(HOME, (1, 29, 1))
    assert np.isnan(oddities(night, far).unusually_far_m[0])
