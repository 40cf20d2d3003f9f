"""The words on the wire: what gateways and bracelets say, and what they are told.

Field names are the JSON names. Every limit stands in the type, so decoding is checking. Nothing
here can be part of a cycle, so most are kept from the collector (`gc=False`): it has less to walk.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from devices.datum import Crs
from devices.topics import NAME, Kind, Topic


class Reason(StrEnum):
    """Why a payload, or one element of it, was refused; final when it stands in a receipt."""

    UNKNOWN_TOPIC = "unknown_topic"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    NOT_JSON = "not_json"
    BAD_SHAPE = "bad_shape"
    BAD_DEVICE = "bad_device"
    DEVICE_MISMATCH = "device_mismatch"
    BAD_SEQ = "bad_seq"
    BAD_TIME = "bad_time"
    BAD_LAT = "bad_lat"
    BAD_LON = "bad_lon"
    BAD_CRS = "bad_crs"
    BAD_ACCURACY_M = "bad_accuracy_m"
    BAD_SOURCE = "bad_source"
    BAD_SPEED_MPS = "bad_speed_mps"
    BAD_HEADING_DEG = "bad_heading_deg"
    BAD_BATTERY = "bad_battery"
    BAD_STRAP = "bad_strap"
    BAD_WORN = "bad_worn"
    BAD_EVENT = "bad_event"
    BAD_DETAIL = "bad_detail"
    BAD_STATE = "bad_state"
    BAD_ID = "bad_id"
    PHONE = "phone"
    ENCRYPTED = "encrypted"
    UNSUPPORTED_TYPE = "unsupported_type"
    OUTDATED = "outdated"
    # Known only to whoever holds the register and the clock:
    CLOCK_AHEAD = "clock_ahead"
    UNKNOWN_DEVICE = "unknown_device"
    UNBOUND = "unbound"
    WRONG_GATEWAY = "wrong_gateway"
    WRONG_PROTOCOL = "wrong_protocol"
    NO_ORDER = "no_order"


class Protocol(StrEnum):
    """Whose client speaks: ours, OwnTracks', or a Traccar server for the devices it knows."""

    NATIVE = "native"
    OWNTRACKS = "owntracks"
    TRACCAR = "traccar"


class Source(StrEnum):
    """How a position was found: satellites, access points or cell towers."""

    GNSS = "gnss"
    WIFI = "wifi"
    LBS = "lbs"


class Strap(StrEnum):
    """The strap of a bracelet as its circuit sees it."""

    CLOSED = "closed"
    OPEN = "open"


class EventKind(StrEnum):
    """What a bracelet can report beside positions."""

    STRAP_OPEN = "strap_open"
    STRAP_CLOSED = "strap_closed"
    CASE_OPEN = "case_open"
    BATTERY_LOW = "battery_low"
    CHARGING = "charging"
    POWER_OFF = "power_off"
    SEPARATED = "separated"
    REUNITED = "reunited"
    JAMMING = "jamming"
    SOS = "sos"


class GatewayState(StrEnum):
    """Whether a gateway is connected; its last will says offline."""

    ONLINE = "online"
    OFFLINE = "offline"


class CommandKind(StrEnum):
    """What a bracelet can be asked to do."""

    LOCATE = "locate"
    INTERVAL = "interval"
    VIBRATE = "vibrate"
    MESSAGE = "message"
    CONFIGURE = "configure"


class ResultState(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


Device = Annotated[str, Meta(pattern=rf"\A{NAME}\Z")]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
AccuracyM = Annotated[float, Meta(gt=0, le=1e7)]
Share = Annotated[float, Meta(ge=0, le=1)]
SpeedMps = Annotated[float, Meta(ge=0, le=1000)]
HeadingDeg = Annotated[float, Meta(ge=0, le=360)]
Detail = Annotated[str, Meta(pattern=r"\A[^\x00\ud800-\udfff]{0,2000}\Z")]
CommandId = Annotated[str, Meta(pattern=r"\A[!-~]{1,64}\Z")]
Argument = bool | int | float | str


class Fix(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One position: `lat`, `lon` in WGS-84 whatever the wire's datum, which `crs` remembers."""

    seq: Seq
    time: Instant
    lat: Lat
    lon: Lon
    device: Device = ""
    crs: Crs = Crs.WGS84
    accuracy_m: AccuracyM | None = None
    source: Source = Source.GNSS
    speed_mps: SpeedMps | None = None
    heading_deg: HeadingDeg | None = None
    battery: Share | None = None
    strap: Strap | None = None
    worn: bool | None = None


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something a bracelet noticed; it shares the counter `seq` with its fixes."""

    seq: Seq
    time: Instant
    event: EventKind
    device: Device = ""
    detail: Detail | None = None


class GatewayStatus(Struct, frozen=True, kw_only=True, gc=False):
    """A gateway's own state, retained by the broker."""

    state: GatewayState
    time: Instant


class CommandResult(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A bracelet's answer to one command."""

    id: CommandId
    state: ResultState
    time: Instant
    device: Device = ""


class Command(Struct, frozen=True, kw_only=True):
    """What a bracelet is asked to do before `expires`; the topic says which bracelet."""

    id: CommandId
    command: CommandKind
    expires: Instant
    args: dict[str, Argument] = {}


class Rejection(Struct, frozen=True, kw_only=True, gc=False):
    """One element that will never be stored; `seq` is None where it could not be read."""

    device: str
    seq: int | None
    reason: str


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """A decoded payload; only what `kind` names is filled, with what had to be rejected.

    What another client sent may hold fixes, events and a status at once. `protocol` is to be held
    against the one that each device is registered with.
    """

    gateway: str
    kind: Kind
    protocol: Protocol = Protocol.NATIVE
    fixes: tuple[Fix, ...] = ()
    events: tuple[Event, ...] = ()
    status: GatewayStatus | None = None
    result: CommandResult | None = None
    rejected: tuple[Rejection, ...] = ()


def from_client(
    protocol: Protocol,
    topic: Topic,
    *,
    fixes: tuple[Fix, ...] = (),
    events: tuple[Event, ...] = (),
    status: GatewayStatus | None = None,
    rejected: tuple[Rejection, ...] = (),
) -> Message:
    """What another client than a gateway of ours said on its topic."""
    return Message(
        gateway=topic.gateway,
        kind=topic.kind,
        protocol=protocol,
        fixes=fixes,
        events=events,
        status=status,
        rejected=rejected,
    )
