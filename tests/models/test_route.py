"""A way drawn as a line is an area to keep to."""

from typing import Any

import pytest
import shapely

from models.area import plane_of
from models.drawing import read
from models.errors import Invalid
from models.route import MOST_POINTS, REACH_M, widened

LAT, LON = 27.7, 106.9
WAY = [[LON, LAT], [LON + 0.01, LAT], [LON + 0.01, LAT + 0.01]]


def line(points: object) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": points}


def test_a_way_reaches_to_either_side_of_its_line() -> None:
    area = read(widened(line(WAY)))
    plane = plane_of(area)
    ground, way = plane.project(area), plane.project(shapely.LineString(WAY))
    assert shapely.contains(ground, shapely.buffer(way, REACH_M * 0.97))
    assert shapely.contains(shapely.buffer(way, REACH_M * 1.03), ground)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"type": "MultiLineString", "coordinates": [WAY[:2], WAY[1:]]},
        {"type": "Feature", "properties": {}, "geometry": line(WAY)},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": line(WAY)}]},
    ],
)
def test_parts_and_features_make_one_way(wrapped: dict[str, Any]) -> None:
    one, other = read(widened(wrapped)), read(widened(line(WAY)))
    assert shapely.area(shapely.symmetric_difference(one, other)) < 1e-3 * shapely.area(other)


def test_what_is_no_line_stays_as_it_is() -> None:
    for other in ({"type": "Polygon", "coordinates": []}, {"type": "Point"}, None, "line"):
        assert widened(other) is other


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([WAY[0], WAY[0]], "fewer than two points"),
        ([WAY[0], ["east", 3]], "is not a pair of numbers"),
        ([[LAT, LON], [LAT, LON + 1]], "longitude first"),
        ([[2.35, 48.85], [2.36, 48.86]], "not in China"),
        ([[LON + number * 1e-5, LAT] for number in range(MOST_POINTS + 1)], "more than 2000"),
    ],
)
def test_a_way_that_cannot_be_meant_is_refused_with_the_reason(points: object, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        widened(line(points))
    assert said in str(refused.value)
    assert refused.value.field == "geometry"
