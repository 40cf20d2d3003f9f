import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from devices import grid
from devices.datum import Crs, Point, bd09, gcj02, in_china
from devices.messages import STEPS, Fix, Protocol
from devices.wire import decode
from models import device as register
from models import grid as stored
from tests.devices.test_datum import metres_between

EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


def laid(fix: Fix) -> Fix:
    grid.lay(fix)
    return fix


def of(name: str, value: float) -> float:
    here = Fix(seq=1, time=EIGHT, lat=1.0, lon=1.0)
    return float(getattr(laid(replace(here, **{name: value})), name))


def test_the_wire_and_the_tables_agree_on_the_grid_and_on_the_protocols() -> None:
    assert STEPS == stored.STEPS
    assert {it.value for it in Protocol} == {it.value for it in register.Protocol}


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("lat", -90, 90),
        ("lon", -180, 180),
        ("accuracy_m", 0.05, 1e7),
        ("speed_mps", 0, 1000),
        ("heading_deg", 0, 360),
        ("battery", 0, 1),
    ],
)
def test_every_number_becomes_the_nearest_whole_one_over_its_steps(
    name: str, least: float, most: float
) -> None:
    @given(st.floats(least, most))
    @example(least)
    @example(most)
    def holds(value: float) -> None:
        assert of(name, value) == (round(value * STEPS[name]) or name == "accuracy_m") / STEPS[name]
        assert least - 0.05 <= of(name, value) <= most

    holds()


@given(st.integers(-(180 * 10**7), 180 * 10**7))
def test_what_lies_on_the_grid_stays_and_is_read_back_as_the_same_number(n: int) -> None:
    on_grid = n / 10**7
    assert of("lon", on_grid) == on_grid
    assert round(on_grid * 10**7) == n


def test_an_error_too_small_to_tell_is_the_smallest_one_and_not_none() -> None:
    assert of("accuracy_m", 0.001) == 0.1


@given(
    here=st.tuples(st.floats(0.9, 55.8), st.floats(72.03, 137.81)),
    datum=st.sampled_from([(Crs.GCJ02, gcj02), (Crs.BD09, bd09)]),
)
def test_a_fix_in_a_chinese_datum_ends_within_a_centimetre_of_the_truth(
    here: Point, datum: tuple[Crs, Callable[[Point], Point]]
) -> None:
    crs, shift = datum
    assert in_china(here)
    lat, lon = shift(here)
    sent = {"seq": 1, "time": EIGHT.isoformat(), "lat": lat, "lon": lon, "crs": crs}
    (fix,) = decode("correction/v1/gw-1/B1/fix", json.dumps(sent).encode()).fixes
    assert metres_between(here, (fix.lat, fix.lon)) < 0.01
    assert fix.crs is crs
    assert fix.lat == round(fix.lat * 1e7) / 1e7
