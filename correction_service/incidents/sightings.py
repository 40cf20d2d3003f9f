"""What a batch shows of incidents: read at once, opened and ended in memory, kept at once.

When an area loses its power, or a county its satellites, hundreds of incidents open within a
second; five statements for each would hold every later fix up for as many seconds.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, select, update
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.db import among
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.incident_kinds import MEANINGS
from models.service import ServiceSession

Facts = dict[str, Any]


def key_of(kind: IncidentKind, case_id: int, part_id: int | None) -> str:
    """The key of an open incident: its kind, the case, and the zone or device concerned."""
    return f"{kind}:{case_id}:{part_id or 0}"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Something seen that may matter; `since` and `at` are by the device's clock."""

    kind: IncidentKind
    case_id: int
    device_id: int | None
    zone_id: int | None = None
    since: datetime
    at: datetime
    facts: Facts = field(default_factory=dict)
    severity: Severity | None = None  # where the facts decide it; else that of the kind

    @property
    def key(self) -> str:
        """What makes it the same incident when seen again."""
        return key_of(self.kind, self.case_id, self.zone_id or self.device_id)


class Sightings:
    """The open incidents of some keys, and what becomes of them."""

    def __init__(self, session: Session, keys: Collection[str], now: datetime) -> None:
        self._session, self._now = session, now
        self._open: dict[str | None, Incident] = {}
        self._touched: dict[str, Incident] = {}
        if keys:  # mostly there are none, and even to phrase the question costs
            known = select(Incident).where(among(session, Incident.open_key, keys))
            self._open = {it.open_key: it for it in session.scalars(locked(known))}

    def seen(self, seen: Seen) -> Incident:
        """Open an incident, or bring the open one of the same storm up to date."""
        incident = self._open.get(seen.key)
        if incident is None:
            incident = self._open[seen.key] = _opened(seen, self._now)
            self._session.add(incident)
        else:
            times = {"times": incident.facts.get("times", 1) + 1}
            incident.facts = _merged(incident.facts, seen.facts) | times
            incident.last_seen_at = max(incident.last_seen_at, seen.at)
            incident.ended_at = None
            incident.raise_to(_severity(seen), self._now)
        self._touched[seen.key] = incident
        return incident

    def serviced(self, seen: Seen, service: ServiceSession) -> Incident:
        """Record what was seen while an officer worked on the bracelet, closed as serviced.

        Each kind once a session. What was open before the session goes on: it was no service.
        """
        facts = {**seen.facts, "service": service.id, "service_kind": service.kind.value}
        if seen.key in self._open:
            return self.seen(replace(seen, facts=facts))
        incident = self._recorded(seen, service)
        if incident is None:
            incident = _opened(replace(seen, facts=facts), self._now)
            incident.move(IncidentState.CLOSED, None, self._now, cause=Cause.SERVICED)
            self._session.add(incident)
            self._session.flush()
        else:
            times = {"times": incident.facts["times"] + 1}
            incident.facts = _merged(incident.facts, facts) | times
            incident.last_seen_at = max(incident.last_seen_at, seen.at)
        self._touched[f"{seen.key}/{service.id}"] = incident
        return incident

    def _recorded(self, seen: Seen, service: ServiceSession) -> Incident | None:
        """What this session had recorded of the same kind and bracelet before."""
        query = select(Incident).where(
            Incident.case_id == seen.case_id,
            Incident.device_id == seen.device_id,
            Incident.kind == seen.kind,
            Incident.cause == Cause.SERVICED,
            Incident.opened_at >= service.opened_at,
        )
        found = (it for it in self._session.scalars(query) if it.facts.get("service") == service.id)
        return next(found, None)

    def ended(self, key: str, at: datetime, facts: Facts) -> None:
        """What was seen has stopped; nothing happens where no such incident is open."""
        incident = self._open.get(key)
        if incident is None or incident.ended_at is not None:
            return
        incident.ended_at = at
        incident.facts = {**incident.facts, **facts}
        self._touched[key] = incident

    def keep(self) -> None:
        """Write what changed, and tell the live pages."""
        if self._touched:
            self._session.flush()
            cases = {it.id: it.case_id for it in self._touched.values()}
            outbox.live_by_case(self._session, "incident", cases, self._now)


@contextmanager
def gathered(session: Session, keys: Collection[str], now: datetime) -> Iterator[Sightings]:
    """Sightings of these keys, kept when the block ends well."""
    sightings = Sightings(session, keys, now)
    yield sightings
    sightings.keep()


def open_or_update(session: Session, seen: Seen, now: datetime) -> Incident:
    """One sighting alone."""
    with gathered(session, {seen.key}, now) as sightings:
        return sightings.seen(seen)


def end(session: Session, key: str, at: datetime, facts: Facts, now: datetime) -> None:
    """The end of one alone; nothing happens where no such incident is open."""
    with gathered(session, {key}, now) as sightings:
        sightings.ended(key, at, facts)


def refresh(session: Session, seen: Mapping[str, tuple[datetime, Facts]]) -> None:
    """Bring open incidents by key to (when, facts): no audit row for every further fix."""
    columns = (Incident.id, Incident.open_key, Incident.facts, Incident.last_seen_at)
    known = select(*columns).where(among(session, Incident.open_key, seen)).order_by(Incident.id)
    rows = []
    for row in session.execute(known):
        at, facts = seen[str(row.open_key)]
        newer = {"facts": _merged(row.facts, facts), "last_seen_at": max(at, row.last_seen_at)}
        rows.append({"of": row.id, **newer})
    if rows:
        table = Incident.__table__
        assert isinstance(table, Table)  # noqa: S101 - our tables are tables
        session.connection().execute(update(table).where(table.c.id == bindparam("of")), rows)


def locked(query: Select[Incident]) -> Select[Incident]:
    """Incidents as they are once an officer who closes one is done; by id, so that none wait."""
    by_id = query.order_by(Incident.id).with_for_update()
    return by_id.execution_options(populate_existing=True)


def _merged(before: Facts, newer: Facts) -> Facts:
    """What is known now; what raised the incident, and that it was once confirmed, stays said."""
    seen = {"rule_seen" if name == "rule" else name: value for name, value in newer.items()}
    facts = {**before, **seen}
    if before.get("approach") is False:
        facts["approach"] = False
    for said, stale in (("beyond_m", "where"), ("where", "beyond_m")):
        if said in newer:  # either it is known how far beyond, or nobody knows where
            facts.pop(stale, None)
    return facts


def _opened(seen: Seen, now: datetime) -> Incident:
    return Incident(
        case_id=seen.case_id,
        device_id=seen.device_id,
        zone_id=seen.zone_id,
        kind=seen.kind,
        severity=_severity(seen),
        state=IncidentState.OPEN,
        rule=MEANINGS[seen.kind].rule,
        since=seen.since,
        opened_at=now,
        last_seen_at=seen.at,
        facts={**seen.facts, "times": 1},
        open_key=seen.key,
    )


def _severity(seen: Seen) -> Severity:
    return seen.severity or MEANINGS[seen.kind].severity
