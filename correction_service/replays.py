"""Late fixes are folded into the past: the same fold over all that is known by now.

What the fold says now replaces what it said before from the late fix on: changes that no longer
hold are superseded and stay, so the view of any earlier moment can be had (`bands.of_case`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from correction_service import fix_store, history, late_incidents, telemetry, zone_watch
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.device_states import Overtaken
from correction_service.fix_columns import NEVER
from correction_service.late_incidents import Refold
from correction_service.roster import Roster, Rows
from correction_service.zone_watch import Crossing
from devices.messages import Fix, Source
from models.containment import Memory, Sights, blank, error_m, observe, pack, unpack
from models.device import Device, DeviceState, ReplayDue, StateSnapshot
from models.fix import SOURCES
from models.grid import STEPS, micros, moment
from models.packing import NULL, Columns
from models.zone import ZoneChange

MOST = 1000  # devices a run; the others wait for the next one
LOOK_BACK = timedelta(days=3)  # where no snapshot says how the day began
DAY_MICROS = 86_400_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Past:
    """Where a replay begins: after this fix (of `time` and `seq`), with what zones remembered."""

    time: int
    seq: int
    zones: bytes


def run(database: Database, now: datetime) -> int:
    """Replay devices with late fixes, the longest wait first; tell how many were done.

    Each has a transaction of its own: one that fails, or that a live fix overtook, waits.
    """
    with database.reading() as session:
        due = select(ReplayDue.device_id).order_by(ReplayDue.marked_at).limit(MOST)
        device_ids = session.scalars(due).all()
        waiting = session.scalar(select(func.count()).select_from(ReplayDue)) or 0
    done, roster = 0, Roster()
    for device_id in device_ids:
        try:
            with database.transaction(SYSTEM, "replays") as session:
                replay(session, roster, device_id, now)
            done += 1
        except Overtaken:
            continue
        except Exception as fault:  # noqa: BLE001 - the others are replayed all the same
            kind, place = type(fault).__name__, telemetry.place(fault)
            log.error("replay failed", device=device_id, error=kind, place=place)  # noqa: TRY400
    if waiting:
        log.info("replays", done=done, waiting=waiting - done)
    return done


def replay(session: Session, roster: Roster, device_id: int, now: datetime) -> None:
    """Fold a device's late fixes into its past; `Overtaken` where its state changed meanwhile."""
    query = select(ReplayDue.since, ReplayDue.marked_at, Device.name)
    due = session.execute(
        query.join(Device, Device.id == ReplayDue.device_id).where(Device.id == device_id)
    ).one_or_none()
    if due is None:
        return
    roster.refresh(session, now)
    known = roster.row_of(due.name)
    if known is not None:
        roster.forget(np.array([known]))
    rows = roster.rows_of(session, [due.name], now)
    table = roster.table[rows[0]]
    if table["zones"] and table["time"] != NEVER:
        _fold_again(session, roster, rows, due.since, now)
    roster.forget(rows)
    same = (ReplayDue.device_id == device_id, ReplayDue.marked_at == due.marked_at)
    session.execute(delete(ReplayDue).where(*same))


def _fold_again(
    session: Session, roster: Roster, rows: Rows, since: datetime, now: datetime
) -> None:
    table = roster.table[rows[0]]
    device_id, first = int(table["device_id"]), int(table["first"])
    memory = roster.memory[first : first + table["zones"]]
    before = pack(memory)
    past = _past(session, device_id, since, moment(int(table["bound_at"])))
    memory[:] = _aligned(memory, unpack(past.zones))
    broken = zone_watch.broken(roster.places[first : first + len(memory)], memory)
    columns = _columns(session, device_id, past, (int(table["time"]), int(table["seq"])))
    refold = Refold(
        device_id=device_id,
        case_id=int(table["case_id"]),
        begin=moment(past.time),
        end=moment(int(table["time"])),
        crossings=_crossings(session, roster, rows, past, columns),
        broken=broken,
    )
    late_incidents.answer(session, refold, _supersede(session, refold, now), now)
    if pack(memory) != before:
        _keep(session, device_id, int(table["revision"]), pack(memory))


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


