import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import wire
from devices.datum import Crs, Point, bd09, gcj02
from devices.messages import (
    Command,
    CommandKind,
    CommandResult,
    Event,
    EventKind,
    Fix,
    GatewayState,
    GatewayStatus,
    Message,
    Reason,
    Rejection,
    ResultState,
    Source,
    Strap,
)
from devices.topics import Kind
from devices.wire import WireError, clock_fault, decode, decode_command

FIX_TOPIC = "correction/v1/gw-1/dev-1/fix"
BATCH_TOPIC = "correction/v1/gw-1/batch"
EVENT_TOPIC = "correction/v1/gw-1/dev-1/event"
STATUS_TOPIC = "correction/v1/gw-1/status"
RESULT_TOPIC = "correction/v1/gw-1/dev-1/command/result"
EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
BARE: Mapping[str, Any] = {"seq": 1, "time": "2026-11-21T08:00:00Z", "lat": 27.72, "lon": 106.92}


def sent(*elements: Mapping[str, Any]) -> bytes:
    return json.dumps(elements[0] if len(elements) == 1 else elements).encode()


def test_a_full_fix_reads_field_by_field() -> None:
    payload = sent(
        {
            **BARE,
            "crs": "wgs84",
            "accuracy_m": 12.5,
            "source": "wifi",
            "speed_mps": 1.2,
            "heading_deg": 90,
            "battery": 0.83,
            "strap": "open",
            "worn": False,
            "added_next_year": [1],
        }
    )
    assert decode(FIX_TOPIC, payload) == Message(
        gateway="gw-1",
        kind=Kind.FIX,
        fixes=(
            Fix(
                seq=1,
                time=EIGHT,
                lat=27.72,
                lon=106.92,
                device="dev-1",
                accuracy_m=12.5,
                source=Source.WIFI,
                speed_mps=1.2,
                heading_deg=90.0,
                battery=0.83,
                strap=Strap.OPEN,
                worn=False,
            ),
        ),
    )


def test_a_bare_fix_is_a_satellite_fix_in_wgs84_that_claims_nothing_more() -> None:
    (fix,) = decode(FIX_TOPIC, sent(BARE)).fixes
    assert (fix.crs, fix.source, fix.accuracy_m, fix.worn) == (Crs.WGS84, Source.GNSS, None, None)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("lat", 90.001, Reason.BAD_LAT),
        ("lat", float("nan"), Reason.BAD_LAT),
        ("lat", float("inf"), Reason.BAD_LAT),
        ("lat", "27.72", Reason.BAD_LAT),
        ("lat", None, Reason.BAD_LAT),
        ("lon", -180.001, Reason.BAD_LON),
        ("lon", 10**400, Reason.BAD_LON),
        ("time", "2026-11-21T08:00:00", Reason.BAD_TIME),
        ("time", "yesterday", Reason.BAD_TIME),
        ("time", 1_795_248_000, Reason.BAD_TIME),
        ("time", "0001-01-01T00:00:00+10:00", Reason.BAD_TIME),
        ("accuracy_m", 0, Reason.BAD_ACCURACY_M),
        ("accuracy_m", float("inf"), Reason.BAD_ACCURACY_M),
        ("crs", "cgcs2000", Reason.BAD_CRS),
        ("source", "astrology", Reason.BAD_SOURCE),
        ("source", "- at `$.seq`", Reason.BAD_SOURCE),
        ("speed_mps", -1, Reason.BAD_SPEED_MPS),
        ("heading_deg", 361, Reason.BAD_HEADING_DEG),
        ("battery", 83, Reason.BAD_BATTERY),
        ("strap", "cut", Reason.BAD_STRAP),
        ("worn", "yes", Reason.BAD_WORN),
        ("device", "dev-2", Reason.DEVICE_MISMATCH),
        ("device", "dev 1", Reason.BAD_DEVICE),
    ],
)
def test_a_bad_field_rejects_the_fix_by_name(field: str, value: object, reason: Reason) -> None:
    message = decode(FIX_TOPIC, sent({**BARE, field: value}))
    assert message.fixes == ()
    assert message.rejected == (Rejection(device="dev-1", seq=1, reason=reason),)


@pytest.mark.parametrize("field", ["time", "lat", "lon"])
def test_a_missing_field_rejects_the_fix_by_name(field: str) -> None:
    payload = sent({key: value for key, value in BARE.items() if key != field})
    assert decode(FIX_TOPIC, payload).rejected[0].reason == f"bad_{field}"


@pytest.mark.parametrize("seq", [-1, 2**63, 1.5, "1", True, None])
def test_a_fix_without_a_usable_seq_cannot_even_be_named(seq: object) -> None:
    with pytest.raises(WireError) as caught:
        decode(FIX_TOPIC, sent({**BARE, "seq": seq}))
    assert caught.value.reason is Reason.BAD_SEQ
    assert "seq must be a whole number" in caught.value.detail


def test_the_largest_counter_is_kept() -> None:
    assert decode(FIX_TOPIC, sent({**BARE, "seq": 2**63 - 1})).fixes[0].seq == 2**63 - 1


