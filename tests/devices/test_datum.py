from math import cos, hypot, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.datum import Crs, Point, bd09, gcj02, in_china, to_wgs84

ZUNYI, CHENGDU, TIANANMEN = (27.72, 106.92), (30.66, 104.06), (39.90734, 116.39089)


def metres_between(one: Point, other: Point) -> float:
    north = (one[0] - other[0]) * 111_320
    return hypot(north, (one[1] - other[1]) * 111_320 * cos(radians(one[0])))


@pytest.mark.parametrize(("place", "offset_m"), [(ZUNYI, 544), (CHENGDU, 363)])
def test_gcj02_lies_as_far_off_as_measured_in_the_field(place: Point, offset_m: float) -> None:
    assert metres_between(place, gcj02(place)) == pytest.approx(offset_m, abs=5)


def test_a_known_landmark_shifts_to_its_published_coordinates() -> None:
    assert gcj02(TIANANMEN) == pytest.approx((39.908743, 116.397133), abs=2e-5)
    assert bd09(TIANANMEN) == pytest.approx((39.915085, 116.403510), abs=5e-5)


@given(lat=st.floats(3, 54), lon=st.floats(73.5, 136))
def test_the_way_back_is_within_a_centimetre(lat: float, lon: float) -> None:
    here = (lat, lon)
    assert metres_between(here, to_wgs84(gcj02(here), Crs.GCJ02)) < 0.01
    assert metres_between(here, to_wgs84(bd09(here), Crs.BD09)) < 0.01


@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), crs=st.sampled_from(Crs))
def test_no_point_on_earth_moves_more_than_the_shifts_allow(
    lat: float, lon: float, crs: Crs
) -> None:
    back = to_wgs84((lat, lon), crs)
    assert abs(back[0] - lat) < 0.04
    assert abs(back[1] - lon) < 0.04


def test_outside_china_gcj02_is_wgs84() -> None:
    paris = (48.85, 2.35)
    assert not in_china(paris)
    assert gcj02(paris) == paris
    assert to_wgs84(paris, Crs.GCJ02) == paris
    assert to_wgs84(bd09(paris), Crs.BD09) == pytest.approx(paris, abs=1e-9)
