"""Zones made ready: hours and validity, distances, shapes shared by many."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from models.area import GeoJson, as_geojson, circle
from models.ground import Drawn, Grounds, Places, in_force
from models.zone import ZoneKind

FROM = datetime(2026, 11, 1, tzinfo=UTC)
LAT, LON = 27.7, 106.9
SQUARE = as_geojson(shapely.box(LON - 0.005, LAT - 0.005, LON + 0.005, LAT + 0.005))


HOME = Drawn(1, ZoneKind.HOME, 1, None, None, None, 50, None, FROM, None)
EXCLUSION = HOME._replace(kind=ZoneKind.EXCLUSION)


def circular(zone: Drawn, radius_m: float) -> Drawn:
    """The zone as a circle about the same place."""
    return zone._replace(shape_id=None, lat=LAT, lon=LON, radius_m=radius_m)


def square(_id: int) -> GeoJson:
    return SQUARE


def place(zone: Drawn, grounds: Grounds) -> Places:
    return grounds.places([zone], square)


def asked(zone: Drawn, *moments: datetime) -> list[bool]:
    at = np.array([int(moment.timestamp()) for moment in moments])
    answers: list[bool] = in_force(np.repeat(place(zone, Grounds()), len(moments)), at).tolist()
    return answers


@pytest.mark.parametrize(
    ("kind", "metres_north", "beyond_m"),
    [
        (ZoneKind.HOME, 0, 0),
        (ZoneKind.HOME, 1112, 556),
        (ZoneKind.EXCLUSION, 1112, 0),
        (ZoneKind.EXCLUSION, 445, 111),
    ],
)
@pytest.mark.parametrize("round_one", [True, False])
def test_how_far_beyond_the_border_is_told_in_metres(
    kind: ZoneKind, metres_north: float, beyond_m: float, *, round_one: bool
) -> None:
    drawn = HOME._replace(kind=kind)
    if round_one:
        drawn = circular(drawn, 556)
    grounds = Grounds()
    (zone,) = place(drawn, grounds)
    found = grounds.beyond_m(zone, LAT + metres_north / 111_195, LON)
    assert found == pytest.approx(beyond_m, abs=3)


def test_an_exclusion_zone_smaller_than_its_margin_keeps_its_border() -> None:
    grounds = Grounds()
    grounds.places([EXCLUSION], lambda _: circle(LAT, LON, 40))
    assert grounds[0].judging.equals(grounds[0].border)
    (round_one,) = place(circular(EXCLUSION, 40), grounds)
    assert round_one["radius_m"] == round_one["border_m"] == 40


def test_wearers_with_one_home_share_its_ground() -> None:
    grounds = Grounds()
    grounds.places([HOME, HOME._replace(id=2), HOME._replace(id=3)], square)
    grounds.places([EXCLUSION._replace(id=9)], square)
    assert len(grounds) == 2


def test_curfew_hours_run_past_midnight_in_legal_time() -> None:
    moments = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(24)]
    answers = asked(HOME._replace(kind=ZoneKind.CURFEW, hours="22:00-06:00"), *moments)
    assert {hour for hour, yes in enumerate(answers) if yes} == set(range(14, 22))  # UTC+8


def test_curfew_hours_of_one_day_end_on_it() -> None:
    moments = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(24)]
    answers = asked(HOME._replace(kind=ZoneKind.CURFEW, hours="12:00-14:00"), *moments)
    assert {hour for hour, yes in enumerate(answers) if yes} == {4, 5}


def test_a_zone_asks_nothing_before_and_after_its_validity() -> None:
    until = datetime(2026, 11, 2, tzinfo=UTC)
    before = datetime(2026, 10, 31, tzinfo=UTC)
    assert asked(HOME._replace(valid_to=until), before, FROM, until) == [False, True, False]
