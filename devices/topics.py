"""The topics of `correction/v1` and of other people's clients: what each carries, and from whom."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

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
_OF_OTHERS = frozenset({Kind.OWNTRACKS, Kind.TRACCAR})
_KINDS = {str(kind): kind for kind in Kind if kind not in _OF_OTHERS}
_TRACCAR = "traccar/positions"


class Topic(Struct, frozen=True, gc=False):
    """One parsed topic; `device` is None where a topic belongs to the whole gateway."""

    gateway: str
    kind: Kind
    device: str | None = None

    def __str__(self) -> str:
        if self.kind is Kind.OWNTRACKS:
            return f"owntracks/{self.gateway}/{self.device}"
        if self.kind is Kind.TRACCAR:
            return _TRACCAR
        parts = (ROOT, self.gateway, self.device, self.kind)
        return "/".join(part for part in parts if part)


def is_name(text: str) -> bool:
    """Whether `text` may name a gateway or a device: 1-64 of A-Z a-z 0-9 . _ -."""
    return _NAME.match(text) is not None


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
    return Topic(TRACCAR_GATEWAY, Kind.TRACCAR) if topic == _TRACCAR else None


def uplink(gateways: Sequence[str] = (), share: str = "") -> tuple[str, ...]:
    """What an ingester subscribes to: all that is said, or all that these gateways say.

    Ingesters that name the same `share` divide it among themselves (MQTT 5, section 4.8.2; brokers
    do it for 3.1.1 too). EMQX, told to hash by topic, gives a device to one ingester always;
    mosquitto gives each message to the next, so a device's fixes may be stored out of order, which
    its state stands. Raises ValueError where a name could not be a gateway's or a share's.
    """
    for name in (*gateways, *([share] if share else ())):
        if not is_name(name):
            raise ValueError(f"a name must be 1-64 of A-Z a-z 0-9 . _ -, not {name!r}")
    filters = [it for gateway in gateways or ("+",) for it in _said_by(gateway)]
    return tuple(f"$share/{share}/{it}" if share else it for it in filters)


def _said_by(gateway: str) -> Iterator[str]:
    for kind in (Kind.FIX, Kind.BATCH, Kind.EVENT, Kind.STATUS, Kind.RESULT):
        yield str(Topic(gateway, kind, None if kind in _OF_GATEWAY else "+"))
    yield f"owntracks/{gateway}/+"
    yield f"owntracks/{gateway}/+/event"  # its clients send transitions below the device
    if gateway in {"+", TRACCAR_GATEWAY}:
        yield _TRACCAR


UPLINK = uplink()


def receipt(gateway: str) -> str:
    """The topic on which a gateway hears what was committed."""
    return str(Topic(gateway, Kind.RECEIPT))


def command(gateway: str, device: str) -> str:
    """The topic on which a gateway hears commands for one device; `+` means every device."""
    return str(Topic(gateway, Kind.COMMAND, device))
