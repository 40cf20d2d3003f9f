"""The topics of `correction/v1`: what each carries, and who speaks on it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

ROOT = "correction/v1"
NAME = r"[A-Za-z0-9._-]{1,64}"
_NAME = re.compile(rf"\A{NAME}\Z")


class Kind(StrEnum):
    """What a topic carries, up or down."""

    FIX = "fix"
    BATCH = "batch"
    EVENT = "event"
    STATUS = "status"
    RESULT = "command/result"
    RECEIPT = "receipt"
    COMMAND = "command"


_OF_GATEWAY = frozenset({Kind.BATCH, Kind.STATUS, Kind.RECEIPT})
UPLINK = tuple(
    f"{ROOT}/+/{kind}" if kind in _OF_GATEWAY else f"{ROOT}/+/+/{kind}"
    for kind in (Kind.FIX, Kind.BATCH, Kind.EVENT, Kind.STATUS, Kind.RESULT)
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One parsed topic; `device` is None where a topic belongs to the whole gateway."""

    gateway: str
    kind: Kind
    device: str | None = None

    def __str__(self) -> str:
        parts = (ROOT, self.gateway, self.device, self.kind)
        return "/".join(part for part in parts if part)


def is_name(text: str) -> bool:
    """Whether `text` may name a gateway or a device: 1-64 of A-Z a-z 0-9 . _ -."""
    return _NAME.match(text) is not None


@lru_cache(maxsize=65536)  # a fleet speaks on the same few topics all day
def parse(topic: str) -> Topic | None:
    """Read a topic; None when it is not one of ours or names what no gateway may be called."""
    if not topic.startswith(ROOT + "/"):
        return None
    gateway, *rest = topic[len(ROOT) + 1 :].split("/")
    for device, tail in ((None, rest), (rest[0] if rest else "", rest[1:])):
        kind = _kind("/".join(tail))
        if kind is not None and (kind in _OF_GATEWAY) == (device is None):
            named = is_name(gateway) and (device is None or is_name(device))
            return Topic(gateway, kind, device) if named else None
    return None


def _kind(tail: str) -> Kind | None:
    try:
        return Kind(tail)
    except ValueError:
        return None


def receipt(gateway: str) -> str:
    """The topic on which a gateway hears what was committed."""
    return str(Topic(gateway, Kind.RECEIPT))


def command(gateway: str, device: str) -> str:
    """The topic on which a gateway hears commands for one device; `+` means every device."""
    return str(Topic(gateway, Kind.COMMAND, device))
