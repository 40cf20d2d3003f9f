"""Send broken payloads through every decoder, and count what became of them."""

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import msgspec

from devices.messages import Message
from devices.receipts import decode_receipt
from devices.wire import WireError, decode, decode_command
from tests.fuzz.mutations import broken
from tests.fuzz.seeds import COMMAND, RECEIPT
from tests.fuzz.valid import Violation, check_command, check_message, check_receipt


@dataclass
class Tally:
    """Payloads by what became of them, and how often each reason was given."""

    seed: int
    payloads: int = 0
    accepted: int = 0
    in_part: int = 0
    rejected: int = 0
    bytes: int = 0
    slowest_ms: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """One JSON object, the most frequent reason first."""
        told = {**vars(self), "reasons": dict(self.reasons.most_common())}
        return msgspec.json.encode({**told, "slowest_ms": round(self.slowest_ms, 1)}).decode()


class Found(Exception):
    """A payload that crashed a decoder, or was taken though it is not valid."""

    def __init__(self, topic: str, payload: bytes, fault: Exception) -> None:
        what = f"{type(fault).__name__}: {fault}"
        super().__init__(f"{what}\ntopic {topic!r}\npayload {payload.hex()}")


def run(count: int, seed: int) -> Tally:
    """Try so many payloads, the same ones for the same seed; raises Found at the first fault."""
    dice, tally = Random(seed), Tally(seed)  # noqa: S311 - dice, no secret
    for _ in range(count):
        topic, payload = broken(dice)
        began = time.perf_counter()
        try:
            kept, reasons = judge(topic, payload)
        except Exception as fault:
            raise Found(topic, payload, fault) from fault
        tally.slowest_ms = max(tally.slowest_ms, (time.perf_counter() - began) * 1000)
        tally.payloads += 1
        tally.bytes += len(payload)
        tally.accepted += kept and not reasons
        tally.in_part += kept and bool(reasons)
        tally.rejected += not kept
        tally.reasons.update(reasons)
    return tally


def judge(topic: str, payload: bytes) -> tuple[bool, set[str]]:
    """Decode as whoever hears the topic would; whether anything was kept, and the reasons given.

    Raises Violation, or whatever a decoder should not have raised.
    """
    try:
        if topic == COMMAND:
            check_command(decode_command(payload))
        elif topic == RECEIPT:
            check_receipt(decode_receipt(payload))
        else:
            message = decode(topic, payload)
            check_message(message)
            return _weighed(message, payload)
    except WireError as error:
        if not error.detail:
            raise Violation("a refusal says what to do") from error
        return False, {error.reason.value}
    return True, set()


def _weighed(message: Message, payload: bytes) -> tuple[bool, set[str]]:
    reasons = {it.reason for it in message.rejected}
    kept = bool(message.fixes or message.events or message.status or message.result)
    if not kept and not reasons and payload.strip(b" \t\r\n")[:1] != b"[":
        raise Violation("only an empty list says nothing")
    return kept or not reasons, reasons
