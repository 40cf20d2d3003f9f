"""A worn bracelet that is not heard: one incident a silence. A fault of ours is not a breach.

How urgent it is follows from where the person may be by now: as soon as they may have come from
their last position at 60 km/h over the nearest border in force, of a home area, of a curfew
residence in its hours or of an exclusion zone, it is urgent, before that something to watch.
Without a position or such a zone nobody can tell, and the kind's own severity stands.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.casework import findings
from correction_service.hardware import service_sessions
from correction_service.incidents import sightings
from correction_service.incidents.sightings import Facts, Seen
from correction_service.settings import Settings
from correction_service.tracking import outages, ways
from models.device import DeviceState
from models.incident import Incident, IncidentKind, Severity
from models.incident_kinds import MEANINGS
from models.reach import BORDERS, boundary_m, reach_m
from models.zone import Zone


def open_new(session: Session, now: datetime, settings: Settings) -> int:
    """Open an incident for each silence that has none yet, closed ones counted; return how many.

    While nothing of any bracelet arrives none is opened: the fault is the system's. Nor is one of a
    bracelet whose gateway's other bracelets fell silent with it. `others_heard` tells one silent
    bracelet from a service that hears nobody.
    """
    if outages.current(session) is not None:
        return 0
    deaf = outages.deaf(session, now)
    scope = findings.Scope(hours.local_day(now), now, now, settings, deaf)
    scope = replace(scope, ways=ways.shut(session, scope))
    others_heard = (_last_heard(session) or scope.silent_since) > scope.silent_since
    opened, pressing = 0, dict[int, Facts]()
    for row in session.execute(findings.silent_rows(scope)).all():
        if service_sessions.running_of(session, row.case_id, now) is not None:
            continue  # switched off in an officer's hands
        since = findings.silent_from(row)
        reach = _reach(session, row, now)
        severity = _severity(reach)
        known = _known(session, row.device_id, since)
        if known is not None:
            if severity is Severity.URGENT:
                pressing[known.id] = reach
            continue
        facts = findings.silence(row) | reach | {"others_heard": others_heard}
        seen = Seen(
            kind=IncidentKind.DEVICE_SILENT,
            case_id=row.case_id,
            device_id=row.device_id,
            since=since,
            at=now,
            facts=facts,
            severity=severity,
        )
        sightings.open_or_update(session, seen, now)
        opened += 1
    _raise(session, pressing, now)
    return opened


def _reach(session: Session, row: Any, now: datetime) -> Facts:  # noqa: ANN401 - of silent_rows
    """How long it is offline, how far one comes in that time, how far the border is (metres).

    `boundary_m` is None without a position or a zone in force.
    """
    state = session.get(DeviceState, row.device_id)
    last = state.time if state is not None and state.time is not None else None
    offline = now - (last or findings.silent_from(row))
    facts: Facts = {
        "offline_s": round(offline.total_seconds()),
        "reach_m": round(reach_m(offline)),
        "boundary_m": None,
    }
    if state is None or last is None or state.lat is None or state.lon is None:
        return facts
    zones = select(Zone).where(Zone.case_id == row.case_id, Zone.kind.in_(BORDERS))
    border_m = boundary_m(session.scalars(zones), state.lat, state.lon, now)
    return facts | {"boundary_m": None if border_m is None else round(border_m)}


def _severity(reach: Facts) -> Severity:
    if reach["boundary_m"] is None:
        return MEANINGS[IncidentKind.DEVICE_SILENT].severity
    return Severity.URGENT if reach["reach_m"] > reach["boundary_m"] else Severity.WATCH


def _raise(session: Session, pressing: Mapping[int, Facts], now: datetime) -> None:
    """What was something to watch becomes urgent as time goes by; never the other way."""
    less = (Incident.open_key.is_not(None), Incident.severity != Severity.URGENT)
    query = select(Incident).where(Incident.id.in_(pressing), *less)
    raised = session.scalars(sightings.locked(query)).all() if pressing else ()
    for incident in raised:
        incident.raise_to(Severity.URGENT, now)
        since = {"urgent_since": now.isoformat()}
        incident.facts = {**incident.facts, **pressing[incident.id], **since}
        incident.last_seen_at = now
    if raised:
        session.flush()
        outbox.live_by_case(session, "incident", {it.id: it.case_id for it in raised}, now)


def _last_heard(session: Session) -> datetime | None:
    return session.scalar(select(func.max(DeviceState.heard_at)))


def _known(session: Session, device_id: int, since: datetime) -> Incident | None:
    """The incident that was made of this silence: one seen after it began."""
    made = select(Incident).where(
        Incident.device_id == device_id,
        Incident.kind == IncidentKind.DEVICE_SILENT,
        Incident.last_seen_at >= since,
    )
    return session.scalars(made.order_by(Incident.id.desc()).limit(1)).first()
