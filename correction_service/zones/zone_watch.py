"""Follow wearers through their zones: fold new fixes, write decided changes, raise sightings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.incidents import sightings
from correction_service.storage import fix_store
from correction_service.storage.fix_columns import ABSENT
from correction_service.tracking.gate import Gated
from correction_service.tracking.roster import Roster, Rows, Table
from devices.messages import Fix
from models.containment import NOT_IN_FORCE, WITHDREW, WRONG, Change, Sights
from models.evidence import error_m
from models.grid import STEPS
from models.ground import KINDS, Places, broken_by
from models.incident import Incident, IncidentKind, Severity
from models.memory import UNKNOWN, Memory
from models.zone import ZoneKind, ZoneState

BREACHES = {
    ZoneKind.HOME: IncidentKind.LEFT_HOME_AREA,
    ZoneKind.EXCLUSION: IncidentKind.ENTERED_EXCLUSION,
    ZoneKind.CURFEW: IncidentKind.OUT_IN_CURFEW,
    ZoneKind.PLACE: IncidentKind.AWAY_FROM_PLACE,
    ZoneKind.DESTINATION: IncidentKind.AWAY_FROM_DESTINATION,
}
YIELDING = frozenset({IncidentKind.OUT_IN_CURFEW, IncidentKind.AWAY_FROM_PLACE})
REFRESH_AFTER = timedelta(seconds=30)  # an open incident is not rewritten for every fix


def breach_of(place: np.void) -> IncidentKind:
    """What being on the wrong side of this zone is called."""
    return IncidentKind.LEAVE_OVERDUE if place["overdue"] else BREACHES[KINDS[place["kind"]]]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A change of state with the zone, the wearer and the fix that decided it."""

    change: Change
    place: np.void
    case_id: int
    device_id: int
    fix: Fix
    beyond_m: float

    @property
    def zone_id(self) -> int:
        """The zone whose state changed."""
        return int(self.place["zone_id"])

    @property
    def kind(self) -> IncidentKind:
        """What leaving or entering this zone is called."""
        return breach_of(self.place)

    @property
    def key(self) -> str:
        """The key of the incident that it would be."""
        return sightings.key_of(self.kind, self.case_id, self.zone_id)

    @property
    def breaks(self) -> bool:
        """Whether the new state is the one that the zone forbids."""
        return self.change.state is broken_by(self.place["kind"])

    @property
    def yields(self) -> bool:
        """Whether an overdue return says as much: one absence is one incident."""
        return self.breaks and self.kind in YIELDING

    @property
    def returns(self) -> bool:
        """Whether an overdue return is over with it, as the bracelet shows."""
        home = self.change.state is not ZoneState.UNKNOWN and not self.breaks
        return self.kind is IncidentKind.LEAVE_OVERDUE and home


def follow(session: Session, roster: Roster, gated: Gated, newer: Rows, now: datetime) -> None:
    """Bring every wearer's zone states, their changes and the incidents up to date."""
    if not newer.size:
        return
    rows, wearer = np.unique(gated.rows[newer], return_inverse=True)
    changes = roster.rules.observe(roster.zoning(rows), _sights(gated, newer, wearer))
    crossings = [_crossing(roster, gated, newer, change) for change in changes]
    decided = [it for it in crossings if not it.change.approach]
    fix_store.keep_changes(session, [row_of(it, now) for it in decided])
    answer(session, [*crossings, *_resumed(roster, gated, newer, crossings)], now)
    last = np.append(np.flatnonzero(np.diff(wearer)), len(wearer) - 1)
    _refresh(session, roster, gated, newer[last], now)


def _sights(gated: Gated, newer: Rows, wearer: Rows) -> Sights:
    columns = gated.columns.take(newer)
    accuracy_m = columns["accuracy_m"] / STEPS["accuracy_m"]
    accuracy_m[columns["accuracy_m"] == ABSENT] = np.nan
    return Sights(
        wearer,
        columns["time"] // 1_000_000,
        columns["lat"] / STEPS["lat"],
        columns["lon"] / STEPS["lon"],
        error_m(accuracy_m, columns["source"]),
        columns["source"],
    )


def _crossing(roster: Roster, gated: Gated, newer: Rows, change: Change) -> Crossing:
    at = int(newer[change.fix])
    fix, place = gated.fix(at), roster.places[change.place]
    row = roster.table[gated.rows[at]]
    beyond_m = roster.grounds.beyond_m(place, fix.lat, fix.lon)
    return Crossing(change, place, int(row["case_id"]), int(row["device_id"]), fix, beyond_m)


def _resumed(
    roster: Roster, gated: Gated, newer: Rows, crossings: Sequence[Crossing]
) -> list[Crossing]:
    """What yielded to an overdue return that is over: back in the city is not yet at home by night.

    Its own crossing came while the return was overdue and comes no second time.
    """
    told = {it.key for it in crossings if it.breaks}
    found = []
    for back in crossings:
        if not back.returns:
            continue
        _, places = _places(roster.table.take(gated.rows[newer[[back.change.fix]]]))
        states, kinds = roster.memory["state"][places], roster.places["kind"][places]
        for at in places[states == WRONG[kinds]].tolist():
            state = broken_by(roster.places[at]["kind"])
            change = replace(back.change, place=at, state=state, crossed=True, evidence={})
            found.append(_crossing(roster, gated, newer, change))
    return [it for it in found if it.yields and it.key not in told]


