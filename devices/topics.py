"""The topics of `correction/v1` and of other people's clients: what each carries, and from whom."""

import re
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

ROOT = "correction/v1"
TRACCAR_GATEWAY = "traccar"  # the broker account of the Traccar server that forwards positions
NAME = r"[A-Za-z0-9._-]{1,64}"
_NAME = re.compile(rf"\A{NAME}\Z")
_NATIVE = re.compile(rf"{ROOT}/({NAME})(?:/({NAME}))?/([a-z]+(?:/result)?)")
_OWNTRACKS = re.compile(rf"owntracks/({NAME})/({NAME})(?:/event)?")


class Kind(StrEnum):
    """What a topic carries, up or down."""

    FIX = "fix"
    BATCH = "batch"
    EVENT = "event"
    STATUS = "status"
    RESULT = "command/result"
    RECEIPT = "receipt"
    COMMAND = "command"
    OWNTRACKS = "owntracks"
    TRACCAR = "traccar"


_OF_GATEWAY = frozenset({Kind.BATCH, Kind.STATUS, Kind.RECEIPT})
_OF_OTHERS = {
    Kind.OWNTRACKS: ("owntracks/+/+", "owntracks/+/+/event"),  # its clients send transitions below
    Kind.TRACCAR: ("traccar/positions",),
}
_KINDS = {str(kind): kind for kind in Kind if kind not in _OF_OTHERS}
UPLINK = tuple(
    f"{ROOT}/+/{kind}" if kind in _OF_GATEWAY else f"{ROOT}/+/+/{kind}"
    for kind in (Kind.FIX, Kind.BATCH, Kind.EVENT, Kind.STATUS, Kind.RESULT)
) + tuple(name for names in _OF_OTHERS.values() for name in names)


class Topic(Struct, frozen=True):
    """One parsed topic; `device` is None where a topic belongs to the whole gateway."""

    gateway: str
    kind: Kind
    device: str | None = None

    def __str__(self) -> str:
        if self.kind is Kind.OWNTRACKS:
            return f"owntracks/{self.gateway}/{self.device}"
        if self.kind is Kind.TRACCAR:
            return _OF_OTHERS[Kind.TRACCAR][0]
        parts = (ROOT, self.gateway, self.device, self.kind)
        return "/".join(part for part in parts if part)


def is_name(text: str) -> bool:
    """Whether `text` may name a gateway or a device: 1-64 of A-Z a-z 0-9 . _ -."""
    return _NAME.match(text) is not None


@lru_cache(maxsize=65536)  # a small fleet speaks on the same topics all day
def parse(topic: str) -> Topic | None:
    """Read a topic; None when it is not one of ours or names what no gateway may be called."""
    if native := _NATIVE.fullmatch(topic):
        gateway, device, name = native.groups()
        kind = _KINDS.get(name)
        if kind is None or (kind in _OF_GATEWAY) != (device is None):
            return None
        return Topic(gateway, kind, device)
    if owntracks := _OWNTRACKS.fullmatch(topic):
        return Topic(owntracks[1], Kind.OWNTRACKS, owntracks[2])
    return Topic(TRACCAR_GATEWAY, Kind.TRACCAR) if topic in _OF_OTHERS[Kind.TRACCAR] else None


def receipt(gateway: str) -> str:
    """The topic on which a gateway hears what was committed."""
    return str(Topic(gateway, Kind.RECEIPT))


def command(gateway: str, device: str) -> str:
    """The topic on which a gateway hears commands for one device; `+` means every device."""
    return str(Topic(gateway, Kind.COMMAND, device))
