"""Valid payloads of every kind of topic, from which broken ones are bred."""

import json
from typing import Any

NATIVE = "correction/v1/gw-1"
COMMAND = f"{NATIVE}/B1/command"
RECEIPT = f"{NATIVE}/receipt"
TIME = "2026-11-21T08:00:00Z"
TST = 1_795_248_000
BARE: dict[str, Any] = {"seq": 4711, "time": TIME, "lat": 27.72, "lon": 106.92}
FULL: dict[str, Any] = {
    **BARE,
    "accuracy_m": 12.57,
    "source": "wifi",
    "speed_mps": 1.234,
    "heading_deg": 90.04,
    "battery": 0.8349,
    "strap": "closed",
    "worn": True,
}
EVENT: dict[str, Any] = {"seq": 12, "time": TIME, "event": "strap_open", "detail": "断开"}
LOCATION: dict[str, Any] = {
    "_type": "location",
    "tst": TST,
    "lat": 27.7213456789,
    "lon": 106.92,
    "acc": 12,
    "batt": 83,
    "vel": 4,
    "cog": 271,
    "source": "gps",
    "tid": "B1",
}
POSITION: dict[str, Any] = {
    "id": 991,
    "protocol": "gt06",
    "deviceTime": "2026-11-21T08:00:00.000+00:00",
    "fixTime": "2026-11-21T08:00:00.000+00:00",
    "valid": True,
    "outdated": False,
    "latitude": 27.72,
    "longitude": 106.92,
    "accuracy": 10.0,
    "speed": 2.5,
    "course": 359.96,
    "attributes": {"batteryLevel": 83, "alarm": "removing,lowBattery", "approximate": True},
    "network": {"wifiAccessPoints": [{"macAddress": "02:00:00:00:00:01"}]},
}
TRACKER: dict[str, Any] = {"id": 1, "uniqueId": "490154203237518", "category": "default"}

_SAID: tuple[tuple[str, object], ...] = (
    (f"{NATIVE}/B1/fix", BARE),
    (f"{NATIVE}/B1/fix", FULL),
    (f"{NATIVE}/B1/fix", {**FULL, "crs": "gcj02"}),
    (f"{NATIVE}/B1/fix", {**FULL, "crs": "bd09", "device": "B1"}),
    (f"{NATIVE}/B1/fix", [{**FULL, "seq": seq} for seq in range(5)]),
    (f"{NATIVE}/batch", [{**FULL, "device": name} for name in ("B1", "B2", "B3")]),
    (f"{NATIVE}/B1/event", EVENT),
    (f"{NATIVE}/B1/event", [EVENT, {**EVENT, "seq": 13, "event": "sos"}]),
    (f"{NATIVE}/status", {"state": "offline", "time": TIME}),
    (f"{NATIVE}/B1/command/result", {"id": "c1", "state": "done", "time": TIME}),
    ("owntracks/tracker-1/B1", LOCATION),
    ("owntracks/tracker-1/B1", {**LOCATION, "conn": "w", "m": 1, "inregions": ["home"]}),
    ("owntracks/tracker-1/B1/event", {**LOCATION, "_type": "transition", "event": "leave"}),
    ("owntracks/tracker-1/B1", {"_type": "lwt", "tst": TST}),
    ("owntracks/tracker-1/B1", {"_type": "encrypted", "data": "AAAA"}),
    ("owntracks/tracker-1/B1", {"_type": "status", "iOS": {"version": "18"}}),
    ("traccar/positions", {"position": POSITION, "device": TRACKER}),
    ("traccar/positions", {"position": {**POSITION, "outdated": True}, "device": TRACKER}),
    ("traccar/positions", {"position": {**POSITION, "protocol": "osmand"}, "device": TRACKER}),
    (COMMAND, {"id": "c1", "command": "interval", "expires": TIME, "args": {"seconds": 60}}),
    (
        RECEIPT,
        {
            "committed": {"B1": [[1, 7], [9, 9]]},
            "rejected": [{"device": "B1", "seq": 8, "reason": "no_order"}],
        },
    ),
)
SEEDS = tuple((topic, json.dumps(said, ensure_ascii=False).encode()) for topic, said in _SAID)

VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 90, 90.0000001, -90, 180, 180.00000004, -180.1, 360.04,
    0.04, 1e-320, 1e7, 10_000_000.06, 1e308, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400,
    float("nan"), float("inf"), -float("inf"), "", "0", "B1", "B 1", "\0", "\ud800", "é" * 65,
    "x" * 2001, "NaN", TIME, "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59.9999999-10:00",
    "2026-02-30T00:00:00Z",
    "2026-11-21T24:00:00Z", "2026-11-21T08:00:60Z", "2026-11-21T08:00:00", "2026-11-21 08:00:00Z",
    "wgs84", "gcj02", "bd09", "gnss", "strap_open", "online", "location", "fused", "osmand",
    "- at `$.seq`", [], [[]], {}, {"seq": 1}, [None], [BARE], BARE, EVENT, 253_402_300_799,
)  # fmt: skip
FRAGMENTS = (
    b"NaN", b"Infinity", b"-Infinity", b"null", b"1e999", b"-0", b"1" * 400, b"[" * 3000,
    b'{"a":' * 3000, b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\x00",
    b'"seq":1,', b'"lat":1,"lat":2,', b'"device":"B2",', b'"\\ud800"', b"\\u0000", b",", b"}", b"]",
    b'"', b"\xef\xbb\xbf", b"/**/", b"true", b"'",
)  # fmt: skip
TOPICS = (
    "", "#", "a/b", NATIVE, f"{NATIVE}/B1/fix\n", f"{NATIVE}//fix", f"{NATIVE}/B1/weather", RECEIPT,
    COMMAND, f"{NATIVE}/é/fix", f"{NATIVE}/{'d' * 65}/fix", "correction/v1/+/+/fix", "owntracks/a",
    "owntracks/a/b/cmd", "traccar/position", "\0", "x" * 70_000,
)  # fmt: skip
