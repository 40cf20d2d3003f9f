"""A country's gateways in one process: publish at a rate or flat out, and read every receipt.

    python -m tests.benchmarks.fleet HOMES.npz --port 1883 --rate 12000 --seconds 60

Until the first receipt it knocks with one fix, as a gateway would. Then it prints a line of JSON
when the measured time begins, one at each minute of it and one at its end, and a last one when
every fix has its receipt, or no more come. Without a rate it keeps a window of fixes without
receipt; with `--no-receipts` it goes by the broker's acknowledgements and begins at a line on
standard input.
"""

import argparse
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from devices.receipts import Receipt
from devices.topics import receipt
from tests.benchmarks.country import SECRET, Homes, gateway_name
from tests.benchmarks.packets import (
    CONNACK_ACCEPTED,
    FIRST_SEQ,
    PUBACK,
    PUBLISH,
    Bytes,
    Messages,
    Numbers,
    connect,
    packet,
    subscribe,
)

KNOCK_S = 0.5
MINUTE_S = 60.0
LISTEN_S = 0.005
PATIENCE_S = 60.0  # without any receipt, then the rest is lost
BUCKETS = 60_000  # of one millisecond
RECEIVE_BYTES = 1 << 18
read_receipt = msgspec.json.Decoder(Receipt).decode


@dataclass
class Tally:
    """What was sent and what came back."""

    published_at: "np.ndarray[Any, np.dtype[np.float64]]"  # by device, its newest message
    first: int  # below are other runs, and this is the number of a knock
    knocks: int = 0
    sent: int = 0  # fixes
    acknowledged: int = 0  # messages, by the broker
    receipted: int = 0  # fixes
    rejected: int = 0
    receipts: int = 0
    delays: "np.ndarray[Any, np.dtype[np.int64]]" = field(
        default_factory=lambda: np.zeros(BUCKETS, np.int64)
    )

    def percentiles(self) -> dict[str, int]:
        """Milliseconds from publish to receipt, since the last time this was asked."""
        total = np.cumsum(self.delays)
        shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
        found = {k: int(np.searchsorted(total, share * total[-1])) for k, share in shares.items()}
        self.delays[:] = 0
        return found


class Gateway:
    """One connection."""

    def __init__(self, port: int, name: str, tally: Tally, *, receipts: bool) -> None:
        self._tally, self._rest = tally, b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(connect(name, SECRET))
        if self.socket.recv(4) != CONNACK_ACCEPTED:
            sys.exit(f"the broker refused {name}")
        if receipts:
            self.socket.sendall(subscribe(receipt(name)))

    def send(self, packets: Bytes) -> None:
        """Publish whole packets."""
        self.socket.sendall(packets.data)

    def hear(self) -> None:
        """Count what came."""
        try:
            data = self._rest + self.socket.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        whole = len(data) // 4
        if data[: 4 * whole : 4] + data[1 : 4 * whole : 4] == b"\x40" * whole + b"\x02" * whole:
            self._tally.acknowledged += whole  # mostly there are nothing but PUBACKs
            self._rest = data[4 * whole :]
            return
        at, acks = 0, b""
        while at + 4 <= len(data):
            if data[at] == PUBACK:
                self._tally.acknowledged += 1
                at += 4
                continue
            start, end = packet(data, at)
            if not end:
                break
            if data[at] & 0xF0 == PUBLISH:
                acks += self._read(data[at], data[start:end])
            at = end
        self._rest = data[at:]
        if acks:
            self.socket.sendall(acks)

    def _read(self, first: int, body: bytes) -> bytes:
        """Count a receipt; its PUBACK."""
        at = 2 + int.from_bytes(body[:2], "big")
        pid = body[at : at + 2] if first & 6 else b""
        said, tally = read_receipt(body[at + len(pid) :]), self._tally
        known = [
            (int(name[3:]), max(low, tally.first + 1), high)
            for name, spans in said.committed.items()
            for low, high in spans
            if high > tally.first
        ]
        tally.receipts += 1
        tally.rejected += len(said.rejected)
        tally.receipted += sum(high - low + 1 for _, low, high in known)
        delays = time.time() - tally.published_at[[device for device, _, _ in known]]
        np.add.at(tally.delays, np.minimum(delays * 1000, BUCKETS - 1).astype(np.int64), 1)
        return b"\x40\x02" + pid if pid else b""


