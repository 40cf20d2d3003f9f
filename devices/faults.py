"""Why something on the wire was refused: a code, and a sentence that never repeats the input."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from devices.messages import Reason

PAYLOAD_MAX_BYTES = 1_000_000
LIST_MAX = 500
BROKEN = (msgspec.DecodeError, UnicodeError, RecursionError)

_REQUIREMENTS = {
    Reason.UNKNOWN_TOPIC: "the topic must be one of the contract, with names of A-Z a-z 0-9 . _ -",
    Reason.TOO_LARGE: f"a payload must not exceed {PAYLOAD_MAX_BYTES} bytes",
    Reason.TOO_MANY: f"a list must not exceed {LIST_MAX} elements",
    Reason.NOT_JSON: "the payload must be JSON in UTF-8",
    Reason.BAD_SHAPE: "the payload must be an object, or a list of objects where the topic has one",
    Reason.BAD_DEVICE: "device must be 1-64 of A-Z a-z 0-9 . _ -, and each fix of a batch needs it",
    Reason.DEVICE_MISMATCH: "device must be left out or equal the topic's",
    Reason.BAD_SEQ: "seq must be a whole number from 0 to 9223372036854775807",
    Reason.BAD_TIME: "time must be RFC 3339 with a zone, such as 2026-11-21T08:00:00Z",
    Reason.BAD_LAT: "lat must be degrees from -90 to 90",
    Reason.BAD_LON: "lon must be degrees from -180 to 180",
    Reason.BAD_CRS: "crs must be wgs84, gcj02 or bd09",
    Reason.BAD_ACCURACY_M: "accuracy_m must be metres, above 0 and up to 10000000",
    Reason.BAD_SOURCE: "source must be gnss, wifi or lbs",
    Reason.BAD_SPEED_MPS: "speed_mps must be from 0 to 1000",
    Reason.BAD_HEADING_DEG: "heading_deg must be from 0 to 360",
    Reason.BAD_BATTERY: "battery must be a share from 0 to 1",
    Reason.BAD_STRAP: "strap must be closed or open",
    Reason.BAD_WORN: "worn must be true or false",
    Reason.BAD_EVENT: "event must be one of the contract's events",
    Reason.BAD_DETAIL: "detail must be text of at most 2000 characters, without NUL",
    Reason.BAD_STATE: "state must be online or offline, or done, refused or expired for a command",
    Reason.BAD_ID: "id must be 1-64 printable ASCII characters, without spaces",
    Reason.PHONE: "a phone is no positioning device (IM 37): use a dedicated one",
    Reason.ENCRYPTED: "switch payload encryption off: the service has no such key, TLS protects it",
    Reason.UNSUPPORTED_TYPE: "_type must be location, transition or lwt",
    Reason.OUTDATED: "the position is an old one sent again, or its receiver says it is not valid",
}
_FIELD = re.compile(
    r"- at `\$\.([\w.]+)[^`]*`\Z|\AObject missing required field `(\w+)`(?: - at `[^`]*`)?\Z"
)
_NO_NAMES: Mapping[str, Reason] = MappingProxyType({})


class WireError(Exception):
    """Nothing in a payload can be kept. `reason` is a code; `detail` never repeats the input."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.detail = _REQUIREMENTS[reason]
        super().__init__(f"{reason}: {self.detail}")


def reason_of(fault: Exception, names: Mapping[str, Reason] = _NO_NAMES) -> Reason:
    """The reason that a decoder's fault comes to; `names` speaks for fields of other clients."""
    if isinstance(fault, WireError):
        return fault.reason
    if not isinstance(fault, msgspec.ValidationError):
        return Reason.NOT_JSON
    found = _FIELD.search(str(fault))
    for part in reversed((found[1] or found[2]).split(".")) if found else ():
        code = names.get(part) or f"bad_{part}"
        if code in _REQUIREMENTS:
            return Reason(code)
    return Reason.BAD_SHAPE
