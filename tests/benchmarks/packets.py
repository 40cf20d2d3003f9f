"""MQTT 3.1.1 by hand: whole blocks of PUBLISH packets laid out as numbers, and what comes back.

A load generator that shares two cores with what it measures has to cost next to nothing. So all
messages have one length, a block of them is one array of bytes, and only what differs is written
into its columns: ids, sequence numbers, times and places.
"""

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from devices.topics import ROOT
from tests.benchmarks.country import Homes, device_name, gateway_name, leaves_at

CONNACK_ACCEPTED = b"\x20\x02\x00\x00"
PUBACK, PUBLISH = 0x40, 0x30
FIRST_SEQ = 1_000_000  # so that every number has seven digits; a run's first one only knocks
KINDS = 97  # of accuracy, speed and the like
STEP_S = 6  # between the fixes of one message
SEQ, TIME, PID = "\x01" * 7, "\x02" * 24, "\x05" * 2
LAT, LON = "\x03\x03." + "\x03" * 7, "\x04\x04\x04." + "\x04" * 7

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


def connect(client_id: str, password: str) -> bytes:
    """A clean session of an account that has the client's name, without keep-alive."""
    fields = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(
        map(_text, (client_id, client_id, password))
    )
    return b"\x10" + length(len(fields)) + fields


def subscribe(topic: str) -> bytes:
    """One subscription with QoS 1."""
    fields = b"\x00\x01" + _text(topic) + b"\x01"
    return b"\x82" + length(len(fields)) + fields


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def length(count: int) -> bytes:
    """MQTT's remaining length: seven bits a byte, the lowest first."""
    found = b""
    while count > 127:
        found += bytes([count % 128 | 128])
        count //= 128
    return found + bytes([count])


def packet(data: bytes, at: int) -> tuple[int, int]:
    """Where the body of the packet at `at` starts and ends; (0, 0) while it is not whole."""
    size = shift = 0
    for body in range(at + 1, min(at + 5, len(data))):
        size |= (data[body] & 127) << shift
        shift += 7
        if data[body] < 128:
            end = body + 1 + size
            return (body + 1, end) if end <= len(data) else (0, 0)
    return 0, 0


@dataclass(frozen=True)
class _Place:
    """Columns of one value in a packet."""

    start: int
    digits: tuple[int, ...]

    def write(self, block: Bytes, numbers: Numbers) -> None:
        rest = numbers.astype(np.uint32)
        for column in reversed(self.digits):
            rest, digit = np.divmod(rest, np.uint32(10))
            block[:, column] = digit + 48


class Messages:
    """Blocks of messages of the whole fleet: every gateway's next `burst` devices, in turn."""

    def __init__(self, homes: Homes, burst: int, fixes: int, first: int) -> None:
        self._homes, self._burst, self.fixes, self._first = homes, burst, fixes, first
        self._kinds = np.array([self._kind(number) for number in range(KINDS)])
        text = self._kinds[0].tobytes().decode("latin-1")
        self.length = len(text)
        self._pid = text.index(PID)
        self._seq, self._lat, self._lon = (_places(text, it) for it in (SEQ, LAT, LON))
        self._times = _places(text, TIME)
        self._device = _digits(text, text.index("/br-") + 4, 7)
        self._gateway = _digits(text, text.index("/gw-") + 4, 3)
        dice = np.random.default_rng(1)
        self._drift = np.rint(dice.normal(0, 1000, (4096, 2))).astype(np.int64)
        self._rows = np.arange(homes.gateways * burst)

    def _kind(self, number: int) -> Bytes:
        """One of the ways a message can look, with marks where the numbers go."""
        body = ", ".join([_fix(number)] * self.fixes)
        payload = f"[{body}]" if self.fixes > 1 else body
        topic = f"{ROOT}/{gateway_name(0)}/{device_name(0)}/fix"
        variable = _text(topic) + PID.encode() + payload.encode()
        return np.frombuffer(b"\x32" + length(len(variable)) + variable, np.uint8)

    def block(self, turn: int) -> tuple[Bytes, Numbers]:
        """The messages of one turn, shape (gateways × burst, length), and whose they are."""
        homes, burst = self._homes, self._burst
        gateway, within = np.divmod(self._rows, burst)
        cycle, place = np.divmod(turn * burst + within, homes.share)
        devices = gateway * homes.share + place
        block = self._kinds[(devices * 7 + cycle) % KINDS]
        self._device.write(block, devices)
        self._gateway.write(block, gateway)
        left = cycle >= leaves_at(devices)
        for number in range(self.fixes):
            drift = self._drift[(devices * 31 + (cycle + number) * 7919) % 4096]
            lon = np.where(left, homes.beyond[devices], homes.lon[devices])
            self._seq[number].write(block, self._first + 1 + cycle * self.fixes + number)
            self._lat[number].write(block, homes.lat[devices] + drift[:, 0])
            self._lon[number].write(block, lon + drift[:, 1])
        pid = 1 + (turn * burst + within) % 65_535
        block[:, self._pid], block[:, self._pid + 1] = pid >> 8, pid & 255
        return block, devices

    def knock(self, now: float) -> Bytes:
        """A message of the first device, before all others; shape (1, length)."""
        first = self.block(0)[0][:1]
        for number, place in enumerate(self._seq):
            place.write(first, np.array([self._first - self.fixes + 1 + number]))
        self.stamp(first, now)
        return first

    def stamp(self, block: Bytes, now: float) -> None:
        """Write the moment of publishing; of several fixes the last has it."""
        last = datetime.fromtimestamp(now, UTC)
        for number, place in enumerate(self._times):
            at = last - timedelta(seconds=STEP_S * (self.fixes - 1 - number))
            said = at.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
            block[:, place.start : place.start + len(said)] = np.frombuffer(said, np.uint8)


def _fix(number: int) -> str:
    """A fix as JSON: mostly of satellites, some coarser than a zone's margin."""
    source = "lbs" if number % 50 == 49 else "wifi" if number % 10 == 9 else "gnss"
    widest = {"gnss": 250, "wifi": 900, "lbs": 9_900}[source]
    said = {
        "accuracy_m": f"{widest * (number + 10) // (KINDS + 10) / 10:.1f}".rjust(5),
        "source": json.dumps(source).rjust(6),
        "speed_mps": f"{number % 15 / 10:.2f}",
        "heading_deg": f"{number * 36 % 3600 / 10:.1f}".rjust(5),
        "battery": f"{0.30 + number % 70 / 100:.3f}",
        "strap": '"closed"',
        "worn": "true",
    }
    where = f'"seq": {SEQ}, "time": "{TIME}", "lat": {LAT}, "lon": {LON}, "crs": "wgs84"'
    return "{" + where + "".join(f', "{key}": {value}' for key, value in said.items()) + "}"


def _places(text: str, mark: str) -> list[_Place]:
    """Everywhere a mark stands."""
    found, at = [], text.find(mark)
    while at >= 0:
        found.append(_digits(text, at, len(mark)))
        at = text.find(mark, at + len(mark))
    return found


def _digits(text: str, start: int, width: int) -> _Place:
    return _Place(start, tuple(it for it in range(start, start + width) if text[it] != "."))
