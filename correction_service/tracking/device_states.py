"""The present of each device: its newest fix, its last sign of life, what zones remember."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from correction_service.storage import fix_store
from correction_service.storage.fix_columns import ABSENT, NEVER, STATE, Columns
from correction_service.storage.fix_store import Row
from correction_service.tracking.gate import Gated
from correction_service.tracking.roster import Roster, Rows
from models.grid import STEPS, micros, moment
from models.memory import pack, pack_all

DAY_MICROS = 86_400_000_000


class Overtaken(Exception):
    """A state was changed by another ingester or an officer since it was read: read it again."""


def newer(roster: Roster, gated: Gated) -> Rows:
    """Which fixes of today's wearers are newer than all before, by device and time, each once."""
    columns, rows, table = gated.columns, gated.rows, roster.table
    order = np.lexsort((columns["seq"], columns["time"], rows))
    row, time, seq = rows[order], columns["time"][order], columns["seq"][order]
    known, last = table["time"][row], table["seq"][row]
    after = (time > known) | ((time == known) & (seq > last))
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = (np.diff(row) == 0) & (np.diff(time) == 0) & (np.diff(seq) == 0)
    found: Rows = order[after & (time >= table["bound_at"][row]) & ~repeated]
    return found


def by_day(gated: Gated, newer: Rows) -> Iterator[Rows]:
    """These fixes by UTC day, oldest first: the states before each day's first want to be kept."""
    days = gated.columns["time"][newer] // DAY_MICROS
    for day in np.unique(days).tolist():
        yield newer[days == day]


def snapshots(roster: Roster, gated: Gated, newer: Rows) -> list[Row]:
    """Zone states before the first fix of a UTC day, of those who cross into one now."""
    rows, first = np.unique(gated.rows[newer], return_index=True)
    began = gated.columns["time"][newer[first]]
    before = roster.table["time"][rows]
    crossed = (before != NEVER) & (began // DAY_MICROS > before // DAY_MICROS)
    return [
        {
            "device_id": int(roster.table["device_id"][row]),
            "day": moment(int(at)).date(),
            "time": moment(int(roster.table["time"][row])),
            "seq": int(roster.table["seq"][row]),
            "zones": _zones(roster, row),
        }
        for row, at in zip(rows[crossed].tolist(), began[crossed], strict=True)
        if roster.table["zones"][row]
    ]


def take(roster: Roster, gated: Gated, newer: Rows) -> None:
    """Let the newest fix of each device stand; of the same row, numpy keeps what comes last."""
    columns, rows, table = gated.columns.take(newer), gated.rows[newer], roster.table
    table["time"][rows], table["seq"][rows] = columns["time"], columns["seq"]
    table["source"][rows] = columns["source"]
    for name in ("lat", "lon"):
        table[name][rows] = columns[name] / STEPS[name]
    stated = columns["accuracy_m"] != ABSENT
    table["accuracy_m"][rows] = np.where(
        stated, columns["accuracy_m"] / STEPS["accuracy_m"], np.nan
    )
    told = columns["battery"] != ABSENT
    table["battery"][rows[told]] = columns["battery"][told] / STEPS["battery"]


def keep(session: Session, roster: Roster, rows: Rows, now: datetime) -> None:
    """Store the states of these bracelets, heard now; `Overtaken` where one was changed since."""
    rows = rows[np.argsort(roster.table["device_id"][rows])]  # in one order, against deadlocks
    roster.table["heard_at"][rows] = micros(now)
    roster.table["revision"][rows] += 1
    kept = 0
    for count in np.unique(roster.table["zones"][rows]).tolist():  # as many zones, as many bytes
        alike = rows[roster.table["zones"][rows] == count]
        memory = roster.memory.take(roster.table["first"][alike, None] + np.arange(count))
        states = _columns(roster.table.take(alike))
        kept += fix_store.writer_of(session).keep_states(session, states, pack_all(memory))
    if kept != len(rows):
        raise Overtaken


def _columns(table: Columns) -> Columns:
    states = np.empty(len(table), dtype=STATE)
    for name in STATE.names or ():
        states[name] = table["strap" if name == "strap_open" else name]
    return states


def _zones(roster: Roster, row: int) -> bytes:
    first = roster.table["first"][row]
    return pack(roster.memory[first : first + roster.table["zones"][row]])


def straps(roster: Roster, gated: Gated, newer: Rows) -> Sequence[int]:
    """Rows whose new fixes show a strap turned; a first word of a closed one is just taken."""
    shown = gated.columns["strap_open"][newer]
    rows = gated.rows[newer]
    known = roster.table["strap"]
    first = (known[rows] == ABSENT) & (shown == 0)
    known[rows[first]] = 0
    turned = (shown != ABSENT) & (shown != known[rows])
    found: list[int] = np.unique(rows[turned]).tolist()
    return found
