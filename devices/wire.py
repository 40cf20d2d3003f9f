"""Read what gateways send: native JSON, checked field by field, positions in WGS-84.

One bad element of a list costs only itself: it becomes a `Rejection` beside the good ones.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from devices import topics
from devices.datum import Crs, to_wgs84
from devices.messages import (
    Command,
    CommandResult,
    Device,
    Event,
    Fix,
    GatewayStatus,
    Message,
    Reason,
    Rejection,
    Seq,
)
from devices.topics import Kind, Topic

PAYLOAD_MAX_BYTES = 1_000_000
LIST_MAX = 500
CLOCK_AHEAD_MAX_S = 300

_REQUIREMENTS = {
    Reason.UNKNOWN_TOPIC: "the topic must be one of correction/v1, with names of A-Z a-z 0-9 . _ -",
    Reason.TOO_LARGE: f"a payload must not exceed {PAYLOAD_MAX_BYTES} bytes",
    Reason.TOO_MANY: f"a list must not exceed {LIST_MAX} elements",
    Reason.NOT_JSON: "the payload must be JSON in UTF-8",
    Reason.BAD_SHAPE: "the payload must be an object, or a list of objects where the topic has one",
    Reason.BAD_DEVICE: "device must be 1-64 of A-Z a-z 0-9 . _ -, and each fix of a batch needs it",
    Reason.DEVICE_MISMATCH: "device must be left out or equal the topic's",
    Reason.BAD_SEQ: "seq must be a whole number from 0 to 9223372036854775807",
    Reason.BAD_TIME: "time must be RFC 3339 with a zone, such as 2026-11-21T08:00:00Z",
    Reason.BAD_LAT: "lat must be degrees from -90 to 90",
    Reason.BAD_LON: "lon must be degrees from -180 to 180",
    Reason.BAD_CRS: "crs must be wgs84, gcj02 or bd09",
    Reason.BAD_ACCURACY_M: "accuracy_m must be metres, above 0 and below 10000000",
    Reason.BAD_SOURCE: "source must be gnss, wifi or lbs",
    Reason.BAD_SPEED_MPS: "speed_mps must be from 0 to 1000",
    Reason.BAD_HEADING_DEG: "heading_deg must be from 0 to 360",
    Reason.BAD_BATTERY: "battery must be a share from 0 to 1",
    Reason.BAD_STRAP: "strap must be closed or open",
    Reason.BAD_WORN: "worn must be true or false",
    Reason.BAD_EVENT: "event must be one of the contract's events",
    Reason.BAD_DETAIL: "detail must be text of at most 2000 characters, without NUL",
    Reason.BAD_STATE: "state must be online or offline, or done, refused or expired for a command",
    Reason.BAD_ID: "id must be 1-64 printable ASCII characters, without spaces",
}

_FIELD = re.compile(r"- at `\$\.(\w+)[^`]*`\Z|\AObject missing required field `(\w+)`\Z")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_FIXES = msgspec.json.Decoder(Fix | list[Fix])
_EVENTS = msgspec.json.Decoder(Event | list[Event])

_Reading = TypeVar("_Reading", Fix, Event)
_Single = TypeVar("_Single", CommandResult, Command, GatewayStatus)
_Sent = TypeVar("_Sent", Fix, Event, CommandResult)


class _Called(msgspec.Struct):
    device: Device


class _Numbered(msgspec.Struct):
    seq: Seq


_Part = TypeVar("_Part", _Called, _Numbered)


class WireError(Exception):
    """Nothing in a payload can be kept. `reason` is a code; `detail` never repeats the input."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.detail = _REQUIREMENTS[reason]
        super().__init__(f"{reason}: {self.detail}")


def clock_fault(fix_time: datetime, received: datetime) -> Reason | None:
    """CLOCK_AHEAD where a device claims a time over 300 s after the moment it was heard."""
    ahead_s = (fix_time - received).total_seconds()
    return Reason.CLOCK_AHEAD if ahead_s > CLOCK_AHEAD_MAX_S else None


def decode(topic: str, payload: bytes) -> Message:
    """Read one payload of `correction/v1`; times come out in UTC, positions in WGS-84.

    Raises WireError where nothing can be kept or named. A bad element whose device and seq can be
    read, alone or in a list, is a Rejection in the message instead.
    """
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Reason.TOO_LARGE)
    spoken = topics.parse(topic)
    if spoken is None:
        raise WireError(Reason.UNKNOWN_TOPIC)
    gateway, kind = spoken.gateway, spoken.kind
    match kind:
        case Kind.FIX | Kind.BATCH:
            fixes, rejected = _readings(spoken, payload, _FIXES, Fix)
            return Message(gateway=gateway, kind=kind, fixes=fixes, rejected=rejected)
        case Kind.EVENT:
            events, rejected = _readings(spoken, payload, _EVENTS, Event)
            return Message(gateway=gateway, kind=kind, events=events, rejected=rejected)
        case Kind.STATUS:
            return Message(gateway=gateway, kind=kind, status=_status(payload))
        case Kind.RESULT:
            result = _settled(_single(payload, CommandResult), spoken)
            return Message(gateway=gateway, kind=kind, result=result)
    raise WireError(Reason.UNKNOWN_TOPIC)  # receipts and commands go down, never up


