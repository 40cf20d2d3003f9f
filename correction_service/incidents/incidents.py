"""Incidents, worked on and closed by people; `sightings` opens and ends them by what is seen.

One storm is one incident: while it is open, its key keeps a second one away. What stops by itself
is marked as ended and stays open until an officer closes it with a cause.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.incidents.sightings import key_of
from models.case import Case
from models.errors import Refused
from models.incident import Cause, Incident, IncidentState, IncidentStep


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
