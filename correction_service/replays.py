"""Late fixes are folded into the past: the same fold over all that is known by now.

What the fold says now replaces what it said before from the late fix on: changes that no longer
hold are superseded and stay, so the view of any earlier moment can be had (`bands.of_case`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from correction_service import fix_store, late_incidents, telemetry, zone_watch
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.device_states import Overtaken
from correction_service.late_folds import Walk, fold
from correction_service.late_incidents import Refold
from correction_service.roster import Roster
from correction_service.zone_watch import Crossing
from models.device import DeviceState, ReplayDue
from models.grid import moment
from models.zone import ZoneChange

MOST = 1000  # devices a run; the others wait for the next one
TOGETHER = 100  # devices folded in one go: a fold costs as much as its longest walk

log = structlog.get_logger()


def run(database: Database, now: datetime) -> int:
    """Replay devices with late fixes, the longest wait first; tell how many were done.

    Folding is slow and done on a reading session. Each device is then written by itself: one that
    a live fix overtook, or that fails, waits for the next run.
    """
    with database.reading() as session:
        query = select(ReplayDue.device_id).order_by(ReplayDue.marked_at).limit(MOST)
        device_ids = session.scalars(query).all()
        waiting = session.scalar(select(func.count()).select_from(ReplayDue)) or 0
    done, roster = 0, Roster()
    for first in range(0, len(device_ids), TOGETHER):
        with database.reading() as session:
            walks = fold(session, roster, device_ids[first : first + TOGETHER], now)
        for walk in walks:
            done += _kept(database, roster, walk, now)
    if waiting:
        log.info("replays", done=done, waiting=waiting - done)
    return done


def _kept(database: Database, roster: Roster, walk: Walk, now: datetime) -> bool:
    try:
        with database.transaction(SYSTEM, "replays") as session:
            keep(session, roster, walk, now)
    except Overtaken:
        return False
    except Exception as fault:  # noqa: BLE001 - the others are replayed all the same
        kind, place = type(fault).__name__, telemetry.place(fault)
        log.error("replay failed", device=walk.device_id, error=kind, place=place)  # noqa: TRY400
        return False
    return True


def keep(session: Session, roster: Roster, walk: Walk, now: datetime) -> None:
    """Write what the fold says now; `Overtaken` where the state changed since it was read."""
    if walk.after != walk.before:
        _keep_state(session, walk)
    refold = Refold(
        device_id=walk.device_id,
        case_id=int(roster.table["case_id"][walk.row]),
        begin=moment(walk.past.time),
        end=walk.end,
        crossings=walk.crossings,
        broken=walk.broken,
    )
    if len(walk.columns["time"]):
        fix_store.replace_snapshots(session, walk.snapshots)
        late_incidents.answer(session, refold, _supersede(session, refold, now), now)
    same = (ReplayDue.device_id == walk.device_id, ReplayDue.marked_at == walk.marked_at)
    session.execute(delete(ReplayDue).where(*same))


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


def _keep_state(session: Session, walk: Walk) -> None:
    read = (DeviceState.device_id == walk.device_id, DeviceState.revision == walk.revision)
    kept = session.execute(
        update(DeviceState).where(*read).values(zones=walk.after, revision=walk.revision + 1),
        execution_options={"synchronize_session": False},
    )
    if kept.rowcount != 1:  # type: ignore[attr-defined] # a CursorResult
        raise Overtaken
