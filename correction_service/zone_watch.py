"""Follow wearers through their zones: fold new fixes, write decided changes, raise incidents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from correction_service import fix_store, incidents
from models.area import Area, area, outline
from models.containment import NOT_IN_FORCE, Change, Memories, Sighting, Watch, broken, observe
from models.incident import IncidentKind
from models.zone import Zone, ZoneKind, ZoneState

BREACHES = {
    ZoneKind.HOME: IncidentKind.LEFT_HOME_AREA,
    ZoneKind.EXCLUSION: IncidentKind.ENTERED_EXCLUSION,
    ZoneKind.CURFEW: IncidentKind.OUT_IN_CURFEW,
}
AREAS_KEPT = 20_000

# A zone's geometry never changes once made (a change ends one zone and makes another), so what is
# costly to prepare is kept by zone; its validity is read anew each time.
_prepared: WeakKeyDictionary[Engine, dict[int, Area]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Progress:
    """One wearer's fixes that are newer than all before, in order of time."""

    device_id: int
    case_id: int
    memories: Memories  # updated in place
    fixes: Sequence[Sighting]


def follow(session: Session, progress: Sequence[Progress], now: datetime) -> None:
    """Bring every wearer's zone states, their changes and the incidents up to date."""
    areas = areas_of(session, {it.case_id for it in progress})
    watches = [Watch(areas.get(it.case_id, ()), it.memories, it.fixes) for it in progress]
    found = list(zip(progress, watches, observe(watches), strict=True))
    for it, watch, _ in found:
        for gone in it.memories.keys() - {place.zone_id for place in watch.areas}:
            del it.memories[gone]
    changes = [(it, change) for it, _, decided in found for change in decided]
    fix_store.keep_changes(session, [_row(it, change, now) for it, change in changes])
    opened = incidents.open_among(session, {_key(it, change.area) for it, change in changes})
    for it, change in changes:
        _answer(session, it, change, opened, now)
    _refresh(session, [(it, watch) for it, watch, _ in found], now)


def _key(it: Progress, place: Area) -> str:
    return incidents.key_of(BREACHES[place.kind], it.case_id, place.zone_id)


def _row(it: Progress, change: Change, now: datetime) -> dict[str, Any]:
    return {
        "zone_id": change.area.zone_id,
        "device_id": it.device_id,
        "state": change.state,
        "since": change.since,
        "decided_at": change.decided_at,
        "evidence": {**change.evidence, "received": now.isoformat()},
        "recorded_at": now,
    }


def _answer(
    session: Session, it: Progress, change: Change, opened: set[str], now: datetime
) -> None:
    """Open on a crossing to the wrong side, end on the right one or where nothing is asked."""
    key = _key(it, change.area)
    if change.state is change.area.broken_by:
        if change.crossed:
            incidents.open_or_update(session, _seen(it, change, now), now)
            opened.add(key)
        return
    freed = change.evidence.get("why") == NOT_IN_FORCE
    if key in opened and (freed or change.state is not ZoneState.UNKNOWN):
        ended_by = NOT_IN_FORCE if freed else "back"
        incidents.end(session, key, change.since, {"ended_by": ended_by}, now)


def _seen(it: Progress, change: Change, now: datetime) -> incidents.Seen:
    return incidents.Seen(
        kind=BREACHES[change.area.kind],
        case_id=it.case_id,
        device_id=it.device_id,
        zone_id=change.area.zone_id,
        since=change.since,
        at=change.decided_at,
        facts=_facts(change.area, change.by, now) | change.evidence,
    )


def _facts(place: Area, fix: Sighting, now: datetime) -> dict[str, Any]:
    """The figures of the newest fix: no coordinates, the trail has them under its own lock."""
    return {
        "beyond_m": round(place.beyond_m(fix.lat, fix.lon)),
        "fix_at": fix.time.isoformat(),
        "source": str(fix.source),
        "accuracy_m": fix.accuracy_m,
        "age_s": round((now - fix.time).total_seconds()),
    }


def _refresh(session: Session, found: Sequence[tuple[Progress, Watch]], now: datetime) -> None:
    seen = {
        _key(it, place): (
            watch.fixes[-1].time,
            _facts(place, watch.fixes[-1], now),
        )
        for it, watch in found
        for place in broken({place.zone_id: place for place in watch.areas}, watch.memories)
    }
    if seen:
        incidents.still_seen(session, seen)


def areas_of(session: Session, case_ids: Collection[int]) -> Mapping[int, Sequence[Area]]:
    """The zones of these cases, ready to judge; those that have ended too, so that states end."""
    columns = (Zone.id, Zone.case_id, Zone.valid_from, Zone.valid_to)
    zones = session.execute(select(*columns).where(Zone.case_id.in_(case_ids))).all()
    prepared = _prepared.setdefault(_engine(session), {})
    missing = [row.id for row in zones if _outdated(prepared.get(row.id), row)]
    if len(prepared) + len(missing) > AREAS_KEPT:
        prepared.clear()
        missing = [row.id for row in zones]
    for zone in session.scalars(select(Zone).where(Zone.id.in_(missing))):
        prepared[zone.id] = _ready(zone)
    found: dict[int, list[Area]] = {}
    for row in zones:
        found.setdefault(row.case_id, []).append(prepared[row.id])
    return found


def _outdated(known: Area | None, row: Any) -> bool:  # noqa: ANN401 - a row of three columns
    return known is None or (known.valid_from, known.valid_to) != (row.valid_from, row.valid_to)


def _ready(zone: Zone) -> Area:
    return area(
        zone.id,
        zone.kind,
        outline(zone),
        margin_m=zone.margin_m,
        valid_from=zone.valid_from,
        valid_to=zone.valid_to,
        hours=zone.hours,
    )


def _engine(session: Session) -> Engine:
    bind = session.get_bind()
    return bind.engine if isinstance(bind, Connection) else bind
