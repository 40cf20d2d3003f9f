"""Zones of one case that cannot be kept together are found, whichever was there first."""

from datetime import timedelta
from typing import Any

import pytest
import shapely

from models.area import as_geojson
from models.contradiction import IMPOSSIBLE, Clash, of, width_m
from models.zone import Zone, ZoneKind, ZoneShape
from tests.county import NOW

HOME, CURFEW, EXCLUSION = ZoneKind.HOME, ZoneKind.CURFEW, ZoneKind.EXCLUSION
LAT, LON, KM_DEG = 27.7, 106.9, 0.009


def zone(kind: ZoneKind, km_east: float, half_km: float, **terms: Any) -> Zone:  # noqa: ANN401 - columns
    """A square of the table's side; its number is 7."""
    lon, half = LON + km_east * KM_DEG, half_km * KM_DEG
    shape = as_geojson(shapely.box(lon - half, LAT - half, lon + half, LAT + half))
    made = Zone(id=7, kind=kind, shape=ZoneShape(geometry=shape), valid_from=NOW)
    for name, value in terms.items():
        setattr(made, name, value)
    return made


def round_home(radius_m: float) -> Zone:
    return Zone(id=7, kind=HOME, lat=LAT, lon=LON, radius_m=radius_m, valid_from=NOW)


NIGHT, EVENING, DAY = ({"hours": it} for it in ("22:00-06:00", "20:00-23:00", "08:00-17:00"))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (zone(HOME, 0, 5), zone(EXCLUSION, 0, 6), Clash.NOWHERE_LEFT),
        (round_home(500), zone(EXCLUSION, 0, 6), Clash.NOWHERE_LEFT),
        (zone(HOME, 0, 5), zone(EXCLUSION, 0, 5), Clash.NOWHERE_LEFT),
        (zone(HOME, 0, 5), zone(EXCLUSION, 0, 1), None),
        (zone(CURFEW, 0, 1), zone(EXCLUSION, 0, 2), Clash.NOWHERE_LEFT),
        (zone(CURFEW, 0, 1), zone(EXCLUSION, 1, 1), Clash.PLACE_PARTLY_EXCLUDED),
        (zone(CURFEW, 0, 1), zone(EXCLUSION, 2, 1), None),
        (zone(HOME, 0, 5), zone(CURFEW, 20, 1), Clash.PLACE_OUTSIDE_HOME),
        (zone(HOME, 0, 5), zone(CURFEW, 5, 1), Clash.PLACE_PARTLY_OUTSIDE),
        (zone(HOME, 0, 5), zone(CURFEW, 0, 1), None),
        (zone(HOME, 0, 5), zone(HOME, 20, 5), Clash.TWO_HOMES_APART),
        (zone(HOME, 0, 5), zone(HOME, 5, 5), None),
        (zone(CURFEW, 0, 1, **NIGHT), zone(CURFEW, 9, 1, **EVENING), Clash.TWO_PLACES_AT_ONCE),
        (zone(CURFEW, 0, 1, **NIGHT), zone(CURFEW, 9, 1, **DAY), None),
        (zone(CURFEW, 0, 1, **NIGHT), zone(CURFEW, 9, 1), Clash.TWO_PLACES_AT_ONCE),
        (zone(CURFEW, 0, 1, **NIGHT), zone(CURFEW, 1, 1, **EVENING), None),
        (zone(EXCLUSION, 0, 1), zone(EXCLUSION, 0, 1), None),
    ],
)
def test_a_pair_contradicts_whichever_was_first(
    one: Zone, other: Zone, found: Clash | None
) -> None:
    expected = [] if found is None else [(7, found)]
    assert of(one, [other]) == expected
    assert of(other, [one]) == expected


def test_zones_that_never_hold_together_do_not_contradict() -> None:
    over = zone(HOME, 0, 5, valid_to=NOW + timedelta(days=1))
    later = zone(EXCLUSION, 0, 6, valid_from=NOW + timedelta(days=1))
    assert of(over, [later]) == of(later, [over]) == []
    assert of(over, [zone(EXCLUSION, 0, 6)]) == [(7, Clash.NOWHERE_LEFT)]


def test_what_cannot_be_kept_is_set_apart_from_what_may_be_meant() -> None:
    assert set(Clash) - IMPOSSIBLE == {
        Clash.PLACE_PARTLY_EXCLUDED,
        Clash.PLACE_PARTLY_OUTSIDE,
        Clash.TWO_HOMES_APART,
    }


def test_the_width_of_a_zone_is_its_largest_circles() -> None:
    assert width_m(round_home(80)) == 80
    assert width_m(zone(HOME, 0, 0.1)) == pytest.approx(89, abs=2)  # a degree of longitude is less
