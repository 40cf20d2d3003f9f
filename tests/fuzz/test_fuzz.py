"""A short run for every day, and proof that a fault would be found."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import force_setattr, replace

from devices import reference
from devices.messages import Fix, Message, Rejection
from devices.topics import Kind
from tests.fuzz import run as fuzz
from tests.fuzz.seeds import SEEDS
from tests.fuzz.valid import Violation, check_message

COUNT = 10_000
COMMON = {
    "not_json", "bad_shape", "unknown_topic", "bad_time", "bad_seq", "bad_lat", "bad_device",
    "phone", "encrypted", "unsupported_type", "outdated", "bad_state", "bad_id", "bad_event",
}  # fmt: skip
EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
GOOD = Fix(seq=1, time=EIGHT, lat=27.72, lon=106.92, device="B1")


def test_thousands_of_broken_payloads_are_refused_with_a_reason_or_valid() -> None:
    tally = fuzz.run(COUNT, seed=20261121)
    assert tally.payloads == tally.accepted + tally.in_part + tally.rejected == COUNT
    assert set(tally.reasons) >= COMMON
    assert tally.accepted > COUNT / 10


def test_the_same_seed_breeds_the_same_payloads() -> None:
    first, second = fuzz.run(200, seed=1), fuzz.run(200, seed=1)
    assert (first.bytes, first.reasons) == (second.bytes, second.reasons)
    assert first.bytes != fuzz.run(200, seed=2).bytes


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.data())
def test_any_splice_of_two_payloads_is_refused_or_valid(
    one: tuple[str, bytes], other: tuple[str, bytes], data: st.DataObject
) -> None:
    (topic, head), (_, tail) = one, other
    left = data.draw(st.integers(0, len(head)))
    right = data.draw(st.integers(0, len(tail)))
    middle = data.draw(st.binary(max_size=8))
    kept, reasons = fuzz.judge(topic, head[:left] + middle + tail[right:])
    assert kept or reasons


@pytest.mark.parametrize(
    "fix",
    [
        replace(GOOD, lat=90.1),
        replace(GOOD, lon=float("nan")),
        replace(GOOD, accuracy_m=0.0),
        replace(GOOD, battery=1.0004),
        replace(GOOD, seq=-1),
        replace(GOOD, device=""),
        replace(GOOD, time=EIGHT.astimezone(timezone(timedelta(hours=8)))),
        replace(GOOD, time=EIGHT.replace(tzinfo=None)),
    ],
)
def test_a_fix_that_is_not_valid_would_be_found(fix: Fix) -> None:
    check_message(Message(gateway="gw-1", kind=Kind.FIX, fixes=(GOOD,)))
    with pytest.raises(Violation):
        check_message(Message(gateway="gw-1", kind=Kind.FIX, fixes=(fix,)))


def test_a_rejection_without_one_of_our_reasons_would_be_found() -> None:
    rejection = Rejection(device="B1", seq=1, reason="because")
    with pytest.raises(Violation):
        check_message(Message(gateway="gw-1", kind=Kind.FIX, rejected=(rejection,)))


def test_a_decoder_that_fails_is_found_with_the_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    def astray(fix: Fix) -> None:
        force_setattr(fix, "lat", fix.lat + 180)

    monkeypatch.setattr(reference, "shift_back", astray)
    with pytest.raises(fuzz.Found, match=r"lat is in range\ntopic .*\npayload [0-9a-f]+"):
        fuzz.run(1000, seed=3)
