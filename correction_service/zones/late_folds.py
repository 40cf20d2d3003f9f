"""The fold over a past that late fixes have changed: from a snapshot on, over all that is known."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.storage import fix_store, history
from correction_service.storage.fix_columns import NEVER
from correction_service.storage.history import HistoryBroken
from correction_service.tracking.roster import Roster, Rows
from correction_service.zones import zone_watch
from correction_service.zones.zone_watch import Crossing
from devices.messages import Fix, Source
from models.containment import Sights
from models.device import Device, ReplayDue, StateSnapshot
from models.evidence import error_m
from models.fix import SOURCES
from models.grid import STEPS, micros, moment
from models.memory import Memory, blank, pack, unpack
from models.packing import NAMES, NULL, Columns, nothing

LOOK_BACK = timedelta(days=3)  # where no snapshot says how the day began
DAY_MICROS = 86_400_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Past:
    """Where a replay begins: after this fix (of `time` and `seq`), with what zones remembered."""

    time: int
    seq: int
    zones: bytes


@dataclass(slots=True)
class Walk:
    """One device on its way through a replay, with what its state was when it was read."""

    device_id: int
    marked_at: datetime
    row: int  # of the roster
    revision: int
    before: bytes
    past: Past
    columns: Columns
    broken: Mapping[int, bool]
    right: Mapping[int, bool]
    end: datetime
    after: bytes = b""
    warned: Collection[int] = ()
    crossings: list[Crossing] = field(default_factory=list)
    snapshots: list[fix_store.Row] = field(default_factory=list)


def fold(session: Session, roster: Roster, device_ids: Sequence[int], now: datetime) -> list[Walk]:
    """Fold the pasts of these devices again, all at once; nothing is written.

    A device whose packed days cannot be read has no walk.
    """
    roster.refresh(session, now)
    columns = (ReplayDue.device_id, ReplayDue.since, ReplayDue.marked_at, Device.name)
    query = select(*columns).join(Device, Device.id == ReplayDue.device_id)
    due = session.execute(query.where(ReplayDue.device_id.in_(device_ids))).all()
    names = [it.name for it in due]
    known = [row for row in map(roster.row_of, names) if row is not None]
    roster.forget(np.array(known, dtype=np.int64))
    walks = []
    for it, row in zip(due, roster.rows_of(session, names, now).tolist(), strict=True):
        try:
            walks.append(_begun(session, roster, row, it))
        except HistoryBroken as fault:
            log.error("replay failed", device=it.device_id, error=fault.code)  # noqa: TRY400
    _walk(roster, walks)
    return walks


def _begun(
    session: Session,
    roster: Roster,
    row: int,
    due: Any,  # noqa: ANN401 - a row of `fold`
) -> Walk:
    """Load a device's fixes, and put its memory where the replay begins."""
    table = roster.table[row]
    memory, places = _memory(roster, row), roster.places[_span(roster, row)]
    newest = int(table["time"])
    past = Past(0, 0, b"")
    columns: Columns = nothing()
    if not len(memory) or newest == NEVER:
        newest = 0  # nobody wears it, or no zone asks
    else:
        past = _past(session, due.device_id, due.since, moment(int(table["bound_at"])))
        columns = _columns(session, due.device_id, past, (newest, int(table["seq"])))
    before = pack(memory)
    if len(columns["time"]):
        memory[:] = _aligned(memory, unpack(past.zones))
    return Walk(
        device_id=due.device_id,
        marked_at=due.marked_at,
        row=row,
        revision=int(table["revision"]),
        before=before,
        past=past,
        columns=columns,
        broken=zone_watch.broken(places, memory),
        right=zone_watch.right(places, memory),
        end=moment(newest),
    )


def _span(roster: Roster, row: int) -> slice:
    first = int(roster.table["first"][row])
    return slice(first, first + int(roster.table["zones"][row]))


def _memory(roster: Roster, row: int) -> Memory:
    return roster.memory[_span(roster, row)]


