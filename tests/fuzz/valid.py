"""What may be said of anything that a decoder takes; the limits stand here a second time."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from devices.datum import Crs
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
    Protocol,
    Reason,
    Rejection,
    ResultState,
    Source,
    Strap,
)
from devices.receipts import Receipt, decode_receipt
from devices.topics import Kind, Topic
from devices.wire import decode, decode_command
from tests.fuzz.seeds import NATIVE

SEQ_MAX = 2**63 - 1
ELEMENTS_MAX = 500
LIMITS = {
    "lat": (-90.0, 90.0),
    "lon": (-180.0, 180.0),
    "accuracy_m": (5e-324, 1e7),
    "speed_mps": (0.0, 1000.0),
    "heading_deg": (0.0, 360.0),
    "battery": (0.0, 1.0),
}
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
TEXT = re.compile(r"[^\x00\ud800-\udfff]{0,2000}")
ID = re.compile(r"[!-~]{1,64}")
PROTOCOLS = {Kind.OWNTRACKS: Protocol.OWNTRACKS, Kind.TRACCAR: Protocol.TRACCAR}
OPTIONAL = ("accuracy_m", "speed_mps", "heading_deg", "battery")


class Violation(Exception):
    """A decoder took something that is not valid."""


def _hold(truth: bool, what: str) -> None:  # noqa: FBT001 - it reads like an assertion
    if not truth:
        raise Violation(what)


def check_message(message: Message) -> None:
    """Raise Violation unless every part is in range, in UTC and reads back equal."""
    _name(message.gateway)
    expected = PROTOCOLS.get(message.kind, Protocol.NATIVE)
    _hold(message.protocol is expected, "the protocol is the topic's")
    for part in (message.fixes, message.events, message.rejected):
        _hold(len(part) <= ELEMENTS_MAX, "at most 500 elements")
    for fix in message.fixes:
        _fix(fix)
    for event in message.events:
        _event(event)
    for rejection in message.rejected:
        _rejection(rejection)
    if message.status is not None:
        _status(message.status)
    if message.result is not None:
        _result(message.result)
    again = msgspec.json.decode(msgspec.json.encode(message), type=Message)
    _hold(again == message, "the message reads back equal")


def check_command(command: Command) -> None:
    """Raise Violation unless it is a command that a bracelet can be told."""
    _hold(ID.fullmatch(command.id) is not None, "a command's id")
    _word(command.command, CommandKind)
    _utc(command.expires)
    for value in command.args.values():
        _hold(not isinstance(value, float) or math.isfinite(value), "an argument is finite")
    again = decode_command(msgspec.json.encode(command))
    _hold(again == command, "the command reads back equal")


def check_receipt(receipt: Receipt) -> None:
    """Raise Violation unless it names devices and numbers that can exist."""
    for device, spans in receipt.committed.items():
        _name(device)
        for first, last in spans:
            _hold(0 <= first <= last <= SEQ_MAX, "an ascending range of seqs")
    for it in receipt.rejected:
        _hold(it.seq is None or type(it.seq) is int, "a rejected seq is a number or unknown")
    _hold(decode_receipt(msgspec.json.encode(receipt)) == receipt, "the receipt reads back equal")


def _fix(fix: Fix) -> None:
    _reading(fix)
    for name, (least, most) in LIMITS.items():
        value = getattr(fix, name)
        if value is None and name in OPTIONAL:
            continue
        _hold(type(value) is float and least <= value <= most, f"{name} is in range")
    _word(fix.crs, Crs)
    _word(fix.source, Source)
    _hold(fix.strap is None or isinstance(fix.strap, Strap), "the strap is known or not told")
    _hold(fix.worn in {None, True, False}, "worn is known or not told")
    _reads_back(fix.device, Kind.FIX, replace(fix, crs=Crs.WGS84))


def _event(event: Event) -> None:
    _reading(event)
    _word(event.event, EventKind)
    _hold(event.detail is None or TEXT.fullmatch(event.detail) is not None, "detail is plain text")
    _reads_back(event.device, Kind.EVENT, event)


def _status(status: GatewayStatus) -> None:
    _utc(status.time)
    _word(status.state, GatewayState)
    again = decode(f"{NATIVE}/status", msgspec.json.encode(status)).status
    _hold(again == status, "the status reads back equal")


def _result(result: CommandResult) -> None:
    _name(result.device)
    _utc(result.time)
    _word(result.state, ResultState)
    _hold(ID.fullmatch(result.id) is not None, "a result's id")
    _reads_back(result.device, Kind.RESULT, result)


def _rejection(rejection: Rejection) -> None:
    _hold(rejection.reason in set(Reason), "a rejection has one of our reasons")
    _hold(rejection.seq is None or 0 <= rejection.seq <= SEQ_MAX, "a rejected seq is in range")
    _hold(rejection.seq is None or bool(rejection.device), "a rejected seq has its device")
    if rejection.device:
        _name(rejection.device)


def _reading(reading: Fix | Event) -> None:
    _name(reading.device)
    _utc(reading.time)
    _hold(type(reading.seq) is int and 0 <= reading.seq <= SEQ_MAX, "seq is in range")


def _reads_back(device: str, kind: Kind, said: Fix | Event | CommandResult) -> None:
    message = decode(str(Topic("gw-1", kind, device)), msgspec.json.encode(said))
    parts: Mapping[Kind, object] = {
        Kind.FIX: message.fixes,
        Kind.EVENT: message.events,
        Kind.RESULT: (message.result,),
    }
    _hold(parts[kind] == (said,), "what was read reads back equal")


def _name(text: str) -> None:
    _hold(NAME.fullmatch(text) is not None, "a name of a gateway or a device")


def _utc(time: datetime) -> None:
    _hold(time.tzinfo is UTC, "a time is in UTC")


def _word(word: object, words: type[StrEnum]) -> None:
    _hold(isinstance(word, words), f"one of {words.__name__}")
