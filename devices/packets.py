"""The packets of MQTT that come by the ten thousand a second, read and written many at a time.

paho reads a PUBLISH in 30 (v3.1.1) to 90 µs (v5), this in 3. Every other packet is paho's, and
a test holds that both read the same. MQTT 3.1.1 and 5, sections 1.5.5, 3.3, 3.4 and 3.12.
"""

import struct
from collections.abc import Iterable
from datetime import datetime

from devices.link import Inbound

PINGREQ = b"\xc0\x00"
_PUBLISH = 0x30  # with QoS 0 or 1; a broker sends no more than the QoS that was subscribed
_PUBLISH_BITS = 0xF4  # the type, and the bit that would mean QoS 2
_puback = struct.Struct("!HH").pack
_PUBACK = 0x4002  # the type, and two bytes to follow: in MQTT 5 that says success too


class Malformed(ValueError):
    """Bytes that are no MQTT; there is no way on from here but another connection."""


def publishes(
    data: bytes, at: int, received_at: datetime, *, five: bool
) -> tuple[list[Inbound], list[int], int]:
    """The whole PUBLISH packets from `at` on, their packet ids (0 with QoS 0), and where they end.

    They end where a packet is incomplete or of another kind. Raises Malformed.
    """
    messages: list[Inbound] = []
    ids: list[int] = []
    while at < len(data) and data[at] & _PUBLISH_BITS == _PUBLISH:
        body, end = span(data, at)
        if not body or end > len(data):
            break
        message, packet_id = _publish(data, at, body, end, received_at, five=five)
        messages.append(message)
        ids.append(packet_id)
        at = end
    return messages, ids, at


def span(data: bytes, at: int) -> tuple[int, int]:
    """Where the packet at `at` has its body and its end; zeros while its length is not all here."""
    try:
        length, body = _number(data, at + 1)
    except IndexError:
        return 0, 0
    return body, body + length


def pubacks(ids: Iterable[int]) -> bytes:
    """Acknowledgements, in order; id 0 stands for a message that wants none."""
    return b"".join([_puback(_PUBACK, packet_id) for packet_id in ids if packet_id])


def _publish(
    data: bytes, at: int, body: int, end: int, received_at: datetime, *, five: bool
) -> tuple[Inbound, int]:
    flags = data[at]
    qos = flags >> 1 & 1
    packet_id = 0
    try:
        rest = topic_end = body + 2 + (data[body] << 8 | data[body + 1])
        if qos:
            packet_id = data[rest] << 8 | data[rest + 1]
            rest += 2
        if five:
            properties_bytes, rest = _number(data, rest)
            rest += properties_bytes
    except IndexError:
        raise Malformed("a PUBLISH is longer than it says") from None
    if rest > end or (qos and not packet_id):
        raise Malformed("a PUBLISH is longer than it says, or has no id")
    topic = _text(data[body + 2 : topic_end])
    return Inbound(topic, data[rest:end], bool(flags & 1), received_at, qos), packet_id


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, lowest seven bits first, and where it ends."""
    byte = data[at]
    value = byte & 127
    shift = 7
    while byte & 128:
        if shift > 21:  # noqa: PLR2004 (a fifth byte)
            raise Malformed("a length has more than four bytes")
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        shift += 7
    return value, at + 1
