"""Receipts: what a gateway may forget, because it is committed or finally refused."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Struct

from devices import topics
from devices.link import Outbound
from devices.messages import Device, Reason, Rejection, Seq
from devices.wire import WireError

CHUNK_MAX_BYTES = 18_000  # some brokers refuse payloads over 20 kB
GATHERED_MAX = 500  # readings of one gateway, then it is told without delay
WAIT_MAX = timedelta(seconds=1)

Range = tuple[Seq, Seq]


class Receipt(Struct, frozen=True, kw_only=True):
    """Committed sequence numbers by device as closed ranges, and final rejections."""

    committed: dict[Device, list[Range]] = {}
    rejected: list[Rejection] = []


class Stored(NamedTuple):
    """Numbers of one device that are stored, from the first to the last, and who is to be told."""

    gateway: str
    device: str
    first: int
    last: int


def united(spans: Iterable[Range]) -> list[Range]:
    """Exactly these numbers, as few ascending ranges: {(7, 7), (2, 3), (1, 1)} is [(1, 3), (7, 7)].

    Ranges are closed and may overlap.
    """
    ascending = sorted(spans)
    if len(ascending) == 1:  # the rule, where many devices speak through one gateway
        return ascending
    found: list[Range] = []
    for first, last in ascending:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def receipt(
    committed: Mapping[str, Iterable[Range]], rejected: Iterable[Rejection] = ()
) -> list[bytes]:
    """Payloads for one gateway, none over CHUNK_MAX_BYTES; none at all where nothing was named.

    A rejection whose device or seq could not be read says nothing to a gateway and is left out.
    """
    spans = {device: found for device, its in committed.items() if (found := united(its))}
    refused = [it for it in rejected if it.device and it.seq is not None]
    if not spans and not refused:
        return []
    whole = msgspec.json.encode(Receipt(committed=spans, rejected=refused))
    if len(whole) <= CHUNK_MAX_BYTES:
        return [whole]
    pieces = [(device, span) for device, found in spans.items() for span in found]
    return _chunks([*pieces, *refused])


def decode_receipt(payload: bytes) -> Receipt:
    """Read a receipt as a gateway hears it; raises WireError, also where a range runs backwards."""
    try:
        heard = msgspec.json.decode(payload, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError(Reason.BAD_SHAPE) from None
    if any(first > last for spans in heard.committed.values() for first, last in spans):
        raise WireError(Reason.BAD_SHAPE)
    return heard


class _Pending:
    """What one gateway is still to be told."""

    __slots__ = ("committed", "count", "rejected")

    def __init__(self) -> None:
        self.committed: dict[str, list[Range]] = {}
        self.rejected: list[Rejection] = []
        self.count = 0


class Receipts:
    """Gathers what is settled by gateway, so that a receipt names hundreds of readings, not one.

    Add only what is committed. Ask for `due` several times a second: it is what bounds the memory,
    to the readings of about one `wait_max`.
    """

    def __init__(self, *, gathered_max: int = GATHERED_MAX, wait_max: timedelta = WAIT_MAX) -> None:
        self._gathered_max, self._wait_max = gathered_max, wait_max
        self._pending: dict[str, _Pending] = {}
        self._unseen: list[str] = []  # gateways that gathered nothing yet when `due` was last asked
        self._oldest: deque[tuple[datetime, str, _Pending]] = deque()
        self._full: list[str] = []

    def add_stored(self, stored: Iterable[Stored]) -> None:
        """These are committed. Written out, for it runs on each."""
        for gateway, device, first, last in stored:
            pending = self._pending.get(gateway) or self._begin(gateway)
            if (spans := pending.committed.get(device)) is None:
                pending.committed[device] = [(first, last)]
            else:
                spans.append((first, last))
            before = pending.count
            pending.count += last - first + 1
            if before < self._gathered_max <= pending.count:
                self._full.append(gateway)

    def add_rejected(self, gateway: str, rejection: Rejection) -> None:
        """This reading will never be stored."""
        pending = self._pending.get(gateway) or self._begin(gateway)
        pending.rejected.append(rejection)
        pending.count += 1
        if pending.count == self._gathered_max:
            self._full.append(gateway)

    def due(self, now: datetime) -> list[Outbound]:
        """The receipts of gateways with enough to hear, or that have waited long enough.

        A gateway's wait begins with the first call after its first reading was added.
        """
        told = [reply for gateway in self._full for reply in self._told(gateway)]
        self._full = []
        for gateway in self._unseen:
            if gateway in self._pending:
                self._oldest.append((now, gateway, self._pending[gateway]))
        self._unseen = []
        while self._oldest and self._oldest[0][0] + self._wait_max <= now:
            _, gateway, waiting = self._oldest.popleft()
            if self._pending.get(gateway) is waiting:  # else it was full, and has been told
                told += self._told(gateway)
        return told

    def everything(self) -> list[Outbound]:
        """All that was added and not told yet."""
        told = [reply for gateway in list(self._pending) for reply in self._told(gateway)]
        self._unseen, self._full = [], []
        self._oldest.clear()
        return told

    def _begin(self, gateway: str) -> _Pending:
        self._unseen.append(gateway)
        self._pending[gateway] = begun = _Pending()
        return begun

    def _told(self, gateway: str) -> Iterator[Outbound]:
        pending = self._pending.pop(gateway)
        for payload in receipt(pending.committed, pending.rejected):
            yield Outbound(topics.receipt(gateway), payload)


def _chunks(pieces: Sequence[tuple[str, Range] | Rejection]) -> list[bytes]:
    """Halved until each half fits."""
    committed: dict[str, list[Range]] = {}
    rejected: list[Rejection] = []
    for piece in pieces:
        if isinstance(piece, Rejection):
            rejected.append(piece)
        else:
            committed.setdefault(piece[0], []).append(piece[1])
    payload = msgspec.json.encode(Receipt(committed=committed, rejected=rejected))
    if len(payload) <= CHUNK_MAX_BYTES or len(pieces) == 1:
        return [payload]
    middle = len(pieces) // 2
    return _chunks(pieces[:middle]) + _chunks(pieces[middle:])