def decode_command(payload: bytes) -> Command:
    """Read a command as a gateway hears it; raises WireError."""
    command = _single(payload, Command)
    force_setattr(command, "expires", _utc(command.expires))
    return command


def _status(payload: bytes) -> GatewayStatus:
    status = _single(payload, GatewayStatus)
    force_setattr(status, "time", _utc(status.time))
    return status


def _single(payload: bytes, shape: type[_Single]) -> _Single:
    try:
        return msgspec.json.decode(payload, type=shape)
    except _BROKEN as fault:
        raise WireError(_reason(fault)) from None


def _readings(
    topic: Topic,
    payload: bytes,
    decoder: "msgspec.json.Decoder[_Reading | list[_Reading]]",
    shape: type[_Reading],
) -> tuple[tuple[_Reading, ...], tuple[Rejection, ...]]:
    """All elements at once; only where one of them is bad, each by itself."""
    try:
        heard = decoder.decode(payload)
        elements = heard if isinstance(heard, list) else [heard]
        if len(elements) <= LIST_MAX:
            return tuple(_settled(element, topic) for element in elements), ()
    except (*_BROKEN, WireError):
        pass
    return _one_by_one(topic, _loosely(payload), shape)


def _one_by_one(
    topic: Topic, elements: list[Any], shape: type[_Reading]
) -> tuple[tuple[_Reading, ...], tuple[Rejection, ...]]:
    good: list[_Reading] = []
    rejected: list[Rejection] = []
    for element in elements:
        try:
            good.append(_settled(msgspec.convert(element, shape), topic))
        except (*_BROKEN, WireError) as fault:
            rejected.append(_rejection(element, topic, _reason(fault)))
    if rejected and not good and all(it.seq is None for it in rejected):
        raise WireError(Reason(rejected[0].reason))
    return tuple(good), tuple(rejected)


def _loosely(payload: bytes) -> list[Any]:
    """The elements as plain objects, past NaN and broken UTF-8, so that each is judged alone."""
    try:
        heard = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise WireError(Reason.NOT_JSON) from None
    elements = heard if isinstance(heard, list) else [heard]
    if len(elements) > LIST_MAX:
        raise WireError(Reason.TOO_MANY)
    return elements


def _settled(sent: _Sent, topic: Topic) -> _Sent:
    """Put the device, UTC and WGS-84 in place: frozen is for readers, the decoder finishes."""
    device = topic.device or sent.device
    if not device:
        raise WireError(Reason.BAD_DEVICE)
    if sent.device != device:
        if sent.device:
            raise WireError(Reason.DEVICE_MISMATCH)
        force_setattr(sent, "device", device)
    if sent.time.tzinfo is not UTC:
        force_setattr(sent, "time", _utc(sent.time))
    if isinstance(sent, Fix):
        _shift_back(sent)
    return sent


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the years 1 and 9999 near midnight
        raise WireError(Reason.BAD_TIME) from None


def _shift_back(fix: Fix) -> None:
    if fix.crs is Crs.WGS84:
        return
    lat, lon = to_wgs84((fix.lat, fix.lon), fix.crs)
    if not -90 <= lat <= 90:  # noqa: PLR2004 (degrees of a quarter turn)
        raise WireError(Reason.BAD_LAT)
    if not -180 <= lon <= 180:  # noqa: PLR2004 (degrees of half a turn)
        raise WireError(Reason.BAD_LON)
    force_setattr(fix, "lat", lat)
    force_setattr(fix, "lon", lon)


def _rejection(element: object, topic: Topic, reason: Reason) -> Rejection:
    """Name what is refused as well as it names itself; a receipt needs both device and seq."""
    called, numbered = _salvaged(element, _Called), _salvaged(element, _Numbered)
    device = topic.device or (called.device if called else "")
    seq = numbered.seq if numbered and device else None
    return Rejection(device=device, seq=seq, reason=reason)


def _salvaged(element: object, shape: type[_Part]) -> _Part | None:
    try:
        return msgspec.convert(element, shape)
    except msgspec.ValidationError:
        return None


def _reason(fault: Exception) -> Reason:
    if isinstance(fault, WireError):
        return fault.reason
    if not isinstance(fault, msgspec.ValidationError):
        return Reason.NOT_JSON
    found = _FIELD.search(str(fault))
    code = f"bad_{found[1] or found[2]}" if found else ""
    return Reason(code) if code in set(Reason) else Reason.BAD_SHAPE
