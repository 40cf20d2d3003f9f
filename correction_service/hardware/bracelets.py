"""Bracelets: taken into the register from a file, fitted to a person, taken off."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.casework import orders
from correction_service.storage import fix_store
from devices import topics
from models.case import ENDED, Case
from models.device import Binding, Device, DeviceState, Gateway, Protocol
from models.errors import DomainError, Invalid, NotFound, Refused

HEADERS = {
    "id": ("id", "device", "编号", "设备编号"),
    "imei": ("imei",),
    "model": ("model", "型号"),
    "gateway": ("gateway", "网关"),
    "protocol": ("protocol", "协议"),
}
OF_THE_WEARER = ("time", "seq", "lat", "lon", "accuracy_m", "source", "strap_open")
IMEI_DIGITS = 15
MODEL_LENGTH = 64


@dataclass(frozen=True)
class RowFault:
    """What is wrong with one line of a file, counted from 1 with the header."""

    line: int
    fault: DomainError


@dataclass(frozen=True)
class Imported:
    """What an import came to; with faults nothing was taken in."""

    added: int
    unchanged: int
    faults: tuple[RowFault, ...] = ()


@dataclass(frozen=True)
class _Entry:
    name: str
    imei: str | None
    model: str | None
    gateway_id: int
    protocol: Protocol


def import_file(session: Session, content: bytes, gateway: str | None = None) -> Imported:
    """Register the bracelets of a CSV file (id, imei, model, gateway, protocol), all or none.

    `gateway`, or the only one there is, speaks for lines without one; a line without a protocol
    speaks our own. UTF-8 and GBK are read. A line that is in the register already, with the same
    figures, is left alone.
    """
    gateways = {it.name: it.id for it in session.scalars(select(Gateway))}
    if gateway is None and len(gateways) == 1:
        gateway = next(iter(gateways))
    register = _Register(session)
    faults: list[RowFault] = []
    for line, row in _rows(content):
        try:
            register.admit(_entry(row, gateways, gateway))
        except Invalid as fault:
            faults.append(RowFault(line, fault))
    if faults:
        return Imported(0, 0, tuple(faults))
    new = [it for it in register.admitted.values() if it.name not in register.known]
    session.add_all(Device(**vars(entry)) for entry in new)
    session.flush()
    return Imported(len(new), len(register.admitted) - len(new))


class _Register:
    """The bracelets that are known, and those of the file so far."""

    def __init__(self, session: Session) -> None:
        columns = (Device.name, Device.imei, Device.model, Device.gateway_id, Device.protocol)
        self.known = {row.name: _Entry(*row) for row in session.execute(select(*columns))}
        self.admitted: dict[str, _Entry] = {}
        self._owners = {it.imei: it.name for it in self.known.values() if it.imei}

    def admit(self, entry: _Entry) -> None:
        """Take a line, or say what it clashes with."""
        if entry.name in self.admitted:
            raise Invalid("This id stands in the file twice.", field="id")
        if self.known.get(entry.name, entry) != entry:
            raise Invalid("This id is registered with other figures.", field="id")
        if entry.imei and self._owners.setdefault(entry.imei, entry.name) != entry.name:
            raise Invalid("This IMEI belongs to another bracelet.", field="imei")
        self.admitted[entry.name] = entry


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines with the columns that we know, by our names for them."""
    try:
        header, *lines = list(csv.reader(_text(content).splitlines())) or [[]]
    except csv.Error:
        raise Invalid("The file is not a CSV table.", field="file") from None
    names = {
        place: name
        for place, title in enumerate(header)
        for name, titles in HEADERS.items()
        if title.strip().lower() in titles
    }
    if "id" not in names.values():
        raise Invalid("The first line names the columns: id, imei, model, gateway.", field="file")
    for line, cells in enumerate(lines, start=2):
        if any(cell.strip() for cell in cells):
            yield line, {names[at]: cell.strip() for at, cell in enumerate(cells) if at in names}


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("The file is neither UTF-8 nor GBK text: save it as CSV.", field="file")


def _entry(row: Mapping[str, str], gateways: Mapping[str, int], default: str | None) -> _Entry:
    name, imei, model = row.get("id", ""), row.get("imei", ""), row.get("model", "")
    if not topics.is_name(name):
        raise Invalid("A bracelet's id is 1 to 64 of A-Z a-z 0-9 . _ -.", field="id")
    if imei and not imei_right(imei):
        raise Invalid("An IMEI has 15 digits, and the last one checks the others.", field="imei")
    if len(model) > MODEL_LENGTH:
        raise Invalid("A model's name has at most 64 characters.", field="model")
    speaker = row.get("gateway") or default or ""
    if speaker not in gateways:
        raise Invalid("Name a gateway that is registered.", field="gateway")
    protocol = _protocol(row.get("protocol", ""), speaker)
    return _Entry(name, imei or None, model or None, gateways[speaker], protocol)


def _protocol(text: str, gateway: str) -> Protocol:
    try:
        protocol = Protocol(text.lower() or Protocol.NATIVE)
    except ValueError:
        raise Invalid("A protocol is native, owntracks or traccar.", field="protocol") from None
    if (protocol is Protocol.TRACCAR) != (gateway == topics.TRACCAR_GATEWAY):
        raise Invalid(
            "The gateway traccar speaks for the bracelets of protocol traccar, and for no others.",
            field="protocol",
        )
    return protocol


