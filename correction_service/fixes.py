"""Record what gateways sent: the order gate, then one short set of writes for a whole batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from correction_service import device_events, device_states, fix_store, wearers, zone_watch
from correction_service.device_events import Signal
from correction_service.fix_store import Refusal
from correction_service.wearers import Bracelet
from correction_service.zone_watch import Progress
from devices.messages import Event, Fix, GatewayState, Message, Reason, Rejection, Strap
from models.device import Gateway

PLAIN = ("time", "seq", "lat", "lon", "accuracy_m", "speed_mps", "heading_deg", "battery", "worn")
SILENCE = timedelta(minutes=5)  # after this a word from a bracelet may end an incident


@dataclass(frozen=True, slots=True)
class Heard:
    """A decoded payload, with its bytes and the moment it arrived."""

    message: Message
    payload: bytes
    received: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """What may be receipted, by gateway: seqs that are stored by device, and final rejections."""

    committed: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    rejected: dict[str, list[Rejection]] = field(default_factory=dict)

    @property
    def committed_count(self) -> int:
        """How many readings are stored."""
        return sum(len(seqs) for of in self.committed.values() for seqs in of.values())

    @property
    def rejected_count(self) -> int:
        """How many were refused for good."""
        return sum(map(len, self.rejected.values()))


@dataclass(slots=True)
class _Sorted:
    """A batch after the gate. `spoke` are the bracelets that a gateway may speak for."""

    spoke: dict[int, Bracelet] = field(default_factory=dict)
    fixes: list[tuple[Bracelet, Fix, Heard]] = field(default_factory=list)
    events: list[tuple[Bracelet, Event, Heard]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def record(session: Session, batch: Sequence[Heard], now: datetime) -> Recorded:
    """Store a batch: fixes under an order in force, events of worn bracelets, and what follows.

    A duplicate counts as stored. A fix older than the newest of its device is stored and leaves
    the zone states as they are.
    """
    names = {said.device for heard in batch for said in _sayings(heard)}
    found = _gate(batch, wearers.read(session, names) if names else {})
    fix_store.keep_fixes(session, _columns(found))
    fix_store.keep_refusals(session, found.refusals)
    signals = _keep_events(session, found)
    _follow(session, found, signals, now)
    _hear_gateways(session, batch)
    return _recorded(found)


def _sayings(heard: Heard) -> Iterable[Fix | Event]:
    return (*heard.message.fixes, *heard.message.events)


def _gate(batch: Sequence[Heard], bracelets: dict[str, Bracelet]) -> _Sorted:
    found = _Sorted()
    for heard in batch:
        for said in _sayings(heard):
            bracelet = bracelets.get(said.device)
            if bracelet is None or bracelet.gateway != heard.message.gateway:
                stranger = Reason.WRONG_GATEWAY if bracelet else Reason.UNKNOWN_DEVICE
                found.refusals.append(_refusal(heard, said.device, said.seq, stranger))
                continue
            found.spoke[bracelet.id] = bracelet
            _judge(found, bracelet, said, heard)
        for it in heard.message.rejected:
            found.refusals.append(_refusal(heard, it.device, it.seq, it.reason))
    return found


def _judge(found: _Sorted, bracelet: Bracelet, said: Fix | Event, heard: Heard) -> None:
    if isinstance(said, Fix):
        reason = wearers.refusal_of_fix(bracelet, said.time, heard.received)
        if reason is None:
            found.fixes.append((bracelet, said, heard))
    else:
        at = device_events.moment(bracelet, said.time, heard.received)
        reason = None if bracelet.wearing(at) else Reason.UNBOUND
        if reason is None:
            found.events.append((bracelet, said, heard))
    if reason is not None:
        found.refusals.append(_refusal(heard, said.device, said.seq, reason))


def _refusal(heard: Heard, device: str, seq: int | None, reason: str) -> Refusal:
    gateway = heard.message.gateway
    return Refusal(heard.received, gateway, device or None, seq, str(reason), heard.payload)


def _columns(found: _Sorted) -> fix_store.Columns:
    fixes = [fix for _, fix, _ in found.fixes]
    return {
        "device_id": [bracelet.id for bracelet, _, _ in found.fixes],
        "received": [heard.received for _, _, heard in found.fixes],
        "source": [fix.source.value for fix in fixes],
        "crs": [fix.crs.value for fix in fixes],
        "strap_open": [fix.strap and fix.strap is Strap.OPEN for fix in fixes],
        **{name: [getattr(fix, name) for fix in fixes] for name in PLAIN},
    }


def _keep_events(session: Session, found: _Sorted) -> list[Signal]:
    """Store events with their raw bytes; a signal for each that is new."""
    new = fix_store.keep_events(session, [_event_row(*it) for it in found.events])
    signals = []
    for bracelet, event, heard in found.events:
        at = device_events.moment(bracelet, event.time, heard.received)
        wearing = bracelet.wearing(at)
        identity = (bracelet.id, event.time, event.seq)
        if wearing is not None and identity in new:
            new.remove(identity)  # the same event twice in one batch is one event
            signals.append(
                Signal(
                    device_id=bracelet.id,
                    wearing=wearing,
                    kind=event.event,
                    at=at,
                    received=heard.received,
                    told_by="event",
                    clock_bad=at != event.time,
                )
            )
    return signals


def _event_row(bracelet: Bracelet, event: Event, heard: Heard) -> dict[str, Any]:
    return {
        "device_id": bracelet.id,
        "time": event.time,
        "seq": event.seq,
        "received": heard.received,
        "event": event.event.value,
        "detail": event.detail,
        "raw": heard.payload,
    }


def _follow(session: Session, found: _Sorted, signals: list[Signal], now: datetime) -> None:
    """Fold the batch into the device states, and let zones and signals raise what they raise."""
    states = device_states.load(session, found.spoke)
    fixes: dict[int, list[Fix]] = {}
    for bracelet, fix, _ in found.fixes:
        fixes.setdefault(bracelet.id, []).append(fix)
    woken, progress = [], []
    for device_id, bracelet in found.spoke.items():
        state, wearing = states[device_id], bracelet.worn_now
        if wearing is None:
            continue
        if state.heard_at is None or now - state.heard_at > SILENCE:
            woken.append((device_id, wearing))
        newer = state.advance(fixes.get(device_id, ()), wearing)
        signals += device_events.strap_signals(state, signals, newer, wearing, now)
        progress.append(Progress(device_id, wearing.case_id, state.memories, newer))
    device_events.signs_of_life(session, woken, now)
    zone_watch.follow(session, [it for it in progress if it.fixes], now)
    device_events.answer(session, signals, now)
    fix_store.keep_states(session, [state.row(now) for state in states.values()])


def _hear_gateways(session: Session, batch: Sequence[Heard]) -> None:
    """Keep each gateway's last sign of life, and what its own status or last will said."""
    said: dict[str, dict[str, Any]] = {}
    for heard in batch:
        values = said.setdefault(heard.message.gateway, {})
        values["heard_at"] = heard.received
        if heard.message.status is not None:
            values["online"] = heard.message.status.state is GatewayState.ONLINE
    for name, values in said.items():
        session.execute(
            update(Gateway).where(Gateway.name == name).values(values),
            execution_options={"synchronize_session": False},
        )


def _recorded(found: _Sorted) -> Recorded:
    recorded = Recorded()
    stored = [(heard, fix.device, fix.seq) for _, fix, heard in found.fixes]
    stored += [(heard, event.device, event.seq) for _, event, heard in found.events]
    for heard, device, seq in stored:
        of_gateway = recorded.committed.setdefault(heard.message.gateway, {})
        of_gateway.setdefault(device, []).append(seq)
    for it in found.refusals:
        rejection = Rejection(device=it.device or "", seq=it.seq, reason=it.reason)
        recorded.rejected.setdefault(it.gateway or "", []).append(rejection)
    return recorded
