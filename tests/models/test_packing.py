"""A packed day: gives back every number it was given, is small, and says when it is broken."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.packing import (
    CODEC,
    NAMES,
    NULL,
    OPTIONAL,
    WORDS,
    Columns,
    PackingError,
    nothing,
    pack,
    united,
    unpack,
)
from tests.tracks import simulated_day

EXTREMES = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 1])
ANYTHING = st.one_of(EXTREMES, st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300))
STEPS = st.integers(-(10**6), 10**6).map(lambda value: value * 1_000_000)


def columns_of(rows: list[list[int]]) -> dict[str, np.ndarray]:
    across = np.array(rows, np.int64).reshape(len(rows), len(NAMES))
    return {name: across[:, place] for place, name in enumerate(NAMES)}


def same(one: Columns, other: Columns) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in NAMES)


def values(name: str) -> st.SearchStrategy[int]:
    if name in WORDS:
        return st.sampled_from([0, 1, 2, NULL])
    if name in OPTIONAL:
        return st.one_of(ANYTHING, st.just(NULL))
    return st.one_of(ANYTHING, STEPS)


ROWS = st.lists(st.tuples(*map(values, NAMES)).map(list), max_size=40)


@given(ROWS)
def test_every_number_comes_back_as_it_was_in_the_order_it_stood(rows: list[list[int]]) -> None:
    columns = columns_of(rows)
    assert same(unpack(CODEC, pack(columns)), columns)


@given(ROWS, st.integers(0, 10**4), st.binary(min_size=1, max_size=3))
def test_a_damaged_packing_is_an_error_of_ours_or_other_numbers(
    rows: list[list[int]], place: int, junk: bytes
) -> None:
    data = bytearray(pack(columns_of(rows)))
    data[place % len(data) : place % len(data) + len(junk)] = junk
    try:
        found = unpack(CODEC, bytes(data))
    except PackingError:
        return
    assert {len(column) for column in found.values()} == {len(found["time"])}


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_half_a_packing_is_refused(cut: int) -> None:
    data = pack(columns_of([[place] * len(NAMES) for place in (0, 1, 2)]))
    with pytest.raises(PackingError, match="not a packed day"):
        unpack(CODEC, data[:cut])


def test_a_packing_of_another_version_is_refused_by_name() -> None:
    with pytest.raises(PackingError, match="planes-9"):
        unpack("planes-9", pack(nothing()))


def test_a_plane_that_claims_to_be_huge_is_refused_before_it_is_unfolded() -> None:
    fixes, packed = msgspec.msgpack.decode(pack(columns_of([[1] * len(NAMES)] * 9)))
    packed[0] = [0, 1, [b"\x00" * 9, b"\xff" * 8]]
    with pytest.raises(PackingError):
        unpack(CODEC, msgspec.msgpack.encode([fixes, packed]))


def test_a_word_that_two_bits_cannot_hold_is_refused() -> None:
    columns = columns_of([[1] * len(NAMES)]) | {"source": np.array([3])}
    with pytest.raises(PackingError, match="source"):
        pack(columns)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_simulated_day_takes_at_most_ten_bytes_a_fix(seed: int) -> None:
    columns = simulated_day(seed, datetime(2026, 11, 20, tzinfo=UTC))
    fixes = len(columns["time"])
    data = pack(columns)
    assert fixes > 1000
    assert len(data) <= 10 * fixes
    assert same(unpack(CODEC, data), columns)


def test_parts_are_put_together_by_time_and_seq_and_the_first_of_an_identity_stays() -> None:
    stored = columns_of([[20, 2, *[0] * 11], [10, 9, *[0] * 11]])
    later = columns_of([[20, 2, *[1] * 11], [20, 1, *[1] * 11], [10, 10, *[1] * 11]])
    whole = united([stored, later])
    identities = list(zip(whole["time"].tolist(), whole["seq"].tolist(), strict=True))
    assert identities == [(10, 9), (10, 10), (20, 1), (20, 2)]
    assert whole["lat"].tolist() == [0, 1, 1, 0]
