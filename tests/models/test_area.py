"""Areas: bad GeoJSON refused with the field and the mend, shapes made ready in metres."""

import json
from datetime import time
from typing import Any

import numpy as np
import pytest
import shapely

from models.area import checked, circle, curfew_hours, plane_of
from models.errors import Invalid

LAT, LON = 27.7, 106.9


def square(side_deg: float = 0.01, lat: float = LAT, lon: float = LON) -> dict[str, Any]:
    half = side_deg / 2
    box = shapely.box(lon - half, lat - half, lon + half, lat + half)
    found: dict[str, Any] = json.loads(shapely.to_geojson(box))
    return found


BOW_TIE = [[106.9, 27.7], [106.92, 27.72], [106.92, 27.7], [106.9, 27.72], [106.9, 27.7]]


def test_a_boundary_that_crosses_itself_is_mended() -> None:
    mended = checked({"type": "Polygon", "coordinates": [BOW_TIE]})
    assert mended["type"] == "MultiPolygon"
    assert shapely.from_geojson(json.dumps(mended)).is_valid


def test_features_and_collections_are_taken_as_one_area() -> None:
    parts = [square(), square(lon=LON + 0.05)]
    features = [{"type": "Feature", "properties": {}, "geometry": part} for part in parts]
    assert checked(features[0]) == checked(parts[0])
    union = checked({"type": "FeatureCollection", "features": features})
    assert len(union["coordinates"]) == 2


@pytest.mark.parametrize(
    ("geojson", "said"),
    [
        ("not a geometry", "must be a GeoJSON geometry"),
        (None, "must be a GeoJSON geometry"),
        ({"type": "Polygon"}, "must be a GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": [[[float("nan"), 1.0]]]}, "must be a GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": []}, "is empty"),
        ({"type": "FeatureCollection", "features": []}, "is empty"),
        ({"type": "Point", "coordinates": [LON, LAT]}, "must enclose an area"),
        ({"type": "LineString", "coordinates": [[LON, LAT], [107, 28]]}, "must enclose an area"),
        (square(lat=LON, lon=LAT), "longitude first"),
        (square(lat=48.85, lon=2.35), "not in China"),
        (square(side_deg=0.0001), "smaller than 400 square metres"),
    ],
)
def test_a_bad_boundary_is_refused_by_name(geojson: object, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        checked(geojson)
    assert refused.value.field == "geometry"


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
