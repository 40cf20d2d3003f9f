"""The order gate: what of a batch may be stored, and why the rest may not (LCC 29).

A fix passes by the roster where its wearer is under the newest order; every other one is judged
from the database, which also knows earlier wearers and earlier orders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from correction_service.incidents import device_events
from correction_service.storage.fix_columns import Columns, laid, on_grid
from correction_service.storage.fix_store import Refusal
from correction_service.tracking import wearers
from correction_service.tracking.roster import FOREVER, Roster, Rows, speaker
from correction_service.tracking.wearers import Bracelet
from devices.messages import Event, Fix, Message, Reason, Rejection
from devices.topics import Kind
from devices.wire import CLOCK_AHEAD_MAX_S
from models.grid import micros

NO_GATEWAY = -2


class Heard(NamedTuple):
    """A decoded payload, with its bytes and the moment it arrived."""

    message: Message
    payload: bytes
    received: datetime


@dataclass(slots=True)
class Gated:
    """A batch after the gate: what may be stored, what was refused, and whose word it was."""

    batch: Sequence[Heard]
    fixes: list[Fix]  # as they were said
    brought: Rows  # place in the batch of what brought it, beside each fix
    rows: Rows  # of the roster, beside each fix
    columns: Columns  # FIX, beside each fix
    events: list[tuple[Bracelet, Event, Heard]]
    refusals: list[Refusal]
    spoke: Rows  # bracelets heard through the gateway that may speak for them, each once

    def gateway(self, at: int) -> str:
        """Who brought a fix."""
        heard: Heard = self.batch[self.brought[at]]
        return heard.message.gateway

    def fix(self, at: int) -> Fix:
        """A fix as it is stored."""
        return on_grid(self.fixes[at], self.columns[at])


def judge(session: Session, roster: Roster, batch: Sequence[Heard], now: datetime) -> Gated:
    """Let pass what may be stored; a duplicate passes, since it is stored already."""
    fixes = [fix for heard in batch for fix in heard.message.fixes]
    events = [(event, heard) for heard in batch for event in heard.message.events]
    brought = _each(np.arange(len(batch)), [len(heard.message.fixes) for heard in batch])
    columns = laid(fixes)
    columns["received"] = _arrived(batch).take(brought)
    rows, event_rows = _rows(session, roster, batch, [it.device for it, _ in events], now)
    gateway = _gateways(roster, batch)
    by_event = _each(gateway, [len(heard.message.events) for heard in batch])
    told = _speaks(roster, event_rows, by_event)
    speaks = _speaks(roster, rows, gateway.take(brought))
    passed = speaks & _lawful(roster, rows, columns)
    doubtful = np.flatnonzero(~passed)
    unsure = [(fixes[at], batch[brought[at]]) for at in doubtful.tolist()]
    asked = {it.device for it, _ in unsure} | {event.device for event, _ in events}
    bracelets = wearers.read(session, asked) if asked else {}
    refusals = [_refusal(heard, it, it.reason) for heard in batch for it in heard.message.rejected]
    spoke = np.unique(np.concatenate([rows[speaks], event_rows[told]]))
    if unsure:
        passed[doubtful] = [_asked(roster, bracelets, *it, refusals) for it in unsure]
        kept = np.flatnonzero(passed)
        fixes = [fixes[at] for at in kept.tolist()]
        columns, rows, brought = columns.take(kept), rows[kept], brought[kept]
    columns["device_id"] = roster.table["device_id"][rows]
    admitted = _events(events, bracelets, refusals)
    return Gated(batch, fixes, brought, rows, columns, admitted, refusals, spoke)


def _rows(
    session: Session,
    roster: Roster,
    batch: Sequence[Heard],
    of_events: Sequence[str],
    now: datetime,
) -> tuple[Rows, Rows]:
    """The rows of the bracelets of all fixes, and of these names; -1 for strangers.

    Only a gateway's own list speaks of several bracelets: any other message is asked for once.
    """
    names: list[str] = []
    many: list[int] = []
    for heard in batch:
        fixes = heard.message.fixes
        if heard.message.kind is Kind.BATCH:
            names += [fix.device for fix in fixes]
            many += [1] * len(fixes)
        elif fixes:
            names.append(fixes[0].device)
            many.append(len(fixes))
    rows = roster.rows_of(session, [*names, *of_events], now)
    return _each(rows[: len(names)], many), rows[len(names) :]


def _each(numbers: Rows, many: Sequence[int]) -> Rows:
    """Each number so many times."""
    return np.repeat(numbers, np.array(many, np.int64))


def _speaks(roster: Roster, rows: Rows, gateway: Rows) -> npt.NDArray[np.bool_]:
    """Whether the gateway that was heard is the one that may speak for the bracelet."""
    found: npt.NDArray[np.bool_] = (rows >= 0) & (roster.table["gateway"][rows] == gateway)
    return found


def _arrived(batch: Sequence[Heard]) -> Rows:
    """When each came, to the millisecond."""
    seconds = np.array([heard.received.timestamp() for heard in batch])
    return np.floor(seconds * 1e3 + 1e-3).astype(np.int64) * 1000


def _asked(
    roster: Roster,
    bracelets: Mapping[str, Bracelet],
    fix: Fix,
    heard: Heard,
    refusals: list[Refusal],
) -> bool:
    """Whether a fix that the roster does not let pass may be stored, as the database has it."""
    reason = _refused(bracelets.get(fix.device), fix, heard)
    if reason is not None:
        refusals.append(_refusal(heard, fix, reason))
        return False
    _mistrust(roster, fix)
    return True


def _gateways(roster: Roster, batch: Sequence[Heard]) -> Rows:
    """The roster's number of each message's gateway."""
    speakers = (speaker(it.message.gateway, it.message.protocol) for it in batch)
    return np.array([roster.gateways.get(it, NO_GATEWAY) for it in speakers], np.int64)


def _lawful(roster: Roster, rows: Rows, columns: Columns) -> npt.NDArray[np.bool_]:
    """Whether each fix is of a time that the roster lets pass, by a clock that may be right."""
    time, table = columns["time"], roster.table
    ahead = columns["received"] + CLOCK_AHEAD_MAX_S * 1_000_000
    lawful: npt.NDArray[np.bool_] = (table["since"][rows] <= time) & (time < table["until"][rows])
    return lawful & (time <= ahead)


def _refused(bracelet: Bracelet | None, fix: Fix, heard: Heard) -> Reason | None:
    return _stranger(bracelet, heard) or (
        wearers.refusal_of_fix(bracelet, fix.time, heard.received) if bracelet else None
    )


def _stranger(bracelet: Bracelet | None, heard: Heard) -> Reason | None:
    if bracelet is None:
        return Reason.UNKNOWN_DEVICE
    if bracelet.gateway != heard.message.gateway:
        return Reason.WRONG_GATEWAY
    return None if bracelet.protocol == heard.message.protocol else Reason.WRONG_PROTOCOL


def _mistrust(roster: Roster, fix: Fix) -> None:
    """A fix that passed by another order than the roster's newest: see whether there is a newer."""
    row = roster.row_of(fix.device)
    if row is None:
        return
    since = roster.table["since"][row]
    if since == FOREVER or micros(fix.time) >= since:
        roster.forget(np.array([row]))


def _events(
    events: Sequence[tuple[Event, Heard]],
    bracelets: Mapping[str, Bracelet],
    refusals: list[Refusal],
) -> list[tuple[Bracelet, Event, Heard]]:
    """Events of worn bracelets; whatever else they say is refused."""
    admitted = []
    for event, heard in events:
        bracelet = bracelets.get(event.device)
        if reason := _stranger(bracelet, heard):
            refusals.append(_refusal(heard, event, reason))
            continue
        assert bracelet is not None  # noqa: S101 - else it is a stranger
        at = device_events.moment(bracelet, event.time, heard.received)
        if bracelet.wearing(at):
            admitted.append((bracelet, event, heard))
        else:
            refusals.append(_refusal(heard, event, Reason.UNBOUND))
    return admitted


def _refusal(heard: Heard, said: Fix | Event | Rejection, reason: str) -> Refusal:
    gateway = heard.message.gateway
    return Refusal(
        heard.received, gateway, said.device or None, said.seq, str(reason), heard.payload
    )
