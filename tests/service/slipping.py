"""Somebody who may be slipping away: what is known of them, and the flag that says so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.checkin import DutyState
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.risk import FlagKind, RiskFlag
from tests.county import NOW, County
from tests.swept import add_duty, flags


def add_incident(
    database: Database,
    case_id: int,
    kind: IncidentKind,
    days_ago: float = 1,
    **fields: Any,  # noqa: ANN401 - a column's own type
) -> int:
    at = NOW - timedelta(days=days_ago)
    values: dict[str, Any] = {
        "kind": kind,
        "severity": Severity.SOON,
        "rule": "test@1",
        "since": at,
        "opened_at": at,
        "last_seen_at": at,
        "facts": {},
    }
    with database.transaction(SYSTEM, "test") as session:
        incident = Incident(case_id=case_id, **(values | fields))
        session.add(incident)
        session.flush()
        return incident.id


def closed(cause: Cause) -> dict[str, Any]:
    return {"state": IncidentState.CLOSED, "cause": cause, "closed_at": NOW}


def slip(database: Database, county: County) -> int:
    """Two missed check-ins and an opened strap; return the incident."""
    for days in (0, 1):
        moments = {
            name: NOW - timedelta(days=days, hours=hours)
            for name, hours in (("opens_at", 7), ("closes_at", 5), ("missed_after", 3))
        }
        add_duty(database, county.case, DutyState.MISSED, key=f"day:{days}", **moments)
    return add_incident(database, county.case, IncidentKind.STRAP_OPENED)


def listed(database: Database) -> Sequence[RiskFlag]:
    return flags(database, FlagKind.SLIPPING_AWAY)
