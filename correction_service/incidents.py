"""Incidents: opened and ended by what is seen, worked on and closed by people.

One storm is one incident: while it is open, its key keeps a second one away. What stops by itself
is marked as ended and stays open until an officer closes it with a cause.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.db import among
from models.case import Case
from models.errors import Refused
from models.incident import Cause, Incident, IncidentKind, IncidentState, IncidentStep
from models.incident_kinds import MEANINGS


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
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes it the same incident when seen again."""
        return key_of(self.kind, self.case_id, self.zone_id or self.device_id)


def open_or_update(session: Session, seen: Seen, now: datetime) -> Incident:
    """Open an incident, or bring the open one of the same storm up to date."""
    incident = session.scalar(select(Incident).where(Incident.open_key == seen.key))
    if incident is None:
        incident = _opened(seen, now)
        session.add(incident)
    else:
        incident.facts = {
            **incident.facts,
            **seen.facts,
            "times": incident.facts.get("times", 1) + 1,
        }
        incident.last_seen_at = max(incident.last_seen_at, seen.at)
        incident.ended_at = None
    session.flush()
    _announce(session, incident, now)
    return incident


def _opened(seen: Seen, now: datetime) -> Incident:
    meaning = MEANINGS[seen.kind]
    return Incident(
        case_id=seen.case_id,
        device_id=seen.device_id,
        zone_id=seen.zone_id,
        kind=seen.kind,
        severity=meaning.severity,
        rule=meaning.rule,
        since=seen.since,
        opened_at=now,
        last_seen_at=seen.at,
        facts={**seen.facts, "times": 1},
        open_key=seen.key,
    )


def still_seen(session: Session, seen: Mapping[str, tuple[datetime, dict[str, Any]]]) -> None:
    """Refresh open incidents by key with (when, facts): no audit row for every further fix."""
    columns = (Incident.id, Incident.open_key, Incident.facts, Incident.last_seen_at)
    for row in session.execute(
        select(*columns).where(among(session, Incident.open_key, seen))
    ).all():
        at, facts = seen[str(row.open_key)]
        values = {"facts": {**row.facts, **facts}, "last_seen_at": max(at, row.last_seen_at)}
        session.execute(
            update(Incident).where(Incident.id == row.id).values(values),
            execution_options={"synchronize_session": False},
        )


def open_among(session: Session, keys: Collection[str]) -> set[str]:
    """Which of these keys belong to an open incident."""
    if not keys:
        return set()
    found = session.scalars(
        select(Incident.open_key).where(among(session, Incident.open_key, keys))
    )
    return {key for key in found if key is not None}


def end(session: Session, key: str, at: datetime, facts: dict[str, Any], now: datetime) -> None:
    """Mark that what was seen has stopped; nothing happens where no such incident is open."""
    incident = session.scalar(select(Incident).where(Incident.open_key == key))
    if incident is None or incident.ended_at is not None:
        return
    incident.ended_at = at
    incident.facts = {**incident.facts, **facts}
    _announce(session, incident, now)


def amend(
    session: Session,
    incident: Incident,
    now: datetime,
    *,
    ended_at: datetime | None,
    facts: Mapping[str, Any],
) -> None:
    """Correct by late fixes when it ended, or that it did not; what it said before stays said."""
    incident.ended_at = ended_at
    incident.facts = {**incident.facts, **facts}
    session.flush()
    _announce(session, incident, now)


def acknowledge(
    session: Session, incident: Incident, user_id: int, now: datetime, note: str = ""
) -> IncidentStep:
    """An officer has seen it and owns it."""
    return _move(session, incident, IncidentState.ACKNOWLEDGED, user_id, now, note=note)


def act(
    session: Session, incident: Incident, user_id: int, now: datetime, note: str = ""
) -> IncidentStep:
    """An officer is doing something about it."""
    return _move(session, incident, IncidentState.ACTING, user_id, now, note=note)


def close(
    session: Session, incident: Incident, user_id: int, now: datetime, *, cause: Cause, note: str
) -> IncidentStep:
    """An officer has found out why; what is seen after this is a new incident."""
    return _move(session, incident, IncidentState.CLOSED, user_id, now, cause=cause, note=note)


def reopen(
    session: Session, incident: Incident, user_id: int, now: datetime, note: str
) -> IncidentStep:
    """Take a closing back; refused while a newer incident of the same kind is open."""
    key = key_of(incident.kind, incident.case_id, incident.zone_id or incident.device_id)
    newer = session.scalar(select(Incident.id).where(Incident.open_key == key))
    if newer is not None:
        raise Refused("A newer incident of the same kind is open: %(newer)d.", newer=newer)
    step = _move(session, incident, IncidentState.OPEN, user_id, now, note=note)
    incident.open_key = key
    session.flush()
    return step


def _move(
    session: Session,
    incident: Incident,
    state: IncidentState,
    user_id: int,
    now: datetime,
    *,
    cause: Cause | None = None,
    note: str,
) -> IncidentStep:
    step = incident.move(state, user_id, now, cause=cause, note=note)
    session.flush()
    _announce(session, incident, now)
    return step


def _announce(session: Session, incident: Incident, now: datetime) -> None:
    """Tell the live pages that watch this case's office."""
    case = session.get_one(Case, incident.case_id)
    outbox.live(session, case, "incident", incident.id, now)