class Fleet:
    """All gateways, and what they have to say."""

    def __init__(self, homes: Homes, options: argparse.Namespace) -> None:
        self._options = options
        self.tally = Tally(np.zeros(homes.devices), options.first)
        self._messages = Messages(homes, options.burst, options.fixes, options.first)
        heard = not options.no_receipts
        self._gateways = [
            Gateway(options.port, gateway_name(number), self.tally, receipts=heard)
            for number in range(homes.gateways)
        ]
        self._by_fd = {it.socket.fileno(): it for it in self._gateways}
        self._poll = select.epoll()
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)
        self._turn = 0
        self._ready: list[tuple[Gateway, Bytes, Numbers]] = []

    def listen(self, seconds: float) -> None:
        """Hear whoever speaks within this time."""
        for fd, _ in self._poll.poll(max(seconds, 0)):
            self._by_fd[fd].hear()

    def burst(self) -> int:
        """One gateway's next messages; how many fixes that are."""
        if not self._ready:
            block, devices = self._messages.block(self._turn)
            step = self._options.burst
            self._ready = [
                (it, block[at : at + step], devices[at : at + step])
                for at, it in zip(range(0, len(block), step), self._gateways, strict=True)
            ][::-1]
            self._turn += 1
        gateway, packets, devices = self._ready.pop()
        now = time.time()
        self._messages.stamp(packets, now)
        self.tally.published_at[devices] = now
        gateway.send(packets)
        self.tally.sent += len(packets) * self._messages.fixes
        return len(packets) * self._messages.fixes

    def knock(self) -> None:
        """Publish one fix again and again until someone listens."""
        while not self._begun():
            self._gateways[0].send(self._messages.knock(time.time()))
            self.tally.knocks += self._messages.fixes
            deadline = time.monotonic() + KNOCK_S
            while time.monotonic() < deadline and not self._begun():
                self.listen(0.02)
        self.tally.acknowledged = 0

    def _begun(self) -> bool:
        if self._options.no_receipts:
            return bool(select.select([sys.stdin], [], [], 0)[0])
        return self.tally.receipts > 0

    def run(self, until: float) -> None:
        """Publish until this moment, at the rate or as fast as the window lets.

        The broker acknowledges message by message, and to hear each of them at once would cost
        more than to send it: so all are heard together, every LISTEN_S.
        """
        rate, due, heard = self._options.rate, time.monotonic(), 0.0
        while (now := time.monotonic()) < until:
            if now - heard >= LISTEN_S:
                heard = now
                self.listen(0)
            if due > now or (not rate and self.waiting() >= self._options.window):
                time.sleep(min(due - now, LISTEN_S) if due > now else LISTEN_S)
            else:
                count = self.burst()
                due += count / rate if rate else 0.0

    def waiting(self) -> int:
        """Fixes that nobody has confirmed."""
        if self._options.no_receipts:
            return self.tally.sent - self.tally.acknowledged * self._messages.fixes
        return self.tally.sent - self.tally.receipted - self.tally.rejected

    def drain(self) -> None:
        """Wait for the last confirmation, or until none has come for a long time."""
        before, deadline = self.waiting(), time.monotonic() + PATIENCE_S
        while self.waiting() > 0 and time.monotonic() < deadline:
            self.listen(0.05)
            if self.waiting() < before:
                before, deadline = self.waiting(), time.monotonic() + PATIENCE_S

    def say(self, stage: str) -> None:
        """Print where we are."""
        tally = self.tally
        said = {
            "stage": stage,
            "at": time.time(),
            "knocks": tally.knocks,
            "sent": tally.sent,
            "acknowledged": tally.acknowledged,
            "receipted": tally.receipted,
            "rejected": tally.rejected,
            "receipts": tally.receipts,
            "message_bytes": self._messages.length,
            **tally.percentiles(),
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("homes", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="fixes a second; 0: flat out")
    parser.add_argument("--warm", type=float, default=5.0, help="seconds before measuring")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--fixes", type=int, default=1, help="in one message")
    parser.add_argument("--burst", type=int, default=20, help="messages of a gateway at once")
    parser.add_argument("--first", type=int, default=FIRST_SEQ, help="number to count from")
    parser.add_argument("--window", type=int, default=20_000, help="fixes without receipt")
    parser.add_argument("--no-receipts", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run all stages."""
    options = _options()
    fleet = Fleet(Homes.load(options.homes), options)
    fleet.knock()
    fleet.run(time.monotonic() + options.warm)
    fleet.say("begin")
    end = time.monotonic() + options.seconds
    while (left := end - time.monotonic()) > 0:
        fleet.run(time.monotonic() + min(left, MINUTE_S))
        fleet.say("end" if end - time.monotonic() <= 0 else "minute")
    fleet.drain()
    fleet.say("drained")


if __name__ == "__main__":
    main()
