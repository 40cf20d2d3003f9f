import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.messages import EventKind, Fix, Message, Protocol, Reason, Rejection, Source
from devices.topics import Kind
from devices.traccar import MPS_PER_KNOT
from devices.wire import WireError, decode

TOPIC = "traccar/positions"
EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
IMEI = "490154203237518"


def forwarded(
    attributes: dict[str, object] | None = None, device: object = None, **position: object
) -> dict[str, Any]:
    """What a Traccar server forwards of a bracelet's position."""
    return {
        "position": {
            "id": 4711,
            "attributes": {"batteryLevel": 83, "motion": True, "sat": 9, **(attributes or {})},
            "deviceId": 10,
            "protocol": "gt06",
            "serverTime": "2026-11-21T08:00:03.000+00:00",
            "deviceTime": "2026-11-21T08:00:00.000+00:00",
            "fixTime": "2026-11-21T08:00:00.000+00:00",
            "outdated": False,
            "valid": True,
            "latitude": 27.72,
            "longitude": 106.92,
            "altitude": 870.0,
            "speed": 10.0,
            "course": 90.0,
            "address": None,
            "accuracy": 0.0,
            "network": None,
            "geofenceIds": None,
            **position,
        },
        "device": {"id": 10, "uniqueId": IMEI, "name": "B1", "category": None, "status": "online"}
        if device is None
        else device,
    }


def read(said: object) -> Message:
    return decode(TOPIC, json.dumps(said).encode())


def refused(said: object) -> list[str]:
    message = read(said)
    assert message.fixes == ()
    return [it.reason for it in message.rejected]


def test_a_position_becomes_a_fix_of_the_device_that_traccar_names() -> None:
    assert read(forwarded()) == Message(
        gateway="traccar",
        kind=Kind.TRACCAR,
        protocol=Protocol.TRACCAR,
        fixes=(
            Fix(
                device=IMEI,
                seq=4711,
                time=EIGHT,
                lat=27.72,
                lon=106.92,
                speed_mps=10 * MPS_PER_KNOT,
                heading_deg=90,
                battery=0.83,
            ),
        ),
    )


def test_a_position_without_a_fix_time_has_the_devices_time() -> None:
    assert read(forwarded(fixTime=None)).fixes[0].time == EIGHT
    assert refused(forwarded(fixTime=None, deviceTime=None)) == [Reason.BAD_TIME]


def test_a_known_error_is_kept() -> None:
    assert read(forwarded(accuracy=25.0)).fixes[0].accuracy_m == 25


def test_a_place_that_traccar_looked_up_is_no_satellite_fix() -> None:
    towers = forwarded({"approximate": True}, network={"cellTowers": [{"cellId": 1}]})
    points = forwarded({"approximate": True}, network={"wifiAccessPoints": [{"macAddress": "x"}]})
    assert read(towers).fixes[0].source is Source.LBS
    assert read(points).fixes[0].source is Source.WIFI
    assert read(forwarded(network={"cellTowers": []})).fixes[0].source is Source.GNSS


@pytest.mark.parametrize("said", [forwarded(outdated=True), forwarded(valid=False)])
def test_an_old_position_or_one_that_is_not_valid_is_no_fix(said: dict[str, object]) -> None:
    assert read(said).rejected == (Rejection(device=IMEI, seq=4711, reason=Reason.OUTDATED),)
    assert read(said).fixes == ()


@pytest.mark.parametrize(
    ("alarm", "kind"),
    [
        ("removing", EventKind.STRAP_OPEN),
        ("tampering", EventKind.CASE_OPEN),
        ("sos", EventKind.SOS),
        ("jamming", EventKind.JAMMING),
        ("powerOff", EventKind.POWER_OFF),
        ("lowBattery", EventKind.BATTERY_LOW),
        ("powerRestored", EventKind.CHARGING),
    ],
)
def test_an_alarm_is_an_event_beside_its_fix(alarm: str, kind: EventKind) -> None:
    message = read(forwarded({"alarm": alarm}))
    assert [fix.seq for fix in message.fixes] == [4711]
    (event,) = message.events
    assert (event.device, event.seq, event.time, event.event, event.detail) == (
        IMEI, 4711, EIGHT, kind, alarm,
    )  # fmt: skip


