"""Receipts: what a gateway may forget, because it is committed or finally refused."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from devices.messages import Device, Reason, Rejection, Seq
from devices.wire import WireError

CHUNK_MAX_BYTES = 18_000  # some brokers refuse payloads over 20 kB

Range = tuple[Seq, Seq]


class Receipt(Struct, frozen=True, kw_only=True):
    """Committed sequence numbers by device as closed ranges, and final rejections."""

    committed: dict[Device, list[Range]] = {}
    rejected: list[Rejection] = []


def ranges(seqs: Iterable[int]) -> list[Range]:
    """Exactly these numbers, as ascending closed ranges: {1, 2, 3, 7} is [(1, 3), (7, 7)]."""
    found: list[Range] = []
    for seq in sorted(set(seqs)):
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def receipt(
    committed: Mapping[str, Iterable[int]], rejected: Iterable[Rejection] = ()
) -> list[bytes]:
    """Payloads for one gateway, none over CHUNK_MAX_BYTES; none at all where nothing was named.

    A rejection whose device or seq could not be read says nothing to a gateway and is left out.
    """
    said = [(device, span) for device, seqs in committed.items() for span in ranges(seqs)]
    refused = [it for it in rejected if it.device and it.seq is not None]
    return _chunks([*said, *refused])


def decode_receipt(payload: bytes) -> Receipt:
    """Read a receipt as a gateway hears it; raises WireError."""
    try:
        return msgspec.json.decode(payload, type=Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError(Reason.BAD_SHAPE) from None


def _chunks(pieces: Sequence[tuple[str, Range] | Rejection]) -> list[bytes]:
    """Halved until each half fits."""
    if not pieces:
        return []
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
