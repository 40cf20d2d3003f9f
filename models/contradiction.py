"""Zones of one case that cannot be kept together, or hardly: each pair has a sentence for it.

Sentences name the other zone by its number and fit whichever of the two was there first.
"""

from collections.abc import Sequence
from datetime import time
from enum import StrEnum
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from models.area import Plane, curfew_hours, outline, plane_of
from models.zone import Zone, ZoneKind

LEAST_SHARE = 1e-3  # borders that only touch, or differ by rounding, have no ground in common


class Clash(StrEnum):
    """How two zones contradict; the value is what is said of it."""

    NOWHERE_LEFT = (
        "An exclusion zone would cover the whole of a zone to keep to: this one and zone no. "
        "%(other)d. Draw it smaller, or end that zone first."
    )
    PLACE_PARTLY_EXCLUDED = (
        "An exclusion zone would cover part of a place to be at: this one and zone no. %(other)d."
    )
    PLACE_OUTSIDE_HOME = (
        "A place to be at would lie outside the home area: this zone and zone no. %(other)d. Move "
        "it, or end that zone first."
    )
    PLACE_PARTLY_OUTSIDE = (
        "A place to be at would lie partly outside the home area: this zone and zone no. %(other)d."
    )
    TWO_PLACES_AT_ONCE = (
        "Two places to be at would have hours in common and no ground: this one and zone no. "
        "%(other)d. Change the hours, or end that zone first."
    )
    TWO_HOMES_APART = (
        "Two home areas would have no ground in common: this one and zone no. %(other)d. Inside "
        "one is outside the other."
    )


IMPOSSIBLE = frozenset({Clash.NOWHERE_LEFT, Clash.PLACE_OUTSIDE_HOME, Clash.TWO_PLACES_AT_ONCE})


class _Ground(NamedTuple):
    """A zone as it is compared, in metres of a plane that all compared zones share."""

    zone: Zone
    shape: BaseGeometry


def of(zone: Zone, others: Sequence[Zone]) -> list[tuple[int, Clash]]:
    """The ids of other zones of the case that contradict this one, and how."""
    found = [(other.id, _clash(zone, other)) for other in others if _meet(zone, other)]
    return [(other, clash) for other, clash in found if clash is not None]


def width_m(zone: Zone) -> float:
    """The radius of the largest circle within the zone, to a metre."""
    if zone.radius_m is not None:
        return zone.radius_m
    shape = shapely.geometry.shape(outline(zone))
    area = plane_of(shape).project(shape)
    line = shapely.maximum_inscribed_circle(area, tolerance=1.0)  # type: ignore[call-overload] # its stubs want to know which kind of area
    return float(shapely.length(line))


def _clash(one: Zone, other: Zone) -> Clash | None:
    plane = plane_of(shapely.geometry.shape(outline(one)))
    grounds = _ground(one, plane), _ground(other, plane)
    exclusions = [it for it in grounds if it.zone.kind is ZoneKind.EXCLUSION]
    kept = [it for it in grounds if it.zone.kind is not ZoneKind.EXCLUSION]
    if not kept:
        return None
    if exclusions:
        return _excluded(exclusions[0], kept[0])
    kept.sort(key=lambda it: it.zone.kind is not ZoneKind.HOME)
    return _apart(*kept)


def _ground(zone: Zone, plane: Plane) -> _Ground:
    return _Ground(zone, plane.project(shapely.geometry.shape(outline(zone))))


def _excluded(exclusion: _Ground, kept: _Ground) -> Clash | None:
    share = _share(kept.shape, exclusion.shape)
    if share >= 1 - LEAST_SHARE:
        return Clash.NOWHERE_LEFT
    partly = kept.zone.kind is not ZoneKind.HOME and share > LEAST_SHARE
    return Clash.PLACE_PARTLY_EXCLUDED if partly else None


def _apart(first: _Ground, second: _Ground) -> Clash | None:
    """Two zones to keep to, a home area first if there is one."""
    share = _share(second.shape, first.shape)
    if first.zone.kind is not ZoneKind.HOME:
        together = share > LEAST_SHARE or not _same_hours(first.zone, second.zone)
        return None if together else Clash.TWO_PLACES_AT_ONCE
    if second.zone.kind is ZoneKind.HOME:
        return None if share > LEAST_SHARE else Clash.TWO_HOMES_APART
    if share <= LEAST_SHARE:
        return Clash.PLACE_OUTSIDE_HOME
    return Clash.PLACE_PARTLY_OUTSIDE if share < 1 - LEAST_SHARE else None


def _share(of: BaseGeometry, within: BaseGeometry) -> float:
    """How much of an area lies within another, 0 to 1."""
    return float(shapely.area(shapely.intersection(of, within)) / shapely.area(of))


def _meet(one: Zone, other: Zone) -> bool:
    """Whether both ask something at some moment."""
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )


def _same_hours(one: Zone, other: Zone) -> bool:
    if one.hours is None or other.hours is None:
        return True
    spans = [_minutes(*curfew_hours(it.hours)) for it in (one, other) if it.hours]
    return bool(spans[0] & spans[1])


def _minutes(opens: time, closes: time) -> set[int]:
    first, last = (at.hour * 60 + at.minute for at in (opens, closes))
    return {minute % 1440 for minute in range(first, last if first < last else last + 1440)}
