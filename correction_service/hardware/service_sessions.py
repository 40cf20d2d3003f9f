"""Service sessions: an officer works on a bracelet, and what it reports meanwhile is recorded.

Tamper and a call for help pass every filter at once, except inside a session that an officer
opened for that very bracelet, while it runs: then they are closed as serviced. What is told only
when the session is over passes as ever; so does a strap that is open still.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.casework import findings
from correction_service.db import among
from correction_service.incidents import sightings
from correction_service.incidents.sightings import Seen, Sightings
from correction_service.settings import Settings
from models.device import Binding, Device, DeviceState
from models.errors import Invalid, Refused
from models.incident import Incident, IncidentKind
from models.order import PositioningOrder
from models.service import ServiceKind, ServiceSession

SERVICED = frozenset(
    {
        IncidentKind.STRAP_OPENED,
        IncidentKind.CASE_OPENED,
        IncidentKind.SEPARATED,
        IncidentKind.POWER_OFF,
        IncidentKind.SOS,
    }
)
SHORTEST_MINUTES = 1
SHOWN = 5
LOOKED_AT_AGAIN = timedelta(minutes=10)  # what ingest stored while a session was being closed


def begin(
    session: Session,
    case_id: int,
    device: Device,
    kind: ServiceKind,
    minutes: int,
    *,
    by: int,
    now: datetime,
    settings: Settings,
) -> ServiceSession:
    """Begin to work on the bracelet of a case, for so many minutes at most.

    It is the one that the person wears; to fit or replace, it may be one that nobody wears yet.
    """
    longest = settings.service_minutes
    if not SHORTEST_MINUTES <= minutes <= longest:
        raise Invalid(
            "A service session lasts 1 to %(longest)d minutes.", field="minutes", longest=longest
        )
    worn = select(Binding.case_id).where(Binding.device_id == device.id, _worn_now)
    wearer = session.scalar(worn)
    unworn = wearer is None and kind in {ServiceKind.FIT, ServiceKind.REPLACE}
    if wearer != case_id and not unworn:
        raise Refused("The person does not wear this bracelet.", field="device")
    begun = ServiceSession(
        case_id=case_id,
        device_id=device.id,
        kind=kind,
        opened_by=by,
        opened_at=now,
        closes_at=now + timedelta(minutes=minutes),
    )
    _end_what_is_over(session, case_id, now)
    try:
        with session.begin_nested():
            session.add(begun)
            session.flush()
    except IntegrityError:  # the index knows even of one that began a moment ago
        raise Refused("A service session is running for this person already.") from None
    _tell(session, begun, now)
    return begun


def close(session: Session, running: ServiceSession, note: str, now: datetime) -> None:
    """The officer is done; a strap that is open raises its incident now."""
    if running.ends_at <= now:
        raise Refused("This service session is over already.")
    running.note = note.strip()
    _end(session, running, now, now)


def expire(session: Session, now: datetime) -> int:
    """End the sessions whose time is over, and look again at those that ended lately; how many."""
    over = (ServiceSession.closed_at.is_(None), ServiceSession.closes_at <= now)
    query = select(ServiceSession).where(*over).with_for_update(of=ServiceSession)
    ended = session.scalars(query).all()
    for it in ended:
        _end(session, it, it.closes_at, now)
    lately = ServiceSession.closed_at.between(now - LOOKED_AT_AGAIN, now)
    for it in session.scalars(select(ServiceSession).where(lately)):
        _raise_open_strap(session, it, now)
    return len(ended)


def running_of(session: Session, case_id: int, now: datetime) -> ServiceSession | None:
    """The session that runs for a person."""
    running = (ServiceSession.closed_at.is_(None), ServiceSession.closes_at > now)
    return session.scalar(select(ServiceSession).where(ServiceSession.case_id == case_id, *running))


def latest(session: Session, case_id: int) -> Sequence[ServiceSession]:
    """The newest sessions of a person that are over."""
    mine = (ServiceSession.case_id == case_id, ServiceSession.closed_at.is_not(None))
    query = select(ServiceSession).where(*mine).order_by(ServiceSession.id.desc())
    return session.scalars(query.limit(SHOWN)).all()


class Services:
    """The sessions that run for some people, each with the bracelets that it is about."""

    def __init__(self, running: Mapping[int, ServiceSession]) -> None:
        self._running = running

    def tell(self, sightings: Sightings, seen: Seen) -> None:
        """Open an incident of what was seen, or record it as part of a session."""
        if service := self._of(seen):
            sightings.serviced(seen, service)
        else:
            sightings.seen(seen)

    def _of(self, seen: Seen) -> ServiceSession | None:
        """The session in which this was seen, where it is one that counts as serviced."""
        service = self._running.get(seen.case_id)
        if service is None or seen.kind not in SERVICED or not service.covers(seen.at):
            return None
        # A bracelet that takes another's place is in the officer's hands just as well.
        same = seen.device_id == service.device_id or service.kind is ServiceKind.REPLACE
        return service if same else None


def running(session: Session, case_ids: Collection[int], now: datetime) -> Services:
    """The sessions that run now for these cases."""
    if not case_ids:
        return Services({})
    open_now = (ServiceSession.closed_at.is_(None), ServiceSession.closes_at > now)
    query = select(ServiceSession).where(among(session, ServiceSession.case_id, case_ids))
    return Services({it.case_id: it for it in session.scalars(query.where(*open_now))})


def _end_what_is_over(session: Session, case_id: int, now: datetime) -> None:
    """One whose time is over, but that no job has closed yet, holds no new one up."""
    over = (ServiceSession.closed_at.is_(None), ServiceSession.closes_at <= now)
    query = select(ServiceSession).where(ServiceSession.case_id == case_id, *over)
    for it in session.scalars(query).all():
        _end(session, it, it.closes_at, now)


def _end(session: Session, running: ServiceSession, at: datetime, now: datetime) -> None:
    running.closed_at = at
    session.flush()
    _raise_open_strap(session, running, now)
    _tell(session, running, now)


def _raise_open_strap(session: Session, ended: ServiceSession, now: datetime) -> None:
    """An open strap of a bracelet that the person wears, and that no incident tells of yet."""
    ordered = and_(PositioningOrder.case_id == Binding.case_id, findings.in_force(now))
    query = (
        select(DeviceState.device_id)
        .join(Binding, Binding.device_id == DeviceState.device_id)
        .where(
            Binding.case_id == ended.case_id,
            _worn_now,
            DeviceState.strap_open.is_(True),
            exists().where(ordered),
        )
    )
    device_id = session.scalar(query)
    if device_id is None or _told(session, ended, device_id):
        return
    at = ended.ends_at
    facts = {"told_by": "service_ended", "service": ended.id, "event_at": at.isoformat()}
    seen = Seen(
        kind=IncidentKind.STRAP_OPENED,
        case_id=ended.case_id,
        device_id=device_id,
        since=at,
        at=at,
        facts=facts,
    )
    sightings.open_or_update(session, seen, now)


def _told(session: Session, ended: ServiceSession, device_id: int) -> bool:
    """Whether an incident tells of the strap: one that is open, or that began after the session."""
    made = select(Incident.open_key, Incident.since).where(
        Incident.device_id == device_id,
        Incident.case_id == ended.case_id,
        Incident.kind == IncidentKind.STRAP_OPENED,
    )
    return any(row.open_key or row.since >= ended.ends_at for row in session.execute(made))


def _tell(session: Session, it: ServiceSession, now: datetime) -> None:
    outbox.live(session, it.case, "service", it.case_id, now)


_worn_now = Binding.unbound_at.is_(None)
