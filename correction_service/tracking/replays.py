"""Late fixes are folded into the past: the same fold over all that is known by now.

What the fold says now replaces what it said before from the late fix on: changes that no longer
hold are superseded and stay, so the view of any earlier moment can be had (`bands.of_case`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from correction_service import telemetry
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import late_incidents
from correction_service.incidents.late_incidents import Refold
from correction_service.storage import fix_store
from correction_service.tracking.device_states import Overtaken
from correction_service.tracking.roster import Roster
from correction_service.zones import zone_watch
from correction_service.zones.late_folds import Walk, fold
from correction_service.zones.zone_watch import Crossing
from models.device import DeviceState, ReplayDue
from models.grid import moment
from models.zone import ZoneChange

MOST = 1000  # devices a run; the others wait for the next one
TOGETHER = 100  # devices folded in one go: a fold costs as much as its longest walk
TRIES = 3  # of a device that live fixes overtake

log = structlog.get_logger()


def run(database: Database, now: datetime) -> int:
    """Replay devices with late fixes, the longest wait first; tell how many were done.

    Folding is slow and done on a reading session. Each device is then written by itself: one that
    a live fix overtook is folded alone again, and what cannot be done goes behind all that waits.
    """
    with database.reading() as session:
        query = select(ReplayDue.device_id).order_by(ReplayDue.marked_at).limit(MOST)
        device_ids = session.scalars(query).all()
        waiting = session.scalar(select(func.count()).select_from(ReplayDue)) or 0
    done, roster = 0, Roster()
    for first in range(0, len(device_ids), TOGETHER):
        group = device_ids[first : first + TOGETHER]
        kept = {
            walk.device_id
            for walk, of in _folded(database, roster, group, now)
            if _kept(database, of, walk, now)
        }
        _put_back(database, set(group) - kept, now)
        done += len(kept)
    if waiting:
        log.info("replays", done=done, waiting=waiting - done)
    return done


def _folded(
    database: Database, roster: Roster, device_ids: Sequence[int], now: datetime
) -> list[tuple[Walk, Roster]]:
    """Fold together, or each alone where one of them spoils it for the others."""
    try:
        with database.reading() as session:
            return [(walk, roster) for walk in fold(session, roster, device_ids, now)]
    except Exception as fault:  # noqa: BLE001 - the others are replayed all the same
        if len(device_ids) == 1:
            _failed(device_ids[0], fault)
            return []
    return [it for alone in device_ids for it in _folded(database, Roster(), [alone], now)]


def _kept(database: Database, roster: Roster, walk: Walk, now: datetime) -> bool:
    """Write a walk; one that is overtaken is walked again at once, some times."""
    for _ in range(TRIES):
        try:
            with database.transaction(SYSTEM, "replays") as session:
                keep(session, roster, walk, now)
        except Overtaken:
            again = _folded(database, Roster(), [walk.device_id], now)
            if not again:
                return False
            ((walk, roster),) = again
        except Exception as fault:  # noqa: BLE001 - the others are replayed all the same
            _failed(walk.device_id, fault)
            return False
        else:
            return True
    return False


def _failed(device_id: int, fault: Exception) -> None:
    kind, place = type(fault).__name__, telemetry.place(fault)
    log.error("replay failed", device=device_id, error=kind, place=place)


def _put_back(database: Database, device_ids: Collection[int], now: datetime) -> None:
    """Let these wait behind all others, so that what always fails holds nobody up."""
    if not device_ids:
        return
    waiting = (ReplayDue.device_id.in_(device_ids), ReplayDue.marked_at < now)
    with database.transaction(SYSTEM, "replays") as session:
        session.execute(
            update(ReplayDue).where(*waiting).values(marked_at=now),
            execution_options={"synchronize_session": False},
        )


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
        right=walk.right,
        warned=walk.warned,
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
