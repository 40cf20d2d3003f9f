"""Drawings are read as they were sent: each fault is refused with its place and the mend."""

import json
from typing import Any

import pytest
import shapely

from models.area import as_geojson
from models.drawing import checked, read
from models.errors import Invalid

LAT, LON = 27.7, 106.9
Corners = list[list[float]]


def square(side_deg: float = 0.01, lat: float = LAT, lon: float = LON) -> dict[str, Any]:
    half = side_deg / 2
    return as_geojson(shapely.box(lon - half, lat - half, lon + half, lat + half))


def ring(side_deg: float, lat: float = LAT, lon: float = LON) -> Corners:
    corners: Corners = square(side_deg, lat, lon)["coordinates"][0]
    return corners


def polygon(*rings: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


BOW_TIE = [[106.9, 27.7], [106.92, 27.72], [106.92, 27.7], [106.9, 27.72], [106.9, 27.7]]
EIGHT = [[0, 0], [2, 2], [4, 0], [4, 4], [2, 2], [0, 4], [0, 0]]


def area_of(geojson: dict[str, Any]) -> float:
    return float(shapely.from_geojson(json.dumps(geojson)).area)


def test_holes_and_parts_are_kept() -> None:
    holed = polygon(ring(0.04), ring(0.01))
    assert checked(holed) == holed
    parts = {"type": "MultiPolygon", "coordinates": [[ring(0.01)], [ring(0.01, lon=LON + 0.1)]]}
    assert len(checked(parts)["coordinates"]) == 2
    assert area_of(checked(parts)) == pytest.approx(2e-4)


def test_features_and_collections_are_taken_as_one_area() -> None:
    parts = [square(), square(lon=LON + 0.05)]
    features = [{"type": "Feature", "properties": {}, "geometry": part} for part in parts]
    assert checked(features[0]) == checked(parts[0])
    union = checked({"type": "FeatureCollection", "features": features})
    assert len(union["coordinates"]) == 2
    nested = {"type": "GeometryCollection", "geometries": [square(), square(0.02)]}
    assert area_of(checked(nested)) == pytest.approx(4e-4)


@pytest.mark.parametrize(
    ("rings", "first", "second"),
    [
        ([BOW_TIE], (1, 1), (1, 3)),
        ([BOW_TIE[1:] + BOW_TIE[1:2]], (1, 2), (1, 4)),
        ([ring(0.04), [*BOW_TIE[:-1], [106.89, 27.71], BOW_TIE[0]]], (2, 1), (2, 3)),
    ],
)
def test_a_crossing_is_refused_with_the_edges_that_cross(
    rings: list[Corners], first: tuple[int, int], second: tuple[int, int]
) -> None:
    with pytest.raises(Invalid, match="Part 1 crosses itself") as refused:
        read(polygon(*rings))
    facts = refused.value.facts
    assert (facts["ring"], facts["corner"]) == first
    assert (facts["other_ring"], facts["other_corner"]) == second


@pytest.mark.parametrize(
    ("geojson", "said"),
    [
        ("not a geometry", "must be a GeoJSON geometry"),
        (None, "must be a GeoJSON geometry"),
        ({"type": "Polygon"}, "must be a GeoJSON geometry"),
        ({"type": "Feature", "geometry": None}, "must be a GeoJSON geometry"),
        (polygon(), "Part 1 of the boundary is empty"),
        ({"type": "MultiPolygon", "coordinates": []}, "boundary is empty"),
        ({"type": "MultiPolygon", "coordinates": [[ring(0.01)], []]}, "Part 2 of the boundary is"),
        ({"type": "FeatureCollection", "features": []}, "boundary is empty"),
        ({"type": "Point", "coordinates": [LON, LAT]}, "must enclose an area"),
        ({"type": "LineString", "coordinates": [[LON, LAT], [107, 28]]}, "must enclose an area"),
        (polygon(ring(0.01)[:-1]), "Ring 1 of part 1 is not closed"),
        (polygon(ring(0.04), ring(0.01)[:-1]), "Ring 2 of part 1 is not closed"),
        (polygon(ring(0.01)[:2]), "fewer than three corners"),
        (polygon([]), "fewer than three corners"),
        (polygon([[LON, LAT]] * 5), "fewer than three corners"),
        (
            polygon([[LON, LAT], ["x", 1], [1, 2], [LON, LAT]]),
            "Corner 1.1.2 .* is not a pair",
        ),
        (polygon([[LON, LAT], [1], [1, 2], [LON, LAT]]), "Corner 1.1.2 .* is not a pair"),
        (polygon([[float("nan"), 1.0]]), "Corner 1.1.1 .* is out of range"),
        (polygon([[1, 2], [10**400, 1.0]]), "Corner 1.1.2 .* is out of range"),
        (polygon([[1, 2], [11_899_000.0, 3_214_000.0]]), "metres"),
        (polygon(ring(0.01), ring(0.04)), "hole of part 1 lies outside"),
        (polygon(ring(0.01), ring(0.001, lon=LON + 1)), "hole of part 1 lies outside"),
        (square(lat=LON, lon=LAT), "longitude first"),
        (square(lat=48.85, lon=2.35), "not in China"),
        (square(side_deg=0.0001), "smaller than 400 square metres"),
    ],
)
def test_a_bad_boundary_is_refused_by_name(geojson: object, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        checked(geojson)
    assert refused.value.field == "geometry"


def test_a_ring_that_touches_itself_is_refused() -> None:
    with pytest.raises(Invalid, match="crosses itself"):
        read(polygon([[float(x), float(y)] for x, y in EIGHT]))


def test_too_many_corners_are_counted() -> None:
    many = as_geojson(shapely.Point(LON, LAT).buffer(0.1, quad_segs=1500))
    with pytest.raises(Invalid, match="has 6000 corners and may have 5000"):
        read(many)
    assert checked(many) == many
