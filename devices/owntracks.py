"""Read what OwnTracks clients publish: `location`, `transition` and `lwt`, of dedicated trackers.

The broker account is the gateway, the last part of the topic the device, and `tst`, whole seconds
of Unix time, both the time and the seq. Fields as in the OwnTracks booklet ("JSON").

A transition tells of a region that the client keeps for itself, and ours are not its regions: it
is a fix at the place where it happened. A last will says that the broker lost the connection, not
why; `tst` in it is when that connection began. So it is no fix and nothing that the device did, it
sets the gateway offline, and the next position sets it online again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from devices import reference
from devices.datum import Crs
from devices.faults import BROKEN, WireError, reason_of
from devices.messages import (
    Fix,
    GatewayState,
    GatewayStatus,
    HeadingDeg,
    Lat,
    Lon,
    Message,
    Protocol,
    Reason,
    Rejection,
    Source,
    from_client,
)
from devices.topics import Topic

KMH_PER_MPS = 3.6
NAMES: Mapping[str, Reason] = {
    "_type": Reason.UNSUPPORTED_TYPE,
    "tst": Reason.BAD_TIME,
    "acc": Reason.BAD_ACCURACY_M,
    "batt": Reason.BAD_BATTERY,
    "vel": Reason.BAD_SPEED_MPS,
    "cog": Reason.BAD_HEADING_DEG,
}
SOURCES = {
    "gnss": Source.GNSS,
    "gps": Source.GNSS,
    "wifi": Source.WIFI,
    "lbs": Source.LBS,
    "network": Source.LBS,
}
OF_PHONES = ("m", "conn", "SSID", "BSSID", "motionactivities", "inregions", "inrids", "poi")
_signs_of_a_phone = attrgetter(*OF_PHONES)
_NO_SIGNS = (None,) * len(OF_PHONES)
FUSED = "fused"  # the location service of Android phones

Epoch = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # to the end of the year 9999
ErrorM = Annotated[float, Meta(ge=0, le=1e7)]  # 0 stands for unknown
Percent = Annotated[float, Meta(ge=0, le=100)]
SpeedKmh = Annotated[float, Meta(ge=0, le=3600)]
_message = partial(from_client, Protocol.OWNTRACKS)


class _Position(Struct, tag_field="_type"):
    tst: Epoch
    lat: Lat
    lon: Lon
    crs: Crs = Crs.WGS84
    acc: ErrorM | None = None
    batt: Percent | None = None
    vel: SpeedKmh | None = None
    cog: HeadingDeg | None = None
    source: str = "gnss"
    m: object = None
    conn: object = None
    SSID: object = None
    BSSID: object = None
    motionactivities: object = None
    inregions: object = None
    inrids: object = None
    poi: object = None


class _Location(_Position, tag="location"):
    pass


class _Transition(_Position, tag="transition"):
    pass


class _LastWill(Struct, tag_field="_type", tag="lwt"):
    tst: Epoch


class _Encrypted(Struct, tag_field="_type", tag="encrypted"):
    pass


class _Status(Struct, tag_field="_type", tag="status"):
    iOS: object = None  # noqa: N815 (as it stands on the wire)
    android: object = None


class _Stamped(Struct):
    tst: Epoch


_DECODER = msgspec.json.Decoder(_Location | _Transition | _LastWill | _Encrypted | _Status)
_STAMPED = msgspec.json.Decoder(_Stamped)


def decode(topic: Topic, payload: bytes) -> Message:
    """Read one payload of a device; what is refused and has a `tst` is a Rejection, else WireError.

    Encrypted payloads, other types and whatever only phones write are refused with their reason.
    """
    try:
        said = _DECODER.decode(payload)
        if isinstance(said, _LastWill):
            at = datetime.fromtimestamp(said.tst, UTC)
            status = GatewayStatus(state=GatewayState.OFFLINE, time=at)
            return _message(topic, status=status)
        fix = _fix(topic, said)
        status = GatewayStatus(state=GatewayState.ONLINE, time=fix.time)
        return _message(topic, fixes=(fix,), status=status)
    except (*BROKEN, WireError) as fault:
        return _refused(topic, payload, reason_of(fault, NAMES))


def _fix(topic: Topic, said: _Location | _Transition | _Encrypted | _Status) -> Fix:
    if isinstance(said, _Encrypted):
        raise WireError(Reason.ENCRYPTED)
    if isinstance(said, _Status):
        of_a_phone = said.iOS is not None or said.android is not None
        raise WireError(Reason.PHONE if of_a_phone else Reason.UNSUPPORTED_TYPE)
    if said.source == FUSED or _signs_of_a_phone(said) != _NO_SIGNS:
        raise WireError(Reason.PHONE)
    if said.source not in SOURCES:
        raise WireError(Reason.BAD_SOURCE)
    fix = Fix(
        device=topic.device or "",
        seq=said.tst,
        time=datetime.fromtimestamp(said.tst, UTC),
        lat=said.lat,
        lon=said.lon,
        crs=said.crs,
        accuracy_m=said.acc or None,
        source=SOURCES[said.source],
        speed_mps=None if said.vel is None else said.vel / KMH_PER_MPS,
        heading_deg=said.cog,
        battery=None if said.batt is None else said.batt / 100,
    )
    reference.shift_back(fix)
    return fix


def _refused(topic: Topic, payload: bytes, reason: Reason) -> Message:
    try:
        seq = _STAMPED.decode(payload).tst
    except BROKEN:
        raise WireError(reason) from None
    return _message(topic, rejected=(Rejection(device=topic.device or "", seq=seq, reason=reason),))
