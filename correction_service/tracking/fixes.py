"""Record what gateways sent: the order gate, the fold, and one short transaction for a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import update
from sqlalchemy.orm import Session

from correction_service.hardware import errands
from correction_service.incidents import device_events
from correction_service.incidents.device_events import STRAP_OPEN, Signal
from correction_service.incidents.oddities import Oddities
from correction_service.storage import fix_store
from correction_service.storage.fix_columns import ABSENT, Kept
from correction_service.storage.fix_store import Refusal
from correction_service.tracking import device_states, gate, late_straps, wearers
from correction_service.tracking.gate import Gated, Heard
from correction_service.tracking.roster import Roster, Rows
from correction_service.tracking.wearers import Bracelet
from correction_service.zones import zone_watch
from devices.messages import CommandResult, Event, GatewayState
from devices.receipts import Stored
from models.device import Gateway
from models.grid import micros, moment

SILENCE = timedelta(minutes=5)  # after this a word from a bracelet may end an incident
GATEWAY_NOTED_AFTER = timedelta(seconds=10)  # a gateway's sign of life is not written every time


@dataclass(frozen=True, slots=True)
class Recorded:
    """What may be receipted: the numbers of readings that are stored, and refusals."""

    stored: Sequence[Stored] = ()
    refusals: Sequence[Refusal] = ()
    late: int = 0  # new fixes that are older than the newest of their device
    duplicates: int = 0  # fixes that were stored before

    @property
    def readings(self) -> int:
        """How many are stored."""
        return sum(it.last - it.first + 1 for it in self.stored)


class Recorder:
    """Records batch after batch, keeping the roster in between. One ingester, one thread.

    Whoever owns the transaction calls `forget` when it was rolled back: what stands in memory is
    then ahead of the database.
    """

    def __init__(self) -> None:
        self._roster, self._oddities = Roster(), Oddities()
        self._touched: Rows = np.zeros(0, np.int64)
        self._gateways_noted: dict[str, tuple[datetime, bool | None]] = {}  # heard, online

    @property
    def devices_known(self) -> int:
        """How many bracelets the roster holds."""
        return len(self._roster)

    def warm(self, session: Session, names: Sequence[str], now: datetime) -> None:
        """Read these bracelets before they speak: a country that all speaks at once is slow to."""
        self._roster.refresh(session, now)
        self._roster.rows_of(session, names, now)

    def forget(self) -> None:
        """The last batch was not committed: what it touched is read again, and told again."""
        self._roster.forget(self._touched)
        self._oddities.undo()
        self._gateways_noted.clear()

    def record(
        self, session: Session, batch: Sequence[Heard], now: datetime, *, compare: bool = False
    ) -> Recorded:
        """Store a batch: fixes under an order in force, events of worn bracelets, what follows.

        A duplicate counts as stored. A fix older than the newest of its device is stored and noted
        for a replay of its past. Raises `Overtaken` where a state was changed by another, and
        `StoredBefore` where one lagged behind the fixes: then every fix wants to be compared.
        """
        roster, self._touched = self._roster, np.zeros(0, np.int64)
        self._oddities.begin()
        roster.refresh(session, now)
        gated = gate.judge(session, roster, batch, now)
        self._touched = gated.spoke
        newer = device_states.newer(roster, gated)
        kept = self._keep_fixes(session, gated, newer, now, compare=compare)
        fix_store.keep_refusals(session, gated.refusals)
        signals = _keep_events(session, gated)
        self._follow(session, gated, newer, signals, now)
        late_straps.answer(session, roster, gated, newer, now)
        self._hear_gateways(session, batch)
        _hear_answers(session, batch)
        duplicates = len(gated.fixes) - kept.new
        return Recorded(_stored(gated), gated.refusals, len(kept.late), duplicates)

    def _keep_fixes(
        self, session: Session, gated: Gated, newer: Rows, now: datetime, *, compare: bool
    ) -> Kept:
        """Store the fixes; those that came late, and are new, wait for a replay of their past."""
        columns = gated.columns
        known = np.ones(len(columns), dtype=bool)
        known[newer] = False
        late = np.flatnonzero(known)
        writer = fix_store.writer_of(session)
        new, others = (late[:0], np.arange(len(columns))) if compare else (newer, late)
        kept = writer.keep_fixes(session, columns.take(new), columns.take(others))
        since: dict[int, datetime] = {}
        for at in late[np.isin(columns["device_id"][late], kept.late)].tolist():
            row = self._roster.table[gated.rows[at]]
            if row["zones"] and columns["time"][at] >= row["bound_at"]:
                time, device_id = moment(int(columns["time"][at])), int(row["device_id"])
                since[device_id] = min(time, since.get(device_id, time))
        fix_store.mark_replays(session, since, now)
        return kept

    def _follow(
        self, session: Session, gated: Gated, newer: Rows, signals: list[Signal], now: datetime
    ) -> None:
        """Fold the batch into the states, and let zones and signals raise what they raise."""
        roster, spoke = self._roster, gated.spoke
        table = roster.table.take(spoke)
        silent = (table["case_id"] > 0) & (table["heard_at"] < micros(now - SILENCE))
        woken = zip(
            table["device_id"][silent].tolist(), table["case_id"][silent].tolist(), strict=True
        )
        device_events.signs_of_life(session, woken, now)
        signals = self._turn_straps(session, gated, newer, signals, now)
        self._oddities.look(session, roster, gated, newer, now)
        for of_day in device_states.by_day(gated, newer):
            fix_store.keep_snapshots(session, device_states.snapshots(roster, gated, of_day))
            device_states.take(roster, gated, of_day)
            zone_watch.follow(session, roster, gated, of_day, now)
        device_events.answer(session, signals, now)
        if spoke.size:
            device_states.keep(session, roster, spoke, now)

    def _turn_straps(
        self, session: Session, gated: Gated, newer: Rows, told: Sequence[Signal], now: datetime
    ) -> list[Signal]:
        """Keep the state of straps, of the few that turned or that an event speaks of.

        What was told, and every turn that nobody told; but for closings that are overruled.
        """
        roster, signals = self._roster, list(told)
        turned = device_states.straps(roster, gated, newer)
        ids = roster.table["device_id"]
        by_event = np.flatnonzero(np.isin(ids[gated.spoke], [it.device_id for it in told]))
        rows = set(turned) | set(gated.spoke[by_event].tolist())
        bracelets = wearers.read_by_id(session, ids[list(rows)].tolist()) if rows else {}
        for row in sorted(rows):
            bracelet, strap = bracelets[int(ids[row])], int(roster.table["strap"][row])
            if bracelet.worn_now is None:
                continue
            events = [it for it in told if it.device_id == bracelet.id and it.kind in STRAP_OPEN]
            newest = moment(max(int(roster.table["time"][row]), 0))
            later = late_straps.words_after(session, bracelet, events, newest)
            is_open, found = device_events.strap_turned(
                bracelet.id,
                bracelet.worn_now,
                [gated.fix(at) for at in newer[gated.rows[newer] == row].tolist()],
                events,
                now,
                later=later,
                known=None if strap == ABSENT else bool(strap),
            )
            roster.table["strap"][row] = ABSENT if is_open is None else is_open
            signals += found
            overruled = device_events.overruled(events, later)
            signals = [it for it in signals if it not in overruled]
        return signals

    def _hear_gateways(self, session: Session, batch: Sequence[Heard]) -> None:
        """Keep each gateway's sign of life, and what its own status or last will said."""
        said: dict[str, dict[str, Any]] = {}
        for heard in batch:
            name, status = heard.message.gateway, heard.message.status
            noted_at, noted = self._gateways_noted.get(name, (None, None))
            online = noted if status is None else status.state is GatewayState.ONLINE
            told = noted_at is not None and heard.received - noted_at < GATEWAY_NOTED_AFTER
            if told and online == noted:
                continue
            values = said.setdefault(name, {})
            if status is None or status.state is GatewayState.ONLINE:  # a last will is the broker's
                values["heard_at"] = heard.received
            if online is not None:
                values["online"] = online
            self._gateways_noted[name] = (heard.received, online)
        for name in sorted(said):  # always in one order, so that two ingesters never deadlock
            session.execute(
                update(Gateway).where(Gateway.name == name).values(said[name]),
                execution_options={"synchronize_session": False},
            )


