"""Pack the fixes of one device and one UTC day: column by column, byte plane by byte plane.

Each column becomes small whole numbers: distances to the fix before, or to the smallest, divided
by what all of them have in common. They are cut into planes, all highest bytes first. Noise lives
in the lowest plane; the others nearly vanish. Every 64-bit number comes back as it was.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

CODEC = "planes-1"
NULL = int(np.iinfo(np.int64).min)  # "not said", in columns that may lack a value

Numbers = NDArray[np.int64]
Columns = Mapping[str, Numbers]

OPTIONAL = ("accuracy_m", "speed_mps", "heading_deg", "battery")
WORDS = ("source", "crs", "strap_open", "worn")  # 0 to 2, or NULL: two bits each
NAMES = ("time", "seq", "received", "lat", "lon", *OPTIONAL, *WORDS)

_STORED = (*NAMES[:5], *OPTIONAL, "flags")
_STEADY = frozenset({"time", "seq", "lat", "lon", "battery"})  # near the value before
_BARE = -15  # zlib's window bits for a stream without header and checksum
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY)
_UNSAID = 3  # two bits of a word that is NULL
_PLANES_MAX = 8

_Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class PackingError(ValueError):
    """No packed day that this version reads, or fixes that cannot be packed."""


class _Packed(Struct, array_like=True, forbid_unknown_fields=True):
    """A column: `base`, plus `step` times whole numbers in planes; a short plane is deflated."""

    base: _Int64
    step: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    planes: Annotated[list[bytes], Meta(max_length=_PLANES_MAX)]


class _Day(Struct, array_like=True, forbid_unknown_fields=True):
    fixes: Annotated[int, Meta(ge=0, le=2**26)]
    columns: Annotated[list[_Packed], Meta(min_length=len(_STORED), max_length=len(_STORED))]


def pack(columns: Columns) -> bytes:
    """Pack equally long columns of 64-bit numbers, named NAMES, in the order they stand in.

    `time` and `received` count microseconds since 1970 UTC, the others steps of `models.grid` or
    places in a list of words. `PackingError` for a word beyond 2.
    """
    said = {name: columns[name] != NULL for name in OPTIONAL}
    stored = {name: columns[name] for name in NAMES[:5]}
    stored["received"] = columns["received"] - columns["time"]
    stored |= {name: columns[name][said[name]] for name in OPTIONAL}
    stored["flags"] = _flags(columns, said)
    packed = [_packed(stored[name], steady=name in _STEADY) for name in _STORED]
    return msgspec.msgpack.encode(_Day(len(columns["time"]), packed))


def unpack(codec: str, data: bytes) -> dict[str, Numbers]:
    """Return the columns as they were packed; `PackingError` for what is no packed day."""
    if codec != CODEC:
        raise PackingError(f"packing {codec!r} is not known; this version reads {CODEC!r}")
    try:
        day = msgspec.msgpack.decode(data, type=_Day)
        return _columns(day)
    except (msgspec.MsgspecError, zlib.error, ValueError) as error:
        raise PackingError(f"not a packed day: {error}") from error


def united(parts: Sequence[Columns]) -> dict[str, Numbers]:
    """Put the fixes of one device together, by (time, seq); of one identity the first stays."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((whole["seq"], whole["time"]))
    time, seq = whole["time"][order], whole["seq"][order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(time) != 0) | (np.diff(seq) != 0)
    return {name: column[order[new]] for name, column in whole.items()}


def nothing() -> dict[str, Numbers]:
    """The columns of no fix."""
    return {name: np.empty(0, np.int64) for name in NAMES}


def _flags(columns: Columns, said: Mapping[str, NDArray[np.bool_]]) -> Numbers:
    flags = np.zeros(len(columns["time"]), np.int64)
    for name in WORDS:
        unsaid = columns[name] == NULL
        if not (unsaid | (columns[name] >= 0) & (columns[name] < _UNSAID)).all():
            raise PackingError(f"{name} has a word that two bits cannot hold")
        flags = flags << 2 | np.where(unsaid, _UNSAID, columns[name])
    for name in OPTIONAL:
        flags = flags << 1 | said[name]
    return flags


def _packed(values: Numbers, *, steady: bool) -> _Packed:
    if not len(values):
        return _Packed(0, 1, [])
    base = values[0] if steady else values.min()
    far = np.diff(values, prepend=base) if steady else values - base  # modulo 2**64
    step = int(np.gcd.reduce(np.abs(far).view(np.uint64))) if steady else _common(far)
    step = step if 0 < step < 2**63 else 1
    if steady:
        far //= step
        whole = (far << 1 ^ far >> 63).view(np.uint64)  # 0, -1, 1, -2 … become 0, 1, 2, 3 …
    else:
        whole = far.view(np.uint64) // np.uint64(step)
    return _Packed(int(base), step, [_shortest(plane) for plane in _planes(whole)])


def _common(far: Numbers) -> int:
    return int(np.gcd.reduce(far.view(np.uint64)))


def _planes(whole: NDArray[np.uint64]) -> list[bytes]:
    width = (int(whole.max()).bit_length() + 7) // 8
    laid = whole.astype(">u8").view(np.uint8).reshape(-1, _PLANES_MAX)
    return [laid[:, place].tobytes() for place in range(_PLANES_MAX - width, _PLANES_MAX)]


def _shortest(plane: bytes) -> bytes:
    return min((plane, *(_deflated(plane, strategy) for strategy in _STRATEGIES)), key=len)


def _deflated(plane: bytes, strategy: int) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, _BARE, 9, strategy)
    return stream.compress(plane) + stream.flush()


def _columns(day: _Day) -> dict[str, Numbers]:
    packed = dict(zip(_STORED, day.columns, strict=True))
    flags = _values(packed["flags"], day.fixes, steady=False)
    found = {name: _values(packed[name], day.fixes, steady=name in _STEADY) for name in NAMES[:5]}
    found["received"] += found["time"]
    for place, name in enumerate(reversed(OPTIONAL)):
        said = (flags >> place & 1).astype(bool)
        values = _values(packed[name], int(said.sum()), steady=name in _STEADY)
        found[name] = np.full(day.fixes, NULL)
        found[name][said] = values
    for place, name in enumerate(reversed(WORDS)):
        words = flags >> (len(OPTIONAL) + 2 * place) & _UNSAID
        found[name] = np.where(words == _UNSAID, NULL, words)
    return {name: found[name] for name in NAMES}


def _values(packed: _Packed, count: int, *, steady: bool) -> Numbers:
    whole = np.zeros(count, np.uint64)
    for plane in packed.planes:
        whole = whole << np.uint64(8) | np.frombuffer(_inflated(plane, count), np.uint8)
    if not steady:
        return (whole * np.uint64(packed.step)).view(np.int64) + packed.base
    far = (whole >> np.uint64(1)).view(np.int64) ^ -(whole & np.uint64(1)).view(np.int64)
    return np.cumsum(far * packed.step) + packed.base


def _inflated(plane: bytes, count: int) -> bytes:
    if len(plane) == count:
        return plane
    stream = zlib.decompressobj(_BARE)
    inflated = stream.decompress(plane, count + 1)
    if len(inflated) != count:
        raise ValueError(f"a plane of {count} bytes has another length")
    return inflated