def test_one_bad_element_costs_only_itself() -> None:
    elements = [{**BARE, "seq": seq} for seq in range(500)]
    elements[7]["lat"] = float("nan")
    elements[8]["seq"] = -8
    message = decode(FIX_TOPIC, sent(*elements))
    assert [fix.seq for fix in message.fixes] == [*range(7), *range(9, 500)]
    assert [(it.seq, it.reason) for it in message.rejected] == [(7, "bad_lat"), (None, "bad_seq")]


def test_broken_text_in_one_element_costs_only_itself() -> None:
    bad = sent({**BARE, "seq": 2, "source": "?"}).replace(b"?", b"\xff")
    message = decode(FIX_TOPIC, b"[" + sent(BARE) + b"," + bad + b"]")
    assert [fix.seq for fix in message.fixes] == [1]
    assert [(it.seq, it.reason) for it in message.rejected] == [(2, "bad_source")]


def test_half_a_character_costs_only_its_element_wherever_it_stands() -> None:
    elements = [
        {**BARE, "seq": 1},
        {**BARE, "seq": 2, "source": "\ud800"},
        {**BARE, "seq": "\ud800"},
    ]
    message = decode(FIX_TOPIC, sent(*elements))
    assert [fix.seq for fix in message.fixes] == [1]
    assert [(it.seq, it.reason) for it in message.rejected] == [(2, "not_json"), (None, "not_json")]


def test_a_batch_names_the_device_of_each_fix() -> None:
    message = decode(BATCH_TOPIC, sent({**BARE, "device": "a"}, {**BARE, "device": "b"}))
    assert message.kind is Kind.BATCH
    assert [fix.device for fix in message.fixes] == ["a", "b"]


def test_a_batch_rejects_by_device_and_cannot_name_a_fix_without_one() -> None:
    message = decode(BATCH_TOPIC, sent({**BARE, "device": "a", "lat": 91}, BARE))
    assert message.rejected == (
        Rejection(device="a", seq=1, reason=Reason.BAD_LAT),
        Rejection(device="", seq=None, reason=Reason.BAD_DEVICE),
    )


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("correction/v1/gw-1/dev-1/weather", b"{}", Reason.UNKNOWN_TOPIC),
        ("correction/v1/gw-1/receipt", b"{}", Reason.UNKNOWN_TOPIC),
        (FIX_TOPIC, b"", Reason.NOT_JSON),
        (FIX_TOPIC, b"\xff\xfe", Reason.NOT_JSON),
        (FIX_TOPIC, b'{"seq":1', Reason.NOT_JSON),
        (FIX_TOPIC, b"[" * 100_000, Reason.NOT_JSON),
        (FIX_TOPIC, b"42", Reason.BAD_SHAPE),
        (FIX_TOPIC, b"[null]", Reason.BAD_SHAPE),
        (FIX_TOPIC, b" " * 1_000_001, Reason.TOO_LARGE),
        (FIX_TOPIC, json.dumps([BARE] * 501).encode(), Reason.TOO_MANY),
        (BATCH_TOPIC, json.dumps([1] * 300_000).encode(), Reason.TOO_MANY),
        (STATUS_TOPIC, b'{"state":"asleep","time":"2026-11-21T08:00:00Z"}', Reason.BAD_STATE),
        (STATUS_TOPIC, b'{"state":"online","time":"9999-12-31T23:00:00-02:00"}', Reason.BAD_TIME),
        (STATUS_TOPIC, b"\xff", Reason.NOT_JSON),
        (RESULT_TOPIC, b'{"id":"","state":"done","time":"2026-11-21T08:00:00Z"}', Reason.BAD_ID),
    ],
)
def test_what_cannot_be_read_at_all_says_why(topic: str, payload: bytes, reason: Reason) -> None:
    with pytest.raises(WireError) as caught:
        decode(topic, payload)
    assert caught.value.reason is reason
    assert caught.value.detail


def test_an_error_never_repeats_what_was_sent() -> None:
    with pytest.raises(WireError) as caught:
        decode(FIX_TOPIC, sent({**BARE, "seq": None, "crs": "27.719-secret"}))
    assert "secret" not in str(caught.value)
    assert "27.7" not in str(caught.value)


@pytest.mark.parametrize(("crs", "shift"), [("gcj02", gcj02), ("bd09", bd09)])
def test_a_shifted_fix_comes_out_in_wgs84_and_remembers_its_datum(
    crs: str, shift: Callable[[Point], Point]
) -> None:
    lat, lon = shift((27.72, 106.92))
    (fix,) = decode(FIX_TOPIC, sent({**BARE, "crs": crs, "lat": lat, "lon": lon})).fixes
    assert (fix.lat, fix.lon) == pytest.approx((27.72, 106.92), abs=1e-8)
    assert fix.crs == crs


