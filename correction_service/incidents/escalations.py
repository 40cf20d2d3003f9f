"""An incident that nobody acknowledges in time goes to the covering officer, then to the head.

That is all that the clock decides. Who answers stops it; each step is written on the incident.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from correction_service import outbox
from correction_service.incidents.shifts import HEADS, OnDuty
from correction_service.messages import alerts
from correction_service.messages.alerts import Alert
from correction_service.settings import Settings
from models.case import Case
from models.incident import Incident, IncidentState, Passing, Severity, Tier
from models.user import User

AT_ONCE = 500
SAID_EVERY = timedelta(hours=1)
log = structlog.get_logger()


def escalate(session: Session, now: datetime, settings: Settings) -> int:
    """Take every incident whose time has run out one step higher; return how many."""
    duty = OnDuty(session, now)
    to: dict[int, list[int]] = defaultdict(list)
    cases: dict[int, int] = {}
    for incident in session.scalars(_due(now, settings, duty)).all():
        found = _next(session, incident, duty)
        if found is None:  # the last head has gone this moment
            continue
        owner_id, how = found
        incident.pass_to(owner_id, how, None, now)
        to[owner_id].append(incident.id)
        cases[incident.id] = incident.case_id
    session.flush()
    if cases:
        outbox.live_by_case(session, "incident", cases, now)
        alerts.tell(session, Alert.ESCALATED, to, now, settings)
    return len(cases)


class Unanswerable:
    """Says of the incidents that nobody can be asked about that there are some, once an hour."""

    def __init__(self) -> None:
        self._said_at = datetime.min.replace(tzinfo=UTC)

    def say(self, session: Session, now: datetime, settings: Settings) -> int:
        """Log the first of them; return how many there are, 0 until an hour after the last time."""
        if now < self._said_at + SAID_EVERY:
            return 0
        which = (_late(now, settings), ~_answerable(OnDuty(session, now)))
        query = select(func.count(), func.min(Incident.id)).select_from(Incident)
        many, first = session.execute(query.join(Incident.case).where(*which)).one()
        if many:
            self._said_at = now
            log.error("nobody_to_escalate_to", incident=first, incidents=many)
        return int(many)


@dataclass(frozen=True)
class Ahead:
    """What happens to an incident at a moment unless somebody answers."""

    tier: Tier
    at: datetime


def ahead(incident: Incident, settings: Settings) -> Ahead | None:
    """Return the next step that the clock would take, if there is one."""
    if incident.state is not IncidentState.OPEN or incident.tier is Tier.HEAD:
        return None
    to_cover, to_head = minutes(settings, incident.severity)
    tier, patience = (Tier.HEAD, to_head) if incident.tier else (Tier.COVER, to_cover)
    asked_at = incident.asked_at or incident.opened_at
    return Ahead(tier, asked_at + timedelta(minutes=patience)) if patience else None


def minutes(settings: Settings, severity: Severity) -> tuple[int, int]:
    """Return after how long who covers is asked, and after how much longer the head; 0: never."""
    return {
        Severity.URGENT: (settings.urgent_cover_minutes, settings.urgent_head_minutes),
        Severity.SOON: (settings.soon_cover_minutes, settings.soon_head_minutes),
        Severity.WATCH: (settings.watch_cover_minutes, settings.watch_head_minutes),
    }[severity]


def _due(now: datetime, settings: Settings, duty: OnDuty) -> Select[Incident]:
    """Those about which somebody can be asked: the others would take up all turns for ever."""
    due = (_late(now, settings), _answerable(duty))
    query = select(Incident).join(Incident.case).where(*due)
    locked = query.with_for_update(of=Incident, skip_locked=True)
    return locked.options(contains_eager(Incident.case)).order_by(Incident.id).limit(AT_ONCE)


def _late(now: datetime, settings: Settings) -> ColumnElement[bool]:
    """Match what waits too long; an owner who was not told yet of a raise is not waited for."""
    asked = or_(Incident.asked_at.is_not(None), Incident.owner_id.is_(None))
    return and_(Incident.state == IncidentState.OPEN, asked, or_(false(), *_over(now, settings)))


def _answerable(duty: OnDuty) -> ColumnElement[bool]:
    """Match incidents of cases with somebody on duty or with a head."""
    office = or_(User.office_id == Case.office_id, User.office_id.is_(None))
    head = (User.agency_id == Case.agency_id, office, User.active, User.role.in_(HEADS))
    return or_(duty.cases, exists().where(*head))


def _over(now: datetime, settings: Settings) -> Iterator[ColumnElement[bool]]:
    asked_at = func.coalesce(Incident.asked_at, Incident.opened_at)
    for severity in Severity:
        tiers = zip((Incident.tier.is_(None), Incident.tier == Tier.COVER),
                    minutes(settings, severity), strict=True)  # fmt: skip
        for tier, patience in tiers:
            if patience:
                waited = asked_at <= now - timedelta(minutes=patience)
                yield and_(Incident.severity == severity, tier, waited)


def _next(session: Session, incident: Incident, duty: OnDuty) -> tuple[int, Passing] | None:
    """Say who is asked now; without anybody on duty that is a head at once."""
    shift = duty.of(incident.case)
    if shift is not None and incident.tier is None:
        return shift.cover_id, Passing.TO_COVER
    head_id = shift.head_id if shift is not None else _head_of(session, incident.case)
    return None if head_id is None else (head_id, Passing.TO_HEAD)


def _head_of(session: Session, case: Case) -> int | None:
    """Return a head who sees the case where the roster names none: its office's, else another."""
    near = or_(User.office_id == case.office_id, User.office_id.is_(None))
    heads = select(User.id).where(User.agency_id == case.agency_id, User.active, near)
    order = (User.office_id.is_(None), User.id)
    return session.scalars(heads.where(User.role.in_(HEADS)).order_by(*order)).first()
