"""How far the border is that somebody unheard may have crossed by now."""

from datetime import UTC, datetime, timedelta

import pytest

from models.reach import boundary_m, reach_m
from models.zone import Zone, ZoneKind

EVENING = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)  # 22:30 in China
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LAT, LON = 27.7, 106.9
METRE = 1 / 111_195  # of latitude, in degrees


def zone(kind: ZoneKind, radius_m: float, metres_north: float = 0, **terms: object) -> Zone:
    begun = {"valid_from": NOON - timedelta(days=1), "valid_to": None, "hours": None} | terms
    return Zone(kind=kind, lat=LAT + metres_north * METRE, lon=LON, radius_m=radius_m, **begun)


def border_m(*zones: Zone, at: datetime = NOON) -> float | None:
    return boundary_m(zones, LAT, LON, at)


def test_the_nearest_border_counts_from_either_side() -> None:
    home = zone(ZoneKind.HOME, 5000)
    assert border_m(home) == pytest.approx(5000, rel=0.01)
    assert border_m(home, zone(ZoneKind.EXCLUSION, 500, 800)) == pytest.approx(300, rel=0.03)


@pytest.mark.parametrize("it", [zone(ZoneKind.HOME, 300, 800), zone(ZoneKind.EXCLUSION, 300)])
def test_who_is_on_the_wrong_side_already_has_no_way_to_go(it: Zone) -> None:
    assert border_m(it) == 0


def test_a_curfew_residence_counts_in_its_hours_over_midnight() -> None:
    night = zone(ZoneKind.CURFEW, 100, hours="22:00-06:00")
    assert border_m(night) is None
    assert border_m(night, at=EVENING) == pytest.approx(100, rel=0.01)
    assert border_m(night, at=EVENING + timedelta(hours=7)) == pytest.approx(100, rel=0.01)
    assert border_m(night, at=EVENING + timedelta(hours=8)) is None


def test_what_ended_or_asks_for_a_place_is_no_border() -> None:
    assert border_m(zone(ZoneKind.HOME, 500, valid_to=NOON)) is None
    assert border_m(zone(ZoneKind.HOME, 500, valid_from=NOON + timedelta(hours=1))) is None
    assert border_m(zone(ZoneKind.PLACE, 500)) is None


def test_one_comes_a_kilometre_in_a_minute() -> None:
    assert reach_m(timedelta(minutes=1)) == pytest.approx(1000)
    assert reach_m(-timedelta(minutes=1)) == 0
