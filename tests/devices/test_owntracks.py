import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from devices.datum import Crs, gcj02
from devices.messages import (
    Fix,
    GatewayState,
    GatewayStatus,
    Message,
    Protocol,
    Reason,
    Rejection,
    Source,
)
from devices.topics import Kind
from devices.wire import WireError, decode

TOPIC = "owntracks/tracker-1/B1"
EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
TST = int(EIGHT.timestamp())
BARE: Mapping[str, Any] = {"_type": "location", "tst": TST, "lat": 27.72, "lon": 106.92}
ONLINE = GatewayStatus(state=GatewayState.ONLINE, time=EIGHT)


def read(said: object, topic: str = TOPIC) -> Message:
    return decode(topic, json.dumps(said).encode())


def test_a_location_becomes_a_fix_of_the_topics_account_and_device() -> None:
    said = {**BARE, "acc": 12, "batt": 83, "vel": 36, "cog": 90, "tid": "B1", "alt": 870, "t": "t"}
    assert read(said) == Message(
        gateway="tracker-1",
        kind=Kind.OWNTRACKS,
        protocol=Protocol.OWNTRACKS,
        status=ONLINE,
        fixes=(
            Fix(
                device="B1",
                seq=TST,
                time=EIGHT,
                lat=27.72,
                lon=106.92,
                accuracy_m=12,
                battery=0.83,
                speed_mps=10,
                heading_deg=90,
            ),
        ),
    )


def test_an_accuracy_of_nought_is_not_known() -> None:
    assert read({**BARE, "acc": 0}).fixes[0].accuracy_m is None


@pytest.mark.parametrize(
    ("said", "source"),
    [("gps", Source.GNSS), ("wifi", Source.WIFI), ("lbs", Source.LBS), ("network", Source.LBS)],
)
def test_a_source_is_taken_where_it_is_given(said: str, source: Source) -> None:
    assert read({**BARE, "source": said}).fixes[0].source is source
    assert read(BARE).fixes[0].source is Source.GNSS


def test_a_tracker_that_speaks_gcj02_is_shifted_back() -> None:
    lat, lon = gcj02((27.72, 106.92))
    (fix,) = read({**BARE, "lat": lat, "lon": lon, "crs": "gcj02"}).fixes
    assert (fix.lat, fix.lon) == pytest.approx((27.72, 106.92), abs=1e-9)
    assert fix.crs is Crs.GCJ02


def test_a_transition_is_a_fix_where_it_happened() -> None:
    said = {
        **BARE,
        "_type": "transition",
        "acc": 20,
        "event": "leave",
        "desc": "home",
        "wtst": 1,
        "t": "c",
    }
    (fix,) = read(said, f"{TOPIC}/event").fixes
    assert (fix.device, fix.seq, fix.lat, fix.accuracy_m) == ("B1", TST, 27.72, 20)


def test_a_last_will_sets_the_gateway_offline_and_says_nothing_of_the_device() -> None:
    message = read({"_type": "lwt", "tst": TST})
    assert message.status == GatewayStatus(state=GatewayState.OFFLINE, time=EIGHT)
    assert (message.fixes, message.events, message.rejected) == ((), (), ())


@pytest.mark.parametrize(
    "sign",
    [
        {"m": 1},
        {"conn": "w"},
        {"SSID": "home"},
        {"BSSID": "2c:fd:a1:40:d2:79"},
        {"motionactivities": ["walking"]},
        {"inregions": []},
        {"inrids": ["a1"]},
        {"poi": "here"},
        {"source": "fused"},
    ],
)
@pytest.mark.parametrize("kind", ["location", "transition"])
def test_what_only_phones_write_is_refused_as_a_phone(kind: str, sign: dict[str, object]) -> None:
    message = read({**BARE, **sign, "_type": kind})
    assert message.rejected == (Rejection(device="B1", seq=TST, reason=Reason.PHONE),)
    assert (message.fixes, message.status) == ((), None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"_type": "encrypted", "data": "b64"}, Reason.ENCRYPTED),
        ({"_type": "status", "iOS": {"version": "18.1"}}, Reason.PHONE),
        ({"_type": "status", "android": {"hib": 0}}, Reason.PHONE),
        ({"_type": "status"}, Reason.UNSUPPORTED_TYPE),
        ({"_type": "card", "name": "x"}, Reason.UNSUPPORTED_TYPE),
        ({"_type": "cmd", "action": "dump"}, Reason.UNSUPPORTED_TYPE),
        ({"_type": 7}, Reason.UNSUPPORTED_TYPE),
        ({}, Reason.UNSUPPORTED_TYPE),
        ({**BARE, "tst": "now"}, Reason.BAD_TIME),
        ({**BARE, "tst": -1}, Reason.BAD_TIME),
        ({**BARE, "tst": 253_402_300_800}, Reason.BAD_TIME),
        ({"_type": "lwt"}, Reason.BAD_TIME),
        ([BARE], Reason.BAD_SHAPE),
        (7, Reason.BAD_SHAPE),
    ],
)
def test_what_has_no_number_of_its_own_is_refused_with_its_reason(
    said: object, reason: Reason
) -> None:
    with pytest.raises(WireError) as caught:
        read(said)
    assert caught.value.reason is reason


def test_a_waypoint_is_refused_by_its_number() -> None:
    said = {"_type": "waypoint", "tst": TST, "desc": "home", "lat": 27.7, "lon": 106.9, "rad": 50}
    assert [it.reason for it in read(said).rejected] == [Reason.UNSUPPORTED_TYPE]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("lat", 91, Reason.BAD_LAT),
        ("lon", "106", Reason.BAD_LON),
        ("acc", -1, Reason.BAD_ACCURACY_M),
        ("batt", 101, Reason.BAD_BATTERY),
        ("vel", 3601, Reason.BAD_SPEED_MPS),
        ("cog", -1, Reason.BAD_HEADING_DEG),
        ("crs", "cgcs2000", Reason.BAD_CRS),
        ("source", "stars", Reason.BAD_SOURCE),
        ("source", 7, Reason.BAD_SOURCE),
    ],
)
def test_a_bad_field_is_refused_by_our_name_for_it(
    field: str, value: object, reason: Reason
) -> None:
    assert read({**BARE, field: value}).rejected == (
        Rejection(device="B1", seq=TST, reason=reason),
    )


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b'{"_type":"location","tst":NaN}', b'{"_type":"location","poi":' + b"[" * 9999],
)
def test_what_is_no_json_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(TOPIC, payload)
    assert caught.value.reason is Reason.NOT_JSON
