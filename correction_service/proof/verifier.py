"""Check a pack of evidence: `python verify.py PACK.zip [--key HEX]`. Python 3.11, nothing else.

Every file is compared with the manifest (SHA-256 and SM3), the manifest and the log's head with
their signature (Ed25519, RFC 8032), every record with the head (RFC 6962), every packed day with
its record, and every fix with its packed day. Give the public key that the service has published:
without it, this says only who signed, not that it was the service.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

MANIFEST, SIGNATURE, HEAD = "manifest.json", "manifest.sig.json", "head.json"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - read by older Pythons too
FIX_COLUMNS = ("device", "time", "seq", "received", "lat", "lon", "accuracy_m", "source", "packed")
SOURCES = ("gnss", "wifi", "lbs")
NULL = -(2**63)
Fault = str
Point = tuple[int, int, int, int]

# Ed25519 (RFC 8032): the curve, and points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
LENGTH, SIGNED = 32, 64


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(count: int, point: Point) -> Point:
    sum_: Point = (0, 1, 1, 0)
    while count:
        if count & 1:
            sum_ = _add(sum_, point)
        point, count = _add(point, point), count >> 1
    return sum_


def _point(text: bytes) -> Point | None:
    """Decompress (RFC 8032 §5.1.3); None where there is no such point."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


_BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(LENGTH, "little"))


def signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `key` on `message` (RFC 8032 §5.1.7)."""
    if len(key) != LENGTH or len(signature) != SIGNED or _BASE is None:
        return False
    public, half = _point(key), _point(signature[:LENGTH])
    scalar = int.from_bytes(signature[LENGTH:], "little")
    if public is None or half is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:LENGTH] + key + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    left, right = _times(scalar, _BASE), _add(half, _times(challenge, public))
    return not ((left[0] * right[2] - right[0] * left[2]) % P) and not (
        (left[1] * right[2] - right[1] * left[2]) % P
    )


# SM3 (GB/T 32905-2016), written out because not every Python has it.
_SM3 = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D)
_SM3_START = (*_SM3, 0xB0FB0E4E)
_WORD, _EARLY, _ROUNDS, _BLOCK = 0xFFFFFFFF, 16, 64, 64


def _turn(word: int, by: int) -> int:
    by %= 32
    return (word << by | word >> (32 - by)) & _WORD


def _mixed(word: int, one: int, other: int) -> int:
    return word ^ _turn(word, one) ^ _turn(word, other)


def sm3(data: bytes) -> bytes:
    """The SM3 digest of bytes."""
    bits = len(data) * 8
    data += b"\x80" + b"\0" * ((55 - len(data)) % _BLOCK) + bits.to_bytes(8, "big")
    state = _SM3_START
    for start in range(0, len(data), _BLOCK):
        mixed = _compressed(state, data[start : start + _BLOCK])
        state = tuple(one ^ other for one, other in zip(state, mixed, strict=True))  # type: ignore[assignment] # eight words
    return b"".join(word.to_bytes(4, "big") for word in state)


def _compressed(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    w = [int.from_bytes(block[at : at + 4], "big") for at in range(0, _BLOCK, 4)]
    for j in range(_EARLY, 68):
        fresh = _mixed(w[j - 16] ^ w[j - 9] ^ _turn(w[j - 3], 15), 15, 23)
        w.append(fresh ^ _turn(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(_ROUNDS):
        early = j < _EARLY
        salt = _turn(0x79CC4519 if early else 0x7A879D8A, j)
        ss1 = _turn((_turn(a, 12) + e + salt) & _WORD, 7)
        ff = a ^ b ^ c if early else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if early else (e & f) | (~e & g & _WORD)
        tt1 = (ff + d + (ss1 ^ _turn(a, 12)) + (w[j] ^ w[j + 4])) & _WORD
        tt2 = (gg + h + ss1 + w[j]) & _WORD
        a, b, c, d = tt1, a, _turn(b, 9), c
        e, f, g, h = _mixed(tt2, 9, 17), e, _turn(f, 19), g
    return a, b, c, d, e, f, g, h


# The log's tree (RFC 6962, RFC 9162).
def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from(leaf: bytes, position: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that a leaf and the hashes beside its way give (RFC 9162 §2.1.3.2)."""
    at, last, found = position, size - 1, leaf
    for beside in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = _node(beside, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, beside)
        at, last = at >> 1, last >> 1
    return found if last == 0 and position < size else None


