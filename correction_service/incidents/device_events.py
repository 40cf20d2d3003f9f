"""What bracelets report beside positions becomes incidents at once; nothing here is filtered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from sqlalchemy.orm import Session

from correction_service.hardware import service_sessions
from correction_service.incidents import sightings
from correction_service.tracking.wearers import Bracelet, Wearing
from devices.messages import EventKind, Fix, Strap
from devices.wire import clock_fault
from models.incident import IncidentKind

# `battery_low` opens nothing: it is kept, and the sweep sees the battery in the device's state.
RAISES = {
    EventKind.STRAP_OPEN: IncidentKind.STRAP_OPENED,
    EventKind.CASE_OPEN: IncidentKind.CASE_OPENED,
    EventKind.SEPARATED: IncidentKind.SEPARATED,
    EventKind.JAMMING: IncidentKind.JAMMED,
    EventKind.SOS: IncidentKind.SOS,
    EventKind.POWER_OFF: IncidentKind.POWER_OFF,
}
ENDS = {
    EventKind.STRAP_CLOSED: IncidentKind.STRAP_OPENED,
    EventKind.REUNITED: IncidentKind.SEPARATED,
    EventKind.CHARGING: IncidentKind.POWER_OFF,
}
ENDED_BY_A_SIGN_OF_LIFE = (IncidentKind.DEVICE_SILENT, IncidentKind.POWER_OFF)
STRAP_OPEN = {EventKind.STRAP_OPEN: True, EventKind.STRAP_CLOSED: False}
Word = tuple[datetime, bool]  # when the strap was known to be open, or closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something a worn bracelet said of itself, and when that was as far as we can tell."""

    device_id: int
    wearing: Wearing
    kind: EventKind
    at: datetime
    received: datetime
    told_by: str  # event, fix or late_fix
    clock_bad: bool = False


def moment(bracelet: Bracelet, time: datetime, received: datetime) -> datetime:
    """When an event happened: by its own clock, or by receipt where that clock cannot be right."""
    wrong = clock_fault(time, received) or bracelet.wearing(time) is None
    return received if wrong else time


def answer(session: Session, signals: Sequence[Signal], now: datetime) -> None:
    """Open, update and end incidents, in order of time; what belongs to a service is closed.

    Once no order is in force a bracelet is taken off, which is no incident; a call for help is.
    """
    ordered = sorted(signals, key=lambda signal: signal.at)
    keys = {key for it in ordered for kinds in (ENDS, RAISES) if (key := _key(kinds, it))}
    raising = {it.wearing.case_id for it in ordered if it.kind in RAISES}
    services = service_sessions.running(session, raising, now)
    with sightings.gathered(session, keys, now) as found:
        for signal in ordered:
            if key := _key(ENDS, signal):
                found.ended(key, signal.at, {"ended_by": signal.kind.value})
            lawful = signal.wearing.positioned(signal.at) or signal.kind is EventKind.SOS
            if lawful and (kind := RAISES.get(signal.kind)):
                services.tell(found, _seen(kind, signal))


def _key(kinds: Mapping[EventKind, IncidentKind], signal: Signal) -> str | None:
    """The key of the incident that a signal ends, or raises."""
    kind = kinds.get(signal.kind)
    return kind and sightings.key_of(kind, signal.wearing.case_id, signal.device_id)


def _seen(kind: IncidentKind, signal: Signal) -> sightings.Seen:
    return sightings.Seen(
        kind=kind,
        case_id=signal.wearing.case_id,
        device_id=signal.device_id,
        since=signal.at,
        at=signal.at,
        facts={
            "event": signal.kind.value,
            "told_by": signal.told_by,
            "event_at": signal.at.isoformat(),
            "age_s": round((signal.received - signal.at).total_seconds()),
            "clock_bad": signal.clock_bad,
        },
    )


def strap_turned(
    device_id: int,
    wearing: Wearing,
    newer: Sequence[Fix],
    told: Sequence[Signal],
    now: datetime,
    *,
    later: Sequence[Word],
    known: bool | None,
) -> tuple[bool | None, list[Signal]]:
    """The strap after its newer fixes, the events told, and what was known `later` than those.

    A signal of every turn that no event told, and of the closing that a late opening has had.
    """
    said = [(it.at, STRAP_OPEN[it.kind], True) for it in told]
    said += [(at, is_open, True) for at, is_open in later]
    said += [(it.time, it.strap is Strap.OPEN, False) for it in newer if it.strap is not None]
    signals, closed_at = [], None
    for at, is_open, heard_of in sorted(said, key=itemgetter(0)):
        if is_open != bool(known):
            closed_at = None if is_open else at
            if not heard_of:
                signals.append(strap_signal(device_id, wearing, now, "fix", at, is_open=is_open))
        known = is_open
    if later and closed_at is not None:
        signals.append(strap_signal(device_id, wearing, now, "event", closed_at, is_open=False))
    return known, signals


def overruled(told: Sequence[Signal], later: Sequence[Word]) -> list[Signal]:
    """Closings that are told late: the strap is known to have been open again after them."""
    opened = [at for at, is_open in later if is_open]
    return [
        it for it in told if it.kind is EventKind.STRAP_CLOSED and any(at > it.at for at in opened)
    ]


def strap_signal(
    device_id: int, wearing: Wearing, now: datetime, told_by: str, at: datetime, *, is_open: bool
) -> Signal:
    """What a fix says of the strap, as a signal."""
    return Signal(
        device_id=device_id,
        wearing=wearing,
        kind=EventKind.STRAP_OPEN if is_open else EventKind.STRAP_CLOSED,
        at=at,
        received=now,
        told_by=told_by,
    )


def signs_of_life(session: Session, heard: Iterable[tuple[int, int]], now: datetime) -> None:
    """Mark that bracelets, silent or switched off before, were heard again: (device, case) ids."""
    keys = {
        sightings.key_of(kind, case_id, device_id)
        for device_id, case_id in heard
        for kind in ENDED_BY_A_SIGN_OF_LIFE
    }
    with sightings.gathered(session, keys, now) as found:
        for key in keys:
            found.ended(key, now, {"ended_by": "heard"})