def record(session: Session, batch: Sequence[Heard], now: datetime) -> Recorded:
    """Record one batch alone, from what the database has now."""
    return Recorder().record(session, batch, now)


def _stored(gated: Gated) -> list[Stored]:
    """Runs of numbers, for a message mostly brings one: fixes in the order they came, events."""
    seq, brought = gated.columns["seq"], gated.brought
    apart = (np.diff(seq) != 1) | (np.diff(gated.rows) != 0) | (np.diff(brought) != 0)
    begins = np.flatnonzero(np.append(len(seq) > 0, apart))
    ends = np.append(begins[1:], len(seq))[: len(begins)] - 1
    runs = zip(begins.tolist(), seq[begins].tolist(), seq[ends].tolist(), strict=True)
    return [
        *(Stored(gated.gateway(at), gated.fixes[at].device, *run) for at, *run in runs),
        *(Stored(it.message.gateway, of.device, of.seq, of.seq) for _, of, it in gated.events),
    ]


def _hear_answers(session: Session, batch: Sequence[Heard]) -> None:
    """Keep what gateways say became of commands."""
    said: dict[str, list[tuple[str, CommandResult, datetime]]] = {}
    for heard in batch:
        if (result := heard.message.result) is not None:
            answer = (result.device, result, heard.received)
            said.setdefault(heard.message.gateway, []).append(answer)
    for gateway in sorted(said):
        errands.heard(session, gateway, said[gateway])


def _keep_events(session: Session, gated: Gated) -> list[Signal]:
    """Store events with their raw bytes; a signal for each that is new."""
    new = fix_store.keep_events(session, [_event_row(*it) for it in gated.events])
    signals = []
    for bracelet, event, heard in gated.events:
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
