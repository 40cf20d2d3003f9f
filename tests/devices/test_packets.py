"""Our reading of PUBLISH, held against paho's."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt._packet import decode_publish
from paho.mqtt.enums import MQTTProtocolVersion

from devices import packets
from devices.link import Inbound

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
PINGRESP = b"\xd0\x00"
LENGTHS = st.sampled_from([0, 1, 100, 127, 128, 300, 16_383, 16_384, 70_000])
EXPIRY = b"\x05\x02\x00\x00\x00\x3c"  # the property Message Expiry Interval, and its length


def number(value: int) -> bytes:
    head, rest = value % 128, value // 128
    return bytes([head | 128]) + number(rest) if rest else bytes([head])


@st.composite
def published(draw: st.DrawFn, *, five: bool) -> bytes:
    qos = draw(st.integers(0, 1))
    flags = draw(st.sampled_from([0, 1, 8, 9])) | qos << 1
    topic = draw(st.text(min_size=1, max_size=200)).encode("utf-8", "replace")
    packet_id = draw(st.integers(1, 65_535)).to_bytes(2) if qos else b""
    properties = draw(st.sampled_from([b"\x00", EXPIRY])) if five else b""
    payload = draw(st.binary(max_size=20)) + bytes(draw(LENGTHS))
    body = len(topic).to_bytes(2) + topic + packet_id + properties + payload
    return bytes([0x30 | flags]) + number(len(body)) + body


def as_paho_reads(packet: bytes, *, five: bool) -> tuple[Inbound, int]:
    body, _ = packets.span(packet, 0)
    version = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
    read = decode_publish(packet[0], bytearray(packet[body:]), version)
    payload = bytes(read.payload)
    return Inbound(read.topic.decode(), payload, read.retain, NOW, read.qos), read.mid


@given(st.data(), st.booleans())
def test_a_publish_reads_as_paho_reads_it(data: st.DataObject, five: bool) -> None:  # noqa: FBT001
    sent = data.draw(st.lists(published(five=five), max_size=4))
    stream = b"".join(sent)
    messages, ids, end = packets.publishes(stream + PINGRESP, 0, NOW, five=five)
    expected = [as_paho_reads(packet, five=five) for packet in sent]
    assert list(zip(messages, ids, strict=True)) == expected
    assert end == len(stream)


@given(st.data(), st.booleans())
def test_an_incomplete_packet_waits_for_its_rest(data: st.DataObject, five: bool) -> None:  # noqa: FBT001
    whole, torn = data.draw(published(five=five)), data.draw(published(five=five))
    cut = data.draw(st.integers(0, len(torn) - 1))
    messages, _, end = packets.publishes(whole + torn[:cut], 0, NOW, five=five)
    assert (len(messages), end) == (1, len(whole))


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(noise: bytes, five: bool) -> None:  # noqa: FBT001
    try:
        messages, ids, end = packets.publishes(noise, 0, NOW, five=five)
    except packets.Malformed:
        return
    assert len(messages) == len(ids)
    assert 0 <= end <= len(noise)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x30\x00",  # no topic
        b"\x30\x04\x00\x09ab",  # a topic longer than its packet
        b"\x32\x05\x00\x01a\x00\x00",  # QoS 1 with the id 0
        b"\x32\x03\x00\x01a",  # QoS 1 without an id
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
    ],
)
def test_a_broken_publish_is_no_mqtt(packet: bytes) -> None:
    with pytest.raises(packets.Malformed):
        packets.publishes(packet, 0, NOW, five=False)


def test_a_topic_that_is_not_utf_8_is_empty() -> None:
    messages, _, _ = packets.publishes(b"\x30\x05\x00\x02\xff\xfe!", 0, NOW, five=False)
    assert [(it.topic, it.payload) for it in messages] == [("", b"!")]


def test_acknowledgements_are_written_in_order_and_only_where_wanted() -> None:
    assert packets.pubacks([1, 0, 65_535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