def _walk(roster: Roster, walks: Sequence[Walk]) -> None:
    """Fold day by day, so that each day's snapshot says what is true now."""
    rows = np.array([walk.row for walk in walks], dtype=np.int64)
    days = {day for walk in walks for day in np.unique(walk.columns["time"] // DAY_MICROS).tolist()}
    for day in sorted(days):
        parts = [_of_day(walk.columns, day) for walk in walks]
        for walk, part in zip(walks, parts, strict=True):
            if len(part["time"]) and walk.past.time // DAY_MICROS < day:
                _snap(roster, walk, day)
        wearer = np.repeat(np.arange(len(walks)), [len(part["time"]) for part in parts])
        columns = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
        for change in roster.rules.observe(roster.zoning(rows), _sights(wearer, columns)):
            if change.approach:
                continue  # nobody can be met on the way there any more
            fix, place = _fix(columns, change.fix), roster.places[change.place]
            walk = walks[wearer[change.fix]]
            beyond_m = roster.grounds.beyond_m(place, fix.lat, fix.lon)
            case_id = int(roster.table["case_id"][walk.row])
            crossing = Crossing(change, place, case_id, walk.device_id, fix, beyond_m)
            walk.crossings.append(crossing)
    for walk in walks:
        memory, places = _memory(roster, walk.row), roster.places[_span(roster, walk.row)]
        walk.after, walk.warned = pack(memory), zone_watch.warned(places, memory)


def _of_day(columns: Columns, day: int) -> Columns:
    inside = slice(*np.searchsorted(columns["time"], [day * DAY_MICROS, (day + 1) * DAY_MICROS]))
    return {name: column[inside] for name, column in columns.items()}


def _snap(roster: Roster, walk: Walk, day: int) -> None:
    """Note the states before the device's first fix of a day, if there was one before it."""
    earlier = int(np.searchsorted(walk.columns["time"], day * DAY_MICROS)) - 1
    if earlier < 0 and not walk.past.zones:
        return
    time, seq = walk.past.time, walk.past.seq
    if earlier >= 0:
        time, seq = (int(walk.columns[name][earlier]) for name in ("time", "seq"))
    walk.snapshots.append(
        {
            "device_id": walk.device_id,
            "day": moment(day * DAY_MICROS).date(),
            "time": moment(time),
            "seq": seq,
            "zones": pack(_memory(roster, walk.row)),
        }
    )


def _past(session: Session, device_id: int, since: datetime, bound_at: datetime) -> Past:
    """The newest snapshot before `since` of today's wearer, or else a blank beginning."""
    snapshot = session.scalar(
        select(StateSnapshot)
        .where(
            StateSnapshot.device_id == device_id,
            StateSnapshot.day <= since.date(),
            StateSnapshot.time < since,
            StateSnapshot.time >= bound_at,
        )
        .order_by(StateSnapshot.day.desc())
        .limit(1)
    )
    if snapshot is None or snapshot.time is None:
        return Past(micros(max(bound_at, since - LOOK_BACK)) - 1, 0, b"")
    return Past(micros(snapshot.time), snapshot.seq or 0, snapshot.zones)


def _aligned(memory: Memory, remembered: Memory) -> Memory:
    """What is remembered of these zones, in their order; nothing of those that are newer."""
    aligned = blank(memory["zone_id"])
    for held in remembered:
        aligned[aligned["zone_id"] == held["zone_id"]] = held
    return aligned


def _columns(session: Session, device_id: int, past: Past, newest: tuple[int, int]) -> Columns:
    """Fixes after `past` up to the newest that the state knows, by (time, seq)."""
    columns = history.fixes(session, device_id, moment(past.time), moment(newest[0] + 1))
    time, seq = columns["time"], columns["seq"]
    after = (time > past.time) | ((time == past.time) & (seq > past.seq))
    known = (time < newest[0]) | ((time == newest[0]) & (seq <= newest[1]))
    return {name: column[after & known] for name, column in columns.items()}


def _sights(wearer: Rows, columns: Columns) -> Sights:
    accuracy_m = np.where(columns["accuracy_m"] == NULL, np.nan, columns["accuracy_m"])
    source = columns["source"]
    return Sights(
        wearer,
        columns["time"] // 1_000_000,
        columns["lat"] / STEPS["lat"],
        columns["lon"] / STEPS["lon"],
        error_m(accuracy_m / STEPS["accuracy_m"], source),
        source,
    )


def _fix(columns: Columns, at: int) -> Fix:
    accuracy = int(columns["accuracy_m"][at])
    return Fix(
        seq=int(columns["seq"][at]),
        time=moment(int(columns["time"][at])),
        lat=int(columns["lat"][at]) / STEPS["lat"],
        lon=int(columns["lon"][at]) / STEPS["lon"],
        accuracy_m=None if accuracy == NULL else accuracy / STEPS["accuracy_m"],
        source=Source(SOURCES[columns["source"][at]]),
    )
