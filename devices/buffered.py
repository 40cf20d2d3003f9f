"""A socket that paho reads from memory: a system call for hundreds of packets, not three for each.

What paho and we send gathers until `flush`, so a batch's acknowledgements leave as one.
"""

import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from paho.mqtt.client import Client

from devices import packets
from devices.link import Inbound

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

READ_BYTES = 131_072
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Burst(NamedTuple):
    """Messages that one look at the socket found, with what their acknowledgement needs."""

    came_by: "BufferedSocket"
    messages: list[Inbound]
    ids: list[int]  # of packets; they mean nothing on another connection
    size_bytes: int


class BufferedSocket:
    """A connected, non-blocking socket between two buffers; it belongs to one thread.

    Whoever sends must send whole packets: then paho's and ours never mix.
    """

    def __init__(self, sock: "SocketLike") -> None:
        self._sock = sock
        self._read, self._at = b"", 0
        self._lent = 0  # where paho must stop reading
        self._unsent = bytearray()
        self.more = False  # the last look left something behind, of which select may not know
        self.ended = False  # closed by us or by the other end, or broken
        self.heard_at = self.sent_at = time.monotonic()

    @property
    def unsent(self) -> bool:
        """Whether anything waits for `flush`."""
        return bool(self._unsent)

    def fileno(self) -> int:
        """For select, as paho and we use it."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 (the signature of sockets)
        """As paho asks of it, once, before the first packet."""
        self._sock.setblocking(flag)

    def recv(self, size: int) -> bytes:
        """What paho reads, from the packet lent to it; b"" once the connection has ended."""
        if self.ended:
            return b""
        found = self._read[self._at : min(self._at + size, self._lent)]
        if not found:
            raise BlockingIOError
        self._at += len(found)
        return found

    def send(self, data: bytes | bytearray) -> int:
        """Take it all; it leaves with `flush`."""
        self._unsent += data
        return len(data)

    def close(self) -> None:
        """Send what the system takes at once, and close."""
        self.flush()
        self.ended = True
        self._sock.close()

    def fill(self) -> None:
        """Take what the system has received, up to READ_BYTES or the rest of a longer packet."""
        chunks = [self._read[self._at :]]
        wanted = max(READ_BYTES, packets.span(chunks[0], 0)[1] - len(chunks[0]))
        while wanted > 0 and (chunk := self._receive(wanted)):
            chunks.append(chunk)
            wanted -= len(chunk)
        self.more = wanted <= 0
        if len(chunks) > 1:
            self.heard_at = time.monotonic()
        self._read, self._at, self._lent = b"".join(chunks), 0, 0

    def flush(self) -> None:
        """Send what gathered, as far as the system takes it now."""
        if not self._unsent or self.ended:
            return
        try:
            del self._unsent[: self._sock.send(self._unsent)]
            self.sent_at = time.monotonic()
        except NOT_NOW:
            return
        except OSError:
            self.ended = True

    def take_publishes(self, *, five: bool) -> Burst:
        """The messages at the front of what was received; paho never sees them.

        It may read the one packet behind them and no further: it takes as many packets at once
        as it has messages under way, whatever it is asked. Raises packets.Malformed.
        """
        start, now = self._at, datetime.now(UTC)
        messages, ids, self._at = packets.publishes(self._read, start, now, five=five)
        end = packets.span(self._read, self._at)[1]
        self._lent = end if end <= len(self._read) else 0
        return Burst(self, messages, ids, self._at - start)

    def holds_packet(self) -> bool:
        """Whether a whole packet is there for paho."""
        return self._lent > self._at

    def _receive(self, size: int) -> bytes:
        try:
            received = self._sock.recv(size)
        except NOT_NOW:
            return b""
        except OSError:
            received = b""
        self.ended = self.ended or not received
        return received


class BufferedClient(Client):
    """paho's client on buffered sockets: whoever drives its loop must fill and flush them."""

    def _create_socket(self) -> "SocketLike":
        return BufferedSocket(super()._create_socket())

    def buffered(self) -> BufferedSocket | None:
        """The socket of the connection that stands, if one does."""
        sock = self.socket()
        return sock if isinstance(sock, BufferedSocket) else None
