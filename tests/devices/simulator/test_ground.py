import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from devices.simulator.ground import between, contains, distance_m, moved, towards, way_out

HORSESHOE = shapely.box(106.0, 27.0, 107.0, 28.0) - shapely.box(106.4, 27.2, 106.6, 28.0)
HOME = (27.72, 106.92)
PLACES = st.tuples(st.floats(27.01, 27.99), st.floats(106.01, 106.99))


@given(st.floats(-50_000, 50_000), st.floats(-50_000, 50_000))
def test_a_way_gone_is_the_way_between(north_m: float, east_m: float) -> None:
    assert between(HOME, moved(HOME, (north_m, east_m))) == pytest.approx(
        (north_m, east_m), abs=1e-6
    )


def test_walking_towards_a_place_ends_there() -> None:
    goal = moved(HOME, (300.0, 400.0))
    assert distance_m(HOME, towards(HOME, goal, 100.0)) == pytest.approx(100, rel=1e-3)
    assert towards(HOME, goal, 501.0) == goal
    assert towards(HOME, HOME, 0.0) == HOME


@given(PLACES)
def test_the_way_out_ends_outside_and_far_from_the_edge(start: tuple[float, float]) -> None:
    goal = way_out(HORSESHOE, start)
    assert not contains(HORSESHOE, goal)
    assert distance_m(start, goal) > 9_000


def test_there_is_a_way_out_from_the_very_edge() -> None:
    assert not contains(HORSESHOE, way_out(HORSESHOE, (27.0, 106.5)))