def test_a_shift_that_leaves_the_globe_is_rejected() -> None:
    fixes = [{**BARE, "seq": 1, "crs": "bd09", "lat": -90}, {**BARE, "seq": 2, "crs": "bd09"}]
    fixes[1]["lon"] = -180
    rejected = decode(FIX_TOPIC, sent(*fixes)).rejected
    assert [it.reason for it in rejected] == [Reason.BAD_LAT, Reason.BAD_LON]


def test_a_local_time_comes_out_in_utc() -> None:
    (fix,) = decode(FIX_TOPIC, sent({**BARE, "time": "2026-11-21T16:00:00+08:00"})).fixes
    assert fix.time == EIGHT
    assert fix.time.tzinfo is UTC


def test_an_empty_list_says_nothing() -> None:
    assert decode(FIX_TOPIC, b"[]") == Message(gateway="gw-1", kind=Kind.FIX)


def test_an_event_reads() -> None:
    payload = sent({"seq": 2, "time": "2026-11-21T08:00:00Z", "event": "sos", "detail": "按键"})
    assert decode(EVENT_TOPIC, payload).events == (
        Event(seq=2, time=EIGHT, event=EventKind.SOS, device="dev-1", detail="按键"),
    )


@pytest.mark.parametrize(
    ("field", "value"), [("event", "yawned"), ("detail", "a\0b"), ("detail", "\ud800")]
)
def test_a_bad_event_is_rejected_by_name(field: str, value: str) -> None:
    payload = sent({"seq": 2, "time": "2026-11-21T08:00:00Z", "event": "sos", field: value})
    assert decode(EVENT_TOPIC, payload).rejected[0].reason == f"bad_{field}"


def test_a_gateways_status_reads() -> None:
    payload = b'{"state":"offline","time":"2026-11-21T16:00:00+08:00"}'
    message = decode(STATUS_TOPIC, payload)
    assert message.status == GatewayStatus(state=GatewayState.OFFLINE, time=EIGHT)


def test_a_commands_result_reads() -> None:
    payload = b'{"id":"c1","state":"done","time":"2026-11-21T08:00:00Z"}'
    message = decode(RESULT_TOPIC, payload)
    assert message.result == CommandResult(
        id="c1", state=ResultState.DONE, time=EIGHT, device="dev-1"
    )


def test_a_command_reads_back_as_written() -> None:
    command = Command(id="c1", command=CommandKind.INTERVAL, expires=EIGHT, args={"interval_s": 10})
    assert decode_command(msgspec.json.encode(command)) == command


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"id":"c","command":"explode"}'])
def test_a_broken_command_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_command(payload)


def test_only_a_clock_more_than_five_minutes_ahead_is_at_fault() -> None:
    assert clock_fault(EIGHT + timedelta(seconds=300), EIGHT) is None
    assert clock_fault(EIGHT + timedelta(seconds=300.1), EIGHT) is Reason.CLOCK_AHEAD
    assert clock_fault(EIGHT - timedelta(days=30), EIGHT) is None


def test_every_reason_a_payload_can_get_has_its_sentence() -> None:
    judged_later = {"clock_ahead", "unknown_device", "unbound", "no_order"}
    judged_later |= {"wrong_gateway", "wrong_protocol"}
    for reason in set(Reason) - judged_later:
        assert WireError(reason).detail


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ELEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "seq": st.integers(-5, 2**70) | SCALARS,
        "time": st.datetimes().map(lambda time: time.isoformat() + "+10:00") | SCALARS,
        "lat": st.floats(-100, 100) | SCALARS,
        "lon": st.floats(-200, 200) | SCALARS,
        "device": st.sampled_from(["dev-1", "dev-2"]) | SCALARS,
        "crs": st.sampled_from(["wgs84", "gcj02", "bd09"]) | SCALARS,
        "event": st.sampled_from(["sos"]) | SCALARS,
        "state": st.sampled_from(["online", "done"]) | SCALARS,
        "id": SCALARS,
        "detail": SCALARS,
    },
)
PAYLOADS = (
    st.binary()
    | (ELEMENTS | st.lists(ELEMENTS | SCALARS)).map(lambda it: json.dumps(it).encode())
    | st.text().map(lambda text: json.dumps(text, ensure_ascii=False).encode(errors="replace"))
)


@given(
    topic=st.sampled_from([FIX_TOPIC, BATCH_TOPIC, EVENT_TOPIC, STATUS_TOPIC, RESULT_TOPIC])
    | st.sampled_from(["owntracks/u/d", "owntracks/u/d/event", "traccar/positions"])
    | st.text(),
    payload=PAYLOADS,
)
def test_any_bytes_are_a_message_or_a_wire_error(topic: str, payload: bytes) -> None:
    try:
        message = wire.decode(topic, payload)
    except WireError as error:
        assert error.reason in set(Reason)  # noqa: PT017 (either outcome is right)
    else:
        assert all(-90 <= it.lat <= 90 and -180 <= it.lon <= 180 for it in message.fixes)
        assert all(fix.device for fix in message.fixes)
        assert all(event.device for event in message.events)
        assert msgspec.json.encode(message)