def row_of(it: Crossing, now: datetime) -> dict[str, Any]:
    """A change of state as it is stored."""
    return {
        "zone_id": it.zone_id,
        "device_id": it.device_id,
        "state": it.change.state,
        "since": datetime.fromtimestamp(it.change.since, UTC),
        "decided_at": it.fix.time,
        "evidence": {**it.change.evidence, "received": now.isoformat()},
        "recorded_at": now,
        "superseded_at": None,
    }


def broken(places: Places, memory: Memory) -> dict[int, bool]:
    """By zone: whether the wearer was last settled on its wrong side."""
    wrong = memory["settled"] == WRONG[places["kind"]]
    return dict(zip(places["zone_id"].tolist(), wrong.tolist(), strict=True))


def right(places: Places, memory: Memory) -> dict[int, bool]:
    """By zone: whether the wearer is known to be on its right side; UNKNOWN is not."""
    known = (memory["state"] != UNKNOWN) & (memory["state"] != WRONG[places["kind"]])
    return dict(zip(places["zone_id"].tolist(), known.tolist(), strict=True))


def warned(places: Places, memory: Memory) -> set[int]:
    """The zones to which the wearer is on the way, as far as anybody can tell."""
    return set(places["zone_id"][memory["warned"] > 0].tolist())


def answer(session: Session, crossings: Sequence[Crossing], now: datetime) -> None:
    """Open on a crossing to the wrong side, end on the right one or where nothing is asked."""
    overdue = overdue_in(session, crossings)
    with sightings.gathered(session, {it.key for it in crossings}, now) as found:
        for it in crossings:
            why = it.change.evidence.get("why")
            if it.case_id in overdue and it.yields:
                continue
            if it.breaks or (it.change.approach and why != WITHDREW):
                if it.change.crossed or it.change.approach:
                    found.seen(seen_of(it, now))
                continue
            if why in {NOT_IN_FORCE, WITHDREW} or it.change.state is not ZoneState.UNKNOWN:
                facts = {"ended_by": NOT_IN_FORCE if why == NOT_IN_FORCE else "back"}
                found.ended(it.key, datetime.fromtimestamp(it.change.since, UTC), facts)


def overdue_in(session: Session, crossings: Sequence[Crossing]) -> set[int]:
    """The cases whose overdue return is said already, in these crossings or before.

    Only where the bracelet was seen beyond the home area: of whom nobody knows where they are, a
    broken curfew is news.
    """
    asked = {it.case_id for it in crossings if it.yields}
    if not asked:
        return set()
    late = IncidentKind.LEAVE_OVERDUE
    running = (Incident.kind == late, Incident.open_key.is_not(None), Incident.ended_at.is_(None))
    query = select(Incident.case_id, Incident.facts).where(Incident.case_id.in_(asked), *running)
    known = {row.case_id for row in session.execute(query) if "beyond_m" in row.facts}
    now = {it.case_id for it in crossings if it.kind is late and it.breaks and it.change.crossed}
    back = {it.case_id for it in crossings if it.kind is late and not it.breaks}
    return (known - back) | now


def seen_of(it: Crossing, now: datetime) -> sightings.Seen:
    """What a crossing to the wrong side raises."""
    return sightings.Seen(
        kind=it.kind,
        case_id=it.case_id,
        device_id=it.device_id,
        zone_id=it.zone_id,
        since=datetime.fromtimestamp(it.change.since, UTC),
        at=it.fix.time,
        severity=Severity.SOON if it.change.approach else None,
        facts=_facts(it.fix, it.beyond_m, now)
        | it.change.evidence
        | {"approach": it.change.approach},
    )


def _facts(fix: Fix, beyond_m: float, now: datetime) -> dict[str, Any]:
    """The figures of the newest fix: no coordinates, the trail has them under its own lock."""
    return {
        "beyond_m": round(beyond_m),
        "fix_at": fix.time.isoformat(),
        "source": str(fix.source),
        "accuracy_m": fix.accuracy_m,
        "age_s": round((now - fix.time).total_seconds()),
    }


def _refresh(session: Session, roster: Roster, gated: Gated, newest: Rows, now: datetime) -> None:
    """Bring open incidents of broken zones up to date with the newest fix of each wearer."""
    table = roster.table.take(gated.rows[newest])
    wearer, place = _places(table)
    states, kinds = roster.memory["state"][place], roster.places["kind"][place]
    due = roster.refreshed[place] <= int((now - REFRESH_AFTER).timestamp())
    broken = np.flatnonzero((states == WRONG[kinds]) & due)
    roster.refreshed[place[broken]] = int(now.timestamp())
    seen = {}
    for who, at in zip(wearer[broken].tolist(), place[broken].tolist(), strict=True):
        fix, zone = gated.fix(int(newest[who])), roster.places[at]
        key = sightings.key_of(breach_of(zone), int(table["case_id"][who]), int(zone["zone_id"]))
        beyond_m = roster.grounds.beyond_m(zone, fix.lat, fix.lon)
        seen[key] = (fix.time, _facts(fix, beyond_m, now))
    if seen:
        sightings.refresh(session, seen)


def _places(table: Table) -> tuple[Rows, Rows]:
    """Every zone of these wearers: whose it is, and where it stands among the places."""
    many = table["zones"].astype(np.int64)
    wearer = np.repeat(np.arange(len(table)), many)
    within = np.arange(len(wearer)) - np.repeat(np.cumsum(many) - many, many)
    return wearer, table["first"][wearer] + within
