"""Areas: circles and hours read, or refused with the field and the mend."""

import json
from datetime import time

import numpy as np
import pytest
import shapely

from models.area import circle, curfew_hours, plane_of
from models.errors import Invalid

LAT, LON = 27.7, 106.9


def test_a_circle_has_its_radius_in_metres_everywhere() -> None:
    shape = shapely.from_geojson(json.dumps(circle(LAT, LON, 500)))
    metres = plane_of(shape).project(shape)
    corners = np.hypot(*shapely.get_coordinates(metres).T)
    assert corners == pytest.approx(np.full(65, 500), rel=1e-3)


@pytest.mark.parametrize("radius_m", [0, -5, 19.9, 100_001, float("nan"), float("inf")])
def test_a_radius_has_limits(radius_m: float) -> None:
    with pytest.raises(Invalid, match="20 m to 100 km"):
        circle(LAT, LON, radius_m)


@pytest.mark.parametrize("text", ["", "22:00", "22-6-1", "25:00-06:00", "06:00-06:00"])
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        curfew_hours(text)
    assert refused.value.field == "hours"


def test_hours_are_read() -> None:
    assert curfew_hours("22:00-06:00") == (time(22), time(6))
