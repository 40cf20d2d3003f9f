"""Break a valid payload: its bytes, its structure, its topic or its size."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.seeds import FRAGMENTS, SEEDS, TOPICS, VALUES

MOST_AT_ONCE = 3
HUGE_BYTES = 1_000_000
HUGE_ONE_IN = 4000
STRAY_TOPIC_ONE_IN = 12
LISTS = (0, 2, 499, 500, 501)
RESTRUCTURED_MAX_BYTES = 2000  # lists of lists of lists would outgrow any memory


def broken(dice: Random) -> tuple[str, bytes]:
    """A topic and a payload: a seed after none to three mutations, at times on another's topic."""
    topic, payload = dice.choice(SEEDS)
    for _ in range(dice.randint(0, MOST_AT_ONCE)):
        payload = dice.choice(MUTATIONS)(payload, dice)
    if dice.randrange(STRAY_TOPIC_ONE_IN) == 0:
        topic = dice.choice(TOPICS) if dice.random() < 1 / 2 else dice.choice(SEEDS)[0]
    if dice.randrange(HUGE_ONE_IN) == 0:
        payload = dice.choice(HUGE)(payload)
    return topic, payload


def flip_bits(payload: bytes, dice: Random) -> bytes:
    """One to eight bits turned over."""
    changed = bytearray(payload)
    for _ in range(dice.randint(1, 8) if changed else 0):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut(payload: bytes, dice: Random) -> bytes:
    """The end lost, or a piece from within."""
    start, end = sorted(dice.randint(0, len(payload)) for _ in range(2))
    return payload[:start] if dice.random() < 1 / 2 else payload[:start] + payload[end:]


def splice(payload: bytes, dice: Random) -> bytes:
    """The head of one and the tail of another."""
    other = dice.choice(SEEDS)[1]
    return payload[: dice.randint(0, len(payload))] + other[dice.randint(0, len(other)) :]


def repeat(payload: bytes, dice: Random) -> bytes:
    """A piece said again: duplicate keys, doubled brackets."""
    start, end = sorted(dice.randint(0, len(payload)) for _ in range(2))
    return payload[:end] + payload[start:end] + payload[end:]


def insert(payload: bytes, dice: Random) -> bytes:
    """A fragment where none belongs, or in place of a byte."""
    at = dice.randint(0, len(payload))
    return payload[:at] + dice.choice(FRAGMENTS) + payload[at + dice.randint(0, 1) :]


def restructure(payload: bytes, dice: Random) -> bytes:
    """A value of another type or range, a member lost, renamed or added, a list grown."""
    if len(payload) > RESTRUCTURED_MAX_BYTES:
        return payload
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return payload
    holder: list[Any] = [said]
    _change(holder, dice)
    return json.dumps(holder[0], ensure_ascii=dice.random() < 1 / 2).encode(errors="surrogatepass")


def _change(holder: list[Any] | dict[str, Any], dice: Random) -> None:
    """Change what `holder` holds at a random depth."""
    key: Any = (
        dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
    )
    inner = holder[key]
    if isinstance(inner, dict | list) and inner and dice.random() < 0.8:
        _change(inner, dice)
        return
    match dice.randrange(6):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[dice.choice(("seq", "device", "x", "_type", "crs"))] = inner
        case 2:
            holder[key] = [inner] * dice.choice(LISTS)
        case _:
            holder[key] = dice.choice(VALUES)


def _padded(payload: bytes) -> bytes:
    return payload + b" " * (HUGE_BYTES - len(payload))


def _over(payload: bytes) -> bytes:
    return _padded(payload) + b" "


def _endless(payload: bytes) -> bytes:
    return b"[" + b",".join([payload] * (HUGE_BYTES // (len(payload) + 1) - 1)) + b"]"


def _deep(payload: bytes) -> bytes:
    return b'{"poi":' * (HUGE_BYTES // 16) + payload


def _long(payload: bytes) -> bytes:
    return payload.replace(b'"', b'"' + b"x" * (HUGE_BYTES - len(payload)), 1)[:HUGE_BYTES]


MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip_bits, cut, splice, repeat, insert, restructure, restructure, restructure,
)  # fmt: skip
HUGE: tuple[Callable[[bytes], bytes], ...] = (_padded, _over, _endless, _deep, _long)