def _crossings(
    session: Session, roster: Roster, rows: Rows, past: Past, columns: Columns
) -> list[Crossing]:
    """Fold day by day, so that each day's snapshot says what is true now."""
    table = roster.table[rows[0]]
    device_id, first = int(table["device_id"]), int(table["first"])
    days = columns["time"] // DAY_MICROS
    turns = np.flatnonzero(np.diff(days, prepend=past.time // DAY_MICROS)).tolist()
    found: list[Crossing] = []
    for begin, end in pairwise(sorted({0, *turns, len(days)})):
        if begin in turns and (begin or past.zones):
            packed = pack(roster.memory[first : first + table["zones"]])
            row = _snapshot(device_id, days[begin], _before(past, columns, begin), packed)
            fix_store.replace_snapshots(session, [row])
        part = {name: column[begin:end] for name, column in columns.items()}
        for change in observe(roster.zoning(rows), _sights(part)):
            fix, place = _fix(part, change.fix), roster.places[change.place]
            beyond_m = roster.grounds.beyond_m(place, fix.lat, fix.lon)
            case_id = int(table["case_id"])
            found.append(Crossing(change, place, case_id, device_id, fix, beyond_m))
    return found


def _before(past: Past, columns: Columns, at: int) -> tuple[int, int]:
    if not at:
        return past.time, past.seq
    return int(columns["time"][at - 1]), int(columns["seq"][at - 1])


def _snapshot(device_id: int, day: int, before: tuple[int, int], zones: bytes) -> fix_store.Row:
    time, seq = before
    began = moment(int(day) * DAY_MICROS).date()
    return {"device_id": device_id, "day": began, "time": moment(time), "seq": seq, "zones": zones}


def _sights(columns: Columns) -> Sights:
    accuracy_m = np.where(columns["accuracy_m"] == NULL, np.nan, columns["accuracy_m"])
    source = columns["source"]
    return Sights(
        np.zeros(len(source), np.int64),
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


def _supersede(session: Session, refold: Refold, now: datetime) -> list[Crossing]:
    """Bring the stored changes to what holds now; those that are new."""
    said = {_identity(zone_watch.row_of(it, now)): it for it in refold.crossings}
    query = select(
        ZoneChange.id,
        ZoneChange.zone_id,
        ZoneChange.state,
        ZoneChange.since,
        ZoneChange.decided_at,
    ).where(
        ZoneChange.device_id == refold.device_id,
        ZoneChange.zone_id.in_(refold.broken),
        ZoneChange.decided_at > refold.begin,
        ZoneChange.decided_at <= refold.end,
        ZoneChange.superseded_at.is_(None),
    )
    stored = {_identity(row): row["id"] for row in session.execute(query).mappings()}
    gone = [row_id for identity, row_id in stored.items() if identity not in said]
    if gone:
        session.execute(
            update(ZoneChange).where(ZoneChange.id.in_(gone)).values(superseded_at=now),
            execution_options={"synchronize_session": False},
        )
    new = [it for identity, it in said.items() if identity not in stored]
    rows = [zone_watch.row_of(it, now) for it in new]
    fix_store.keep_changes(
        session, [{**row, "evidence": {**row["evidence"], "late": True}} for row in rows]
    )
    return new


def _identity(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("zone_id", "state", "since", "decided_at"))


def _keep(session: Session, device_id: int, revision: int, zones: bytes) -> None:
    read = (DeviceState.device_id == device_id, DeviceState.revision == revision)
    kept = session.execute(
        update(DeviceState).where(*read).values(zones=zones, revision=revision + 1),
        execution_options={"synchronize_session": False},
    )
    if kept.rowcount != 1:  # type: ignore[attr-defined] # a CursorResult
        raise Overtaken