def grew(old: tuple[int, bytes], new: tuple[int, bytes], path: list[bytes]) -> bool:
    """Whether the tree of `old` (size, root) is where that of `new` began (RFC 9162 §2.1.4.2)."""
    (size, root), (new_size, new_root) = old, new
    if size == new_size:
        return root == new_root and not path
    if not 0 < size < new_size or not path:
        return False
    path = [root, *path] if size & (size - 1) == 0 else path
    at, last = size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = path[0]
    for beside in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = _node(beside, was), _node(beside, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = _node(now, beside)
        at, last = at >> 1, last >> 1
    return (was, now, last) == (root, new_root, 0)


def head_text(head: dict[str, Any]) -> bytes:
    """The bytes of a head that are signed: all but the signature, as sorted JSON."""
    told = {name: value for name, value in head.items() if name != "signature"}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


# Packed days: msgpack of [fixes, [[base, step, [planes]], …]], see docs/proof.md.
def _msgpack(data: bytes, at: int) -> tuple[Any, int]:
    """One value and where the next begins: whole numbers, bytes and arrays."""
    kind = data[at]
    if kind < 0x80:  # noqa: PLR2004 - the format's own bytes, here and below
        return kind, at + 1
    if kind >= 0xE0:  # noqa: PLR2004
        return kind - 256, at + 1
    if 0x90 <= kind < 0xA0 or kind in {0xDC, 0xDD}:  # noqa: PLR2004
        wide = {0xDC: 2, 0xDD: 4}.get(kind, 0)
        count = int.from_bytes(data[at + 1 : at + 1 + wide], "big") if wide else kind & 15
        values, at = [], at + 1 + wide
        for _ in range(count):
            value, at = _msgpack(data, at)
            values.append(value)
        return values, at
    if 0xC4 <= kind <= 0xC6:  # noqa: PLR2004
        wide = 1 << (kind - 0xC4)
        begins = at + 1 + wide
        ends = begins + int.from_bytes(data[at + 1 : begins], "big")
        return data[begins:ends], ends
    if 0xCC <= kind <= 0xD3:  # noqa: PLR2004
        wide = 1 << (kind & 3)
        text = data[at + 1 : at + 1 + wide]
        return int.from_bytes(text, "big", signed=kind >= 0xD0), at + 1 + wide  # noqa: PLR2004
    raise ValueError(f"a byte {kind:#x} that no packed day has")


NAMED = ("time", "seq", "received", "lat", "lon")
STORED = (*NAMED, "accuracy_m", "speed_mps", "heading_deg", "battery", "flags")
STEADY = {"time", "seq", "lat", "lon", "battery"}


def _column(packed: list[Any], count: int, *, steady: bool) -> list[int]:
    base, step, planes = packed
    whole = [0] * count
    for plane in planes:
        plain = plane if len(plane) == count else zlib.decompress(plane, -15)
        whole = [value << 8 | byte for value, byte in zip(whole, plain, strict=True)]
    if not steady:
        return [_signed(value * step + base) for value in whole]
    values, last = [], base
    for value in whole:
        last = _signed(last + ((value >> 1) ^ -(value & 1)) * step)
        values.append(last)
    return values


def _signed(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def unpacked(data: bytes) -> list[dict[str, int]]:
    """The fixes of a packed day: time, seq, received, lat, lon, accuracy_m and source, in steps."""
    (count, columns), _ = _msgpack(data, 0)
    packed = dict(zip(STORED, columns, strict=True))
    flags = _column(packed["flags"], count, steady=False)
    found = [_column(packed[name], count, steady=name in STEADY) for name in NAMED]
    said = [bool(it >> 3 & 1) for it in flags]
    accuracy = iter(_column(packed["accuracy_m"], sum(said), steady=False))
    return [
        dict(zip(NAMED, row, strict=True))
        | {
            "received": row[2] + row[0],
            "accuracy_m": next(accuracy) if has else NULL,
            "source": flag >> 10 & 3,
        }
        for *row, has, flag in zip(*found, said, flags, strict=True)
    ]


def fix_line(
    device: str, fix: dict[str, int], steps: Mapping[str, float], packed: str
) -> list[str]:
    """One fix as a line of fixes.csv."""
    accuracy = fix["accuracy_m"]
    return [
        device,
        _moment(fix["time"]),
        str(fix["seq"]),
        _moment(fix["received"]),
        f"{fix['lat'] / steps['lat']:.7f}",
        f"{fix['lon'] / steps['lon']:.7f}",
        "" if accuracy == NULL else f"{accuracy / steps['accuracy_m']:.2f}",
        SOURCES[fix["source"]] if fix["source"] < len(SOURCES) else "",
        packed,
    ]


def _moment(micros: int) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat()


# The pack.
def check(pack: zipfile.ZipFile, key: bytes | None = None) -> Iterator[Fault]:
    """Yield what is wrong with a pack; nothing where it is as it was made."""
    files = {name: pack.read(name) for name in pack.namelist()}
    missing = {MANIFEST, SIGNATURE, HEAD} - set(files)
    if missing:
        yield f"missing: {', '.join(sorted(missing))}"
        return
    yield from _check_manifest(files, key)
    head = json.loads(files[HEAD])
    if not signed(bytes.fromhex(head["key"]), head_text(head), bytes.fromhex(head["signature"])):
        yield "the log's head is not signed by its key"
    if key is not None and head["key"] != key.hex():
        yield "the log's head is signed by another key"
    records = json.loads(files["records.json"])
    yield from _check_records(records, head)
    yield from _check_days(files, records)


def _check_manifest(files: dict[str, bytes], key: bytes | None) -> Iterator[Fault]:
    said = json.loads(files[SIGNATURE])
    by, signature = bytes.fromhex(said["key"]), bytes.fromhex(said["signature"])
    if not signed(by, files[MANIFEST], signature):
        yield "the manifest is not signed by its key"
    if key is not None and by != key:
        yield "the manifest is signed by another key"
    listed = json.loads(files[MANIFEST])["files"]
    for name in sorted(set(listed) ^ (set(files) - {MANIFEST, SIGNATURE})):
        yield f"{name}: not in the manifest and the pack alike"
    for name in sorted(set(listed) & set(files)):
        digests = hashlib.sha256(files[name]).hexdigest(), sm3(files[name]).hex()
        if digests != (listed[name]["sha256"], listed[name]["sm3"]):
            yield f"{name}: not what the manifest says"


def _check_records(records: list[dict[str, Any]], head: dict[str, Any]) -> Iterator[Fault]:
    for record in records:
        leaf = hashlib.sha256(b"\x00" + record["content"].encode()).digest()
        path = [bytes.fromhex(each) for each in record["path"]]
        root = root_from(leaf, record["position"], head["size"], path)
        if root is None or root.hex() != head["sha256"]:
            yield f"the record at position {record['position']} is not in the log"


def _check_days(files: dict[str, bytes], records: list[dict[str, Any]]) -> Iterator[Fault]:
    contents = {record["position"]: json.loads(record["content"]) for record in records}
    days = json.loads(files["days.json"])
    lines = list(csv.reader(io.StringIO(files["fixes.csv"].decode())))
    given = [line for line in lines[1:] if line[-1] != "no"]
    found: list[list[str]] = []
    for day in days["days"]:
        data = files.get(day["file"], b"")
        content = contents.get(day["position"], {})
        if (
            content.get("subject") != ["packed_day", day["subject"]]
            or content["detail"].get("sha256") != hashlib.sha256(data).hexdigest()
        ):
            yield f"{day['file']}: not the packed day that the log has"
            continue
        found += [
            fix_line(day["device"], fix, days["steps"], day["subject"])
            for fix in unpacked(data)
            if days["since_us"] <= fix["time"] < days["until_us"]
        ]
    if sorted(given) != sorted(found):
        yield "fixes.csv: not the fixes of the packed days"


def main() -> int:
    """Say what was found; 0 where the pack is as it was made."""
    asked = argparse.ArgumentParser(description="Check a pack of evidence.")
    asked.add_argument("pack")
    asked.add_argument("--key", help="the public key that the service has published, in hex")
    given = asked.parse_args()
    try:
        with zipfile.ZipFile(given.pack) as pack:
            faults = list(check(pack, bytes.fromhex(given.key) if given.key else None))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        faults = [f"cannot be read: {type(error).__name__}"]
    trusted = "" if given.key else " (compare the key in manifest.sig.json with the published one)"
    told = faults or [f"as it was made{trusted}"]
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
