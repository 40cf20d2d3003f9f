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
from msgspec.structs import astuple
from sqlalchemy.orm import Session

from correction_service import device_events, wearers
from correction_service.fix_columns import ABSENT, FIX, OPTIONAL, Columns
from correction_service.fix_store import Refusal
from correction_service.roster import FOREVER, Roster, Rows, speaker
from correction_service.wearers import Bracelet
from devices.datum import Crs
from devices.messages import Event, Fix, Message, Reason, Rejection, Source, Strap
from devices.wire import CLOCK_AHEAD_MAX_S
from models.fix import DATUMS, SOURCES
from models.grid import STEPS, micros

NO_GATEWAY = -2
# By identity: each of these is one object, and to hash a member of an enum costs a Python call.
_CODES: dict[str, dict[int, int]] = {
    "source": {id(Source(word)): place for place, word in enumerate(SOURCES)},
    "crs": {id(Crs(word)): place for place, word in enumerate(DATUMS)},
    "strap": {id(None): ABSENT, id(Strap.CLOSED): 0, id(Strap.OPEN): 1},
    "worn": {id(word): place for place, word in ((ABSENT, None), (0, False), (1, True))},
}
_FIELDS = Fix.__struct_fields__  # in the order of `astuple`


class Heard(NamedTuple):
    """A decoded payload, with its bytes and the moment it arrived."""

    message: Message
    payload: bytes
    received: datetime


@dataclass(slots=True)
class Gated:
    """A batch after the gate: what may be stored, what was refused, and whose word it was."""

    fixes: list[Fix]
    heard: list[Heard]  # beside each fix
    rows: Rows  # of the roster, beside each fix
    columns: Columns  # FIX, beside each fix
    events: list[tuple[Bracelet, Event, Heard]]
    refusals: list[Refusal]
    spoke: Rows  # bracelets heard through the gateway that may speak for them, each once


def judge(session: Session, roster: Roster, batch: Sequence[Heard], now: datetime) -> Gated:
    """Let pass what may be stored; a duplicate passes, since it is stored already."""
    said = [(fix, heard) for heard in batch for fix in heard.message.fixes]
    events = [(event, heard) for heard in batch for event in heard.message.events]
    columns, devices = _columns(batch)
    names = [*devices, *(it.device for it, _ in events)]
    rows = roster.rows_of(session, names, now)
    speaks = (rows >= 0) & (roster.table["gateway"][rows] == _gateways(roster, batch))
    fix_rows = rows[: len(said)]
    passed = speaks[: len(said)] & _lawful(roster, fix_rows, columns)
    doubtful = np.flatnonzero(~passed)
    unsure = [said[at] for at in doubtful.tolist()]
    asked = {it.device for it, _ in unsure} | {event.device for event, _ in events}
    bracelets = wearers.read(session, asked) if asked else {}
    refusals = [_refusal(heard, it, it.reason) for heard in batch for it in heard.message.rejected]
    passed[doubtful] = [_asked(roster, bracelets, *it, refusals) for it in unsure]
    kept = np.flatnonzero(passed)
    if unsure:
        said = [said[at] for at in kept.tolist()]
        columns, fix_rows = columns.take(kept), fix_rows[kept]
    columns["device_id"] = roster.table["device_id"][fix_rows]
    return Gated(
        fixes=[fix for fix, _ in said],
        heard=[heard for _, heard in said],
        rows=fix_rows,
        columns=columns,
        events=_events(events, bracelets, refusals),
        refusals=refusals,
        spoke=np.unique(rows[speaks]),
    )


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
    """The roster's number of the gateway of every fix, then of every event."""
    speakers = (speaker(it.message.gateway, it.message.protocol) for it in batch)
    numbers = [roster.gateways.get(it, NO_GATEWAY) for it in speakers]
    fixes = [len(heard.message.fixes) for heard in batch]
    events = [len(heard.message.events) for heard in batch]
    return np.concatenate([np.repeat(numbers, fixes), np.repeat(numbers, events)])


def _columns(batch: Sequence[Heard]) -> tuple[Columns, Sequence[str]]:
    """All fixes as columns, but for whose they are, and the names of their bracelets.

    Moments are to the microsecond by the device's clock and to the millisecond by ours.
    """
    fixes = [fix for heard in batch for fix in heard.message.fixes]
    columns = np.zeros(len(fixes), dtype=FIX)
    if not fixes:
        return columns, ()
    said = dict(zip(_FIELDS, zip(*map(astuple, fixes), strict=True), strict=True))
    seconds = np.fromiter(map(datetime.timestamp, said["time"]), np.float64, len(fixes))
    columns["time"] = np.rint(seconds * 1e6)
    arrived = np.array([heard.received.timestamp() for heard in batch])
    many = [len(heard.message.fixes) for heard in batch]
    columns["received"] = np.repeat(np.floor(arrived * 1e3 + 1e-3) * 1000, many)
    columns["seq"] = said["seq"]
    for name, codes in _CODES.items():
        target = "strap_open" if name == "strap" else name
        columns[target] = [codes[it] for it in map(id, said[name])]
    for name in ("lat", "lon", *OPTIONAL):  # numbers, or None, which numpy takes for NaN
        steps = np.rint(np.array(said[name], np.float64) * STEPS[name])
        columns[name] = np.where(np.isnan(steps), ABSENT, steps)
    return columns, said["device"]


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