def imei_right(imei: str) -> bool:
    """Whether these are 15 digits whose last one is right (Luhn, 3GPP TS 23.003 annex B)."""
    if len(imei) != IMEI_DIGITS or not (imei.isascii() and imei.isdigit()):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(imei)]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def named(session: Session, name: str) -> Device:
    """The bracelet of this id."""
    device = session.scalar(select(Device).where(Device.name == name))
    if device is None:
        raise NotFound("There is no bracelet of this id.", field="device")
    return device


def bind(session: Session, case: Case, device: Device, now: datetime) -> Binding:
    """Fit a bracelet to a person: only under an order in force (LCC 29), one each."""
    if case.state in ENDED:
        raise Refused("The case has ended.", field="case")
    if orders.in_force(session, case, now) is None:
        raise Refused("A bracelet is fitted only under an order in force (LCC 29).", field="case")
    for column, value, field in (
        (Binding.device_id, device.id, "device"),
        (Binding.case_id, case.id, "case"),
    ):
        if session.scalar(select(Binding.id).where(column == value, _worn_now)) is not None:
            raise Refused("This bracelet, or this person, is bound already.", field=field)
    for before in session.scalars(select(Binding).where(Binding.device_id == device.id, _out)):
        before.collected_at = now  # it is at hand
    binding = Binding(device=device, case=case, bound_at=now)
    try:
        with session.begin_nested():
            session.add(binding)
            session.flush()
    except IntegrityError:  # somebody else was first, a moment ago
        raise Refused("This bracelet, or this person, is bound already.", field="device") from None
    _forget_wearer(session, device)
    outbox.live(session, case, "case", case.id, now)
    session.flush()
    return binding


def unbind(session: Session, device: Device, now: datetime, *, at_hand: bool = True) -> Binding:
    """Take a bracelet off; whatever it sends from now on is not stored.

    `at_hand`: an officer has it. Else the wearer's time is over, and it is still to be collected.
    """
    query = select(Binding).where(Binding.device_id == device.id, _worn_now)
    binding = session.scalar(query.with_for_update())
    if binding is None:
        raise Refused("Nobody wears this bracelet.", field="device")
    binding.unbound_at = now
    binding.collected_at = now if at_hand else None
    _forget_wearer(session, device)
    outbox.live(session, binding.case, "case", binding.case_id, now)
    session.flush()
    return binding


def replace(session: Session, case: Case, device: Device, now: datetime) -> Binding:
    """Give a person another bracelet; what is known of their zones goes with them.

    Both rows are locked before they are read, and both get a new revision: ingest, which may be
    folding a fix of either at this moment, is overtaken and reads again.
    """
    worn = select(Device).join(Binding).where(Binding.case_id == case.id, _worn_now)
    old = session.scalar(worn)
    if old is None:
        raise Refused("The person wears no bracelet that could be replaced.", field="device")
    if old.id == device.id:
        raise Refused("The person wears this very bracelet.", field="device")
    query = select(DeviceState).where(DeviceState.device_id.in_([old.id, device.id]))
    locked = query.order_by(DeviceState.device_id).with_for_update()
    states = {it.device_id: it for it in session.scalars(locked)}  # in ingest's order
    before = states.get(old.id)
    known = (before.zones, before.heard_at) if before is not None else (b"", now)
    unbind(session, old, now)
    binding = bind(session, case, device, now)
    if known[0]:
        _carry_over(session, device, *known, now)
    return binding


def _carry_over(
    session: Session, device: Device, zones: bytes, heard_at: datetime, now: datetime
) -> None:
    """Let a bracelet begin with what another one knew of its wearer's zones.

    A late fix of it is folded from the same beginning. It was not heard of this person yet; that
    the other one was, `heard_at`, lies before the fitting and says no more than that.
    """
    state = session.get(DeviceState, device.id, populate_existing=True)
    if state is None:
        state = DeviceState(device_id=device.id, heard_at=heard_at, revision=0)
        session.add(state)
    else:
        state.revision += 1
    state.zones = zones
    session.flush()
    began = {"device_id": device.id, "day": now.date(), "time": now, "seq": 0, "zones": zones}
    fix_store.replace_snapshots(session, [began])


def take_off(session: Session, case: Case, now: datetime) -> None:
    """Unbind whatever the person of a case wears; somebody still has to collect it."""
    worn = select(Device).join(Binding).where(Binding.case_id == case.id, _worn_now)
    for device in session.scalars(worn).all():
        unbind(session, device, now, at_hand=False)


_worn_now = Binding.unbound_at.is_(None)
_out = and_(Binding.unbound_at.is_not(None), Binding.collected_at.is_(None))


def _forget_wearer(session: Session, device: Device) -> None:
    """Empty the packed row: the next wearer must not begin where the last one was."""
    gone: dict[str, bytes | None] = dict.fromkeys(OF_THE_WEARER)
    gone["zones"] = b""
    values = {**gone, "revision": DeviceState.revision + 1}
    session.execute(update(DeviceState).where(DeviceState.device_id == device.id).values(values))