def test_alarms_that_came_together_are_events_a_microsecond_apart() -> None:
    events = read(forwarded({"alarm": "removing,lowBattery, lowPower,sos"})).events
    assert [(it.event, it.time - EIGHT) for it in events] == [
        (EventKind.STRAP_OPEN, timedelta()),
        (EventKind.BATTERY_LOW, timedelta(microseconds=1)),
        (EventKind.SOS, timedelta(microseconds=2)),
    ]


def test_an_alarm_counts_without_a_fix_at_the_time_the_device_sent_it() -> None:
    message = read(
        forwarded({"alarm": "removing"}, outdated=True, fixTime="2026-11-20T08:00:00.000+00:00")
    )
    assert [(it.event, it.time) for it in message.events] == [(EventKind.STRAP_OPEN, EIGHT)]
    assert [it.reason for it in message.rejected] == [Reason.OUTDATED]


def test_an_alarm_of_vehicles_is_no_event() -> None:
    message = read(forwarded({"alarm": "overspeed"}))
    assert (len(message.fixes), message.events) == (1, ())


@pytest.mark.parametrize(
    "said",
    [
        forwarded(protocol="osmand"),
        forwarded(protocol="owntracks"),
        forwarded({"alarm": "sos"}, protocol="osmand"),
    ],
)
def test_a_phone_is_refused_as_one(said: dict[str, object]) -> None:
    message = read(said)
    assert message.rejected == (Rejection(device=IMEI, seq=4711, reason=Reason.PHONE),)
    assert (message.fixes, message.events) == ((), ())


@pytest.mark.parametrize("category", ["person", "car", "default", None, 7])
def test_the_icon_that_traccar_shows_makes_no_phone_of_a_bracelet(category: object) -> None:
    message = read(forwarded(device={"uniqueId": IMEI, "category": category}))
    assert (len(message.fixes), message.rejected) == (1, ())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (forwarded(latitude=91), Reason.BAD_LAT),
        (forwarded(longitude="x"), Reason.BAD_LON),
        (forwarded(fixTime="yesterday"), Reason.BAD_TIME),
        (forwarded(deviceTime="2026-11-21T08:00:00"), Reason.BAD_TIME),
        (forwarded(fixTime="9999-12-31T23:59:59-01:00"), Reason.BAD_TIME),
        (forwarded(accuracy=-1), Reason.BAD_ACCURACY_M),
        (forwarded(speed=-1), Reason.BAD_SPEED_MPS),
        (forwarded(course=361), Reason.BAD_HEADING_DEG),
        (forwarded({"batteryLevel": 101}), Reason.BAD_BATTERY),
        (forwarded({"alarm": 7}), Reason.BAD_EVENT),
        (forwarded(attributes=None, valid="yes"), Reason.BAD_SHAPE),
    ],
)
def test_a_bad_field_is_refused_by_our_name_for_it(said: dict[str, Any], reason: Reason) -> None:
    assert refused(said) == [reason]


def test_alarms_at_the_end_of_time_are_refused_like_any_impossible_time() -> None:
    last = "9999-12-31T23:59:59.999999+00:00"
    assert refused(forwarded({"alarm": "sos,removing"}, deviceTime=last)) == [Reason.BAD_TIME]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (forwarded(id=-1), Reason.BAD_SEQ),
        (forwarded(id="1"), Reason.BAD_SEQ),
        (forwarded(device={"uniqueId": "B 1"}), Reason.BAD_DEVICE),
        (forwarded(device={}), Reason.BAD_DEVICE),
        (forwarded(device=[]), Reason.BAD_DEVICE),
        ({"device": {"uniqueId": IMEI}}, Reason.BAD_SHAPE),
        ([], Reason.BAD_SHAPE),
    ],
)
def test_what_has_no_number_or_no_device_is_refused_whole(said: object, reason: Reason) -> None:
    with pytest.raises(WireError) as caught:
        read(said)
    assert caught.value.reason is reason
