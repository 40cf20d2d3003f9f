"""Why messages are turned away, in words, and what to do about each."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from devices.messages import Reason

R = Reason
FIRMWARE = _l("Ask the maker of the bracelet or gateway: its software sends what it must not.")
CLOCK = _l("Set the clock of the gateway or bracelet; it must follow a time server.")
WORDS = {
    R.UNKNOWN_TOPIC: _l("a topic that means nothing"),
    R.TOO_LARGE: _l("too large"),
    R.TOO_MANY: _l("too many fixes in one message"),
    R.NOT_JSON: _l("not JSON"),
    R.BAD_SHAPE: _l("not a message of ours"),
    R.BAD_DEVICE: _l("no name of a bracelet, or one that cannot be"),
    R.DEVICE_MISMATCH: _l("one bracelet in the topic, another in the message"),
    R.BAD_SEQ: _l("a number that does not count"),
    R.BAD_TIME: _l("a time without a zone, or none"),
    R.BAD_LAT: _l("a latitude that cannot be"),
    R.BAD_LON: _l("a longitude that cannot be"),
    R.BAD_CRS: _l("a coordinate system that is not known"),
    R.BAD_ACCURACY_M: _l("an accuracy that cannot be"),
    R.BAD_SOURCE: _l("a source other than satellites, WiFi or cell towers"),
    R.BAD_SPEED_MPS: _l("a speed that cannot be"),
    R.BAD_HEADING_DEG: _l("a heading that cannot be"),
    R.BAD_BATTERY: _l("a battery level that cannot be"),
    R.BAD_STRAP: _l("a state of the strap that is not known"),
    R.BAD_WORN: _l("neither worn nor not worn"),
    R.BAD_EVENT: _l("an event that is not known"),
    R.BAD_DETAIL: _l("a detail that is too long or not text"),
    R.BAD_STATE: _l("a state that is not known"),
    R.BAD_ID: _l("no id of a command"),
    R.PHONE: _l("a phone, which is no positioning device"),
    R.ENCRYPTED: _l("encrypted"),
    R.UNSUPPORTED_TYPE: _l("a type of message that tells no position"),
    R.OUTDATED: _l("an old position sent again, or one that is not valid"),
    R.CLOCK_AHEAD: _l("a time in the future"),
    R.UNKNOWN_DEVICE: _l("a bracelet that is not registered"),
    R.UNBOUND: _l("a bracelet that nobody wears"),
    R.WRONG_GATEWAY: _l("a gateway that spoke for another's bracelet"),
    R.WRONG_PROTOCOL: _l("a bracelet that spoke another protocol than its own"),
    R.NO_ORDER: _l("no order in force at that time: not stored"),
}
TO_DO = {
    R.UNKNOWN_TOPIC: _l(
        "Compare the gateway's topics with the contract; check what else it sends."
    ),
    R.TOO_LARGE: _l("Let the gateway send smaller messages, of at most 1 MB."),
    R.TOO_MANY: _l("Let the gateway send at most 500 fixes in one message."),
    R.BAD_TIME: CLOCK,
    R.PHONE: _l("Give the person a dedicated device: a phone must not be used for positioning."),
    R.ENCRYPTED: _l("Switch payload encryption off in the client; TLS protects the way."),
    R.UNSUPPORTED_TYPE: _l("Nothing to do: such messages carry no position."),
    R.OUTDATED: _l(
        "Nothing to do, unless a bracelet sends nothing else: then check its reception."
    ),
    R.CLOCK_AHEAD: CLOCK,
    R.UNKNOWN_DEVICE: _l("Register the bracelet, or correct its name in the gateway."),
    R.UNBOUND: _l("Bind the bracelet to its wearer, or switch it off while nobody wears it."),
    R.WRONG_GATEWAY: _l(
        "Give the bracelet to this gateway in the register, or find out who speaks."
    ),
    R.WRONG_PROTOCOL: _l("Set the bracelet's protocol in the register to what it speaks."),
    R.NO_ORDER: _l("Take the bracelet off, or let the head decide on a new order."),
}
FAULT = _l("a message that the database could not take")
FAULT_TO_DO = _l("A fault of ours: the gateway keeps the message. Look into the log of ingest.")


def word(code: str) -> str:
    """Say why a message was turned away."""
    return str(_found(WORDS, code, FAULT))


def to_do(code: str) -> str:
    """Say what to do about it."""
    return str(_found(TO_DO, code, FAULT_TO_DO, FIRMWARE))


def _found(
    table: dict[Reason, LazyString],
    code: str,
    fault: LazyString,
    otherwise: LazyString | None = None,
) -> LazyString | str:
    if code not in set(Reason):
        return fault
    return table.get(Reason(code), otherwise or code)
