"""Read what gateways send: JSON checked field by field, moments in UTC, positions in WGS-84.

One bad element of a list costs only itself: it becomes a `Rejection` beside the good ones.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from devices import owntracks, reference, topics, traccar
from devices.faults import BROKEN, LIST_MAX, PAYLOAD_MAX_BYTES, WireError, reason_of
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

__all__ = ["WireError", "clock_fault", "decode", "decode_command"]

CLOCK_AHEAD_MAX_S = 300

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


def clock_fault(fix_time: datetime, received: datetime) -> Reason | None:
    """CLOCK_AHEAD where a device claims a time over 300 s after the moment it was heard."""
    ahead_s = (fix_time - received).total_seconds()
    return Reason.CLOCK_AHEAD if ahead_s > CLOCK_AHEAD_MAX_S else None


def decode(topic: str, payload: bytes) -> Message:
    """Read one payload; times come out in UTC, positions in WGS-84.

    Raises WireError where nothing can be kept or named. A bad element whose device and seq can be
    read, alone or in a list, is a Rejection in the message instead.
    """
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise WireError(Reason.TOO_LARGE)
    spoken = topics.parse(topic)
    if spoken is None:
        raise WireError(Reason.UNKNOWN_TOPIC)
    read = _READERS.get(spoken.kind)
    if read is None:  # receipts and commands go down, never up
        raise WireError(Reason.UNKNOWN_TOPIC)
    return read(spoken, payload)


def decode_command(payload: bytes) -> Command:
    """Read a command as a gateway hears it; raises WireError."""
    command = _single(payload, Command)
    force_setattr(command, "expires", reference.utc(command.expires))
    return command


def _fixes(topic: Topic, payload: bytes) -> Message:
    fixes, rejected = _readings(topic, payload, _FIXES, Fix)
    return Message(gateway=topic.gateway, kind=topic.kind, fixes=fixes, rejected=rejected)


def _events(topic: Topic, payload: bytes) -> Message:
    events, rejected = _readings(topic, payload, _EVENTS, Event)
    return Message(gateway=topic.gateway, kind=topic.kind, events=events, rejected=rejected)


def _status(topic: Topic, payload: bytes) -> Message:
    status = _single(payload, GatewayStatus)
    force_setattr(status, "time", reference.utc(status.time))
    return Message(gateway=topic.gateway, kind=topic.kind, status=status)


def _result(topic: Topic, payload: bytes) -> Message:
    result = _settled(_single(payload, CommandResult), topic)
    return Message(gateway=topic.gateway, kind=topic.kind, result=result)


_READERS: dict[Kind, Callable[[Topic, bytes], Message]] = {
    Kind.FIX: _fixes,
    Kind.BATCH: _fixes,
    Kind.EVENT: _events,
    Kind.STATUS: _status,
    Kind.RESULT: _result,
    Kind.OWNTRACKS: owntracks.decode,
    Kind.TRACCAR: traccar.decode,
}


def _single(payload: bytes, shape: type[_Single]) -> _Single:
    try:
        return msgspec.json.decode(payload, type=shape)
    except BROKEN as fault:
        raise WireError(reason_of(fault)) from None


def _readings(
    topic: Topic,
    payload: bytes,
    decoder: "msgspec.json.Decoder[_Reading | list[_Reading]]",
    shape: type[_Reading],
) -> tuple[tuple[_Reading, ...], tuple[Rejection, ...]]:
    """All elements at once; only where one of them is bad, each by itself."""
    try:
        heard = decoder.decode(payload)
        if not isinstance(heard, list):
            return (_settled(heard, topic),), ()
        if len(heard) <= LIST_MAX:
            return tuple([_settled(element, topic) for element in heard]), ()
    except (*BROKEN, WireError):
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
        except (*BROKEN, WireError) as fault:
            rejected.append(_rejection(element, topic, reason_of(fault)))
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
    """Put the device, UTC and WGS-84 in place."""
    device = topic.device or sent.device
    if not device:
        raise WireError(Reason.BAD_DEVICE)
    if sent.device != device:
        if sent.device:
            raise WireError(Reason.DEVICE_MISMATCH)
        force_setattr(sent, "device", device)
    if sent.time.tzinfo is not UTC:
        force_setattr(sent, "time", reference.utc(sent.time))
    if isinstance(sent, Fix):
        reference.shift_back(sent)
    return sent


def _rejection(element: object, topic: Topic, reason: Reason) -> Rejection:
    """Name what is refused as well as it names itself; a receipt needs both device and seq."""
    called, numbered = _salvaged(element, _Called), _salvaged(element, _Numbered)
    device = topic.device or (called.device if called else "")
    seq = numbered.seq if numbered and device else None
    return Rejection(device=device, seq=seq, reason=reason)


def _salvaged(element: object, shape: type[_Part]) -> _Part | None:
    try:
        return msgspec.convert(element, shape)
    except BROKEN:
        return None
