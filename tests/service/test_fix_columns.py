"""Fixes become columns: here they are rounded, once and for all."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from correction_service.storage.fix_columns import ABSENT, OPTIONAL, YES_OR_NO, laid, on_grid
from devices.datum import Crs
from devices.messages import Fix, Source, Strap
from models.fix import DATUMS, SOURCES
from models.grid import STEPS, micros
from tests.county import NOW

BARE = Fix(seq=1, time=NOW, lat=1.0, lon=1.0, device="B1")


def of(name: str, value: float) -> float:
    fix = replace(BARE, **{name: value})
    return float(getattr(on_grid(fix, laid([fix])[0]), name))


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
@example(-1)
def test_what_lies_on_the_grid_stays_and_is_read_back_as_the_same_number(n: int) -> None:
    assert of("lon", n / 10**7) == n / 10**7
    assert laid([replace(BARE, lon=n / 10**7)])["lon"].tolist() == [n]


def test_an_error_too_small_to_tell_is_the_smallest_one_and_not_none() -> None:
    assert of("accuracy_m", 0.001) == 0.1


def test_what_a_fix_does_not_say_is_absent_whatever_the_others_say() -> None:
    full = replace(
        BARE,
        seq=2**63 - 1,
        crs=Crs.BD09,
        accuracy_m=12.34,
        source=Source.LBS,
        speed_mps=1.234,
        heading_deg=0,
        battery=0,
        strap=Strap.OPEN,
        worn=False,
    )
    columns = laid([full, BARE])
    assert columns["seq"].tolist() == [2**63 - 1, 1]
    assert columns["time"].tolist() == [micros(NOW)] * 2
    assert [columns[it].tolist() for it in OPTIONAL] == [
        [123, ABSENT], [123, ABSENT], [0, ABSENT], [0, ABSENT]
    ]  # fmt: skip
    assert [columns[it].tolist() for it in YES_OR_NO] == [[1, ABSENT], [0, ABSENT]]
    assert columns["source"].tolist() == [SOURCES.index("lbs"), SOURCES.index("gnss")]
    assert columns["crs"].tolist() == [DATUMS.index("bd09"), DATUMS.index("wgs84")]
    assert on_grid(full, columns[0]).accuracy_m == 12.3
    assert on_grid(BARE, columns[1]) == BARE


def test_no_fixes_are_no_rows() -> None:
    assert len(laid([])) == 0
