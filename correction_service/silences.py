"""A worn bracelet that is not heard: one incident a silence. A fault of ours is not a breach."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import findings, hours, outages, sightings, ways
from correction_service.settings import Settings
from correction_service.sightings import Seen
from models.device import DeviceState
from models.incident import Incident, IncidentKind


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
    opened = 0
    for row in session.execute(findings.silent_rows(scope)):
        since = findings.silent_from(row)
        if not _known(session, row.device_id, since):
            facts = findings.silence(row) | {"others_heard": others_heard}
            sightings.open_or_update(
                session,
                Seen(
                    kind=IncidentKind.DEVICE_SILENT,
                    case_id=row.case_id,
                    device_id=row.device_id,
                    since=since,
                    at=now,
                    facts=facts,
                ),
                now,
            )
            opened += 1
    return opened


def _last_heard(session: Session) -> datetime | None:
    return session.scalar(select(func.max(DeviceState.heard_at)))


def _known(session: Session, device_id: int, since: datetime) -> bool:
    """Whether an incident was already made of this silence: one seen after it began."""
    made = select(Incident.id).where(
        Incident.device_id == device_id,
        Incident.kind == IncidentKind.DEVICE_SILENT,
        Incident.last_seen_at >= since,
    )
    return session.scalars(made.limit(1)).first() is not None
