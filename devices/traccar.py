"""Read the positions that a Traccar server forwards, as JSON, for the trackers that it speaks with.

One object a message, `{"position": {…}, "device": {…}}`, with Traccar's own field names. The
gateway is called `traccar` after the server's account at the broker. A device is what Traccar
calls its unique id: the register holds it under the same id. Traccar's position id is the seq.

A position that Traccar calls outdated is the last one sent again, and one that is not valid has no
receiver's word: neither is a fix, while an alarm that came with it counts.

A phone shows itself by the protocol of its app. Traccar's `category` is the icon that somebody
chose for the map, `person` as readily for a bracelet as `car`: it says nothing of what is worn.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from devices import reference
from devices.faults import BROKEN, WireError, reason_of
from devices.messages import (
    Detail,
    Device,
    Event,
    EventKind,
    Fix,
    HeadingDeg,
    Instant,
    Lat,
    Lon,
    Message,
    Protocol,
    Reason,
    Rejection,
    Seq,
    Source,
    from_client,
)
from devices.topics import Topic

MPS_PER_KNOT = 1852 / 3600
NAMES: Mapping[str, Reason] = {
    "id": Reason.BAD_SEQ,
    "uniqueId": Reason.BAD_DEVICE,
    "fixTime": Reason.BAD_TIME,
    "deviceTime": Reason.BAD_TIME,
    "latitude": Reason.BAD_LAT,
    "longitude": Reason.BAD_LON,
    "accuracy": Reason.BAD_ACCURACY_M,
    "speed": Reason.BAD_SPEED_MPS,
    "course": Reason.BAD_HEADING_DEG,
    "batteryLevel": Reason.BAD_BATTERY,
    "alarm": Reason.BAD_EVENT,
}
# Traccar Client and OsmAnd speak `osmand`. An OwnTracks client is to come straight to us, to be
# looked at.
PROTOCOLS_OF_PHONES = frozenset({"osmand", "owntracks"})
ALARMS = {
    "removing": EventKind.STRAP_OPEN,
    "tampering": EventKind.CASE_OPEN,
    "sos": EventKind.SOS,
    "jamming": EventKind.JAMMING,
    "powerOff": EventKind.POWER_OFF,
    "lowBattery": EventKind.BATTERY_LOW,
    "lowPower": EventKind.BATTERY_LOW,
    "powerRestored": EventKind.CHARGING,
}

ErrorM = Annotated[float, Meta(ge=0, le=1e7)]  # 0 stands for unknown
Percent = Annotated[float, Meta(ge=0, le=100)]
SpeedKnots = Annotated[float, Meta(ge=0, le=1943)]
_message = partial(from_client, Protocol.TRACCAR)


class _Attributes(Struct, rename="camel"):
    battery_level: Percent | None = None
    alarm: Detail | None = None
    approximate: object = None  # Traccar looked the place up from towers or access points


class _Network(Struct, rename="camel"):
    wifi_access_points: object = None


class _Position(Struct, rename="camel"):
    id: Seq
    latitude: Lat
    longitude: Lon
    fix_time: Instant | None = None
    device_time: Instant | None = None
    protocol: str | None = None
    valid: bool = True
    outdated: bool = False
    accuracy: ErrorM | None = None
    speed: SpeedKnots | None = None
    course: HeadingDeg | None = None
    attributes: _Attributes | None = None
    network: _Network | None = None


class _Tracker(Struct, rename="camel"):
    unique_id: Device


class _Forwarded(Struct):
    position: _Position
    device: _Tracker


class _Numbered(Struct):
    id: Seq


class _Named(Struct):
    position: _Numbered
    device: _Tracker


_DECODER = msgspec.json.Decoder(_Forwarded)
_NAMED = msgspec.json.Decoder(_Named)


def decode(topic: Topic, payload: bytes) -> Message:
    """Read one forwarded position: a fix, and an event for each alarm that we have a name for.

    What is refused and names its device and id is a Rejection, else WireError.
    """
    try:
        said = _DECODER.decode(payload)
        position, device = said.position, said.device.unique_id
        if position.protocol in PROTOCOLS_OF_PHONES:
            raise WireError(Reason.PHONE)  # noqa: TRY301 (answered like what cannot be read)
        events = _events(position, device)
        if position.outdated or not position.valid:
            return _message(
                topic, events=events, rejected=_rejection(device, position.id, Reason.OUTDATED)
            )
        return _message(topic, fixes=(_fix(position, device),), events=events)
    except (*BROKEN, WireError) as fault:
        return _refused(topic, payload, reason_of(fault, NAMES))


def _fix(said: _Position, device: str) -> Fix:
    level = said.attributes.battery_level if said.attributes else None
    return Fix(
        device=device,
        seq=said.id,
        time=_moment(said.fix_time or said.device_time),
        lat=said.latitude,
        lon=said.longitude,
        accuracy_m=said.accuracy or None,
        source=_source(said),
        speed_mps=None if said.speed is None else said.speed * MPS_PER_KNOT,
        heading_deg=said.course,
        battery=None if level is None else level / 100,
    )


def _source(said: _Position) -> Source:
    if not (said.attributes and said.attributes.approximate):
        return Source.GNSS
    return Source.WIFI if said.network and said.network.wifi_access_points else Source.LBS


def _events(said: _Position, device: str) -> tuple[Event, ...]:
    """What the alarms say, a microsecond apart: two with the same seq and time would be one."""
    alarm = said.attributes.alarm if said.attributes else None
    words = [word.strip() for word in alarm.split(",")] if alarm else []
    kinds = dict.fromkeys(ALARMS[word] for word in words if word in ALARMS)
    if not kinds:
        return ()
    at = _moment(said.device_time or said.fix_time)
    try:
        return tuple(
            Event(
                seq=said.id,
                time=at + timedelta(microseconds=place),
                event=kind,
                device=device,
                detail=alarm,
            )
            for place, kind in enumerate(kinds)
        )
    except OverflowError:  # the last microsecond of the year 9999
        raise WireError(Reason.BAD_TIME) from None


def _moment(time: datetime | None) -> datetime:
    if time is None:
        raise WireError(Reason.BAD_TIME)
    return reference.utc(time)


def _rejection(device: str, seq: int, reason: Reason) -> tuple[Rejection, ...]:
    return (Rejection(device=device, seq=seq, reason=reason),)


def _refused(topic: Topic, payload: bytes, reason: Reason) -> Message:
    try:
        named = _NAMED.decode(payload)
    except BROKEN:
        raise WireError(reason) from None
    return _message(topic, rejected=_rejection(named.device.unique_id, named.position.id, reason))
