"""Alerts to staff beside the console: by mail, and to another system by a signed webhook.

They leave by the outbox. What they say is of what kind, and which numbers: who and where is for
the console, behind a sign-in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from correction_service.scope import agency_ids
from correction_service.settings import Settings
from models.errors import NotFound
from models.outbox import Outbox
from models.telemetry import Outage
from models.user import Role, User

MAIL, WEBHOOK = "mail", "webhook"
MOST = 50  # numbers in one alert; it says how many there are
TENDING = (Role.ADMINISTRATOR, Role.COUNTY_HEAD)


class Alert(StrEnum):
    """Of what staff are told."""

    ASSIGNED = "incident_assigned"
    ESCALATED = "incident_escalated"
    HANDED_OVER = "incident_handed_over"
    REASSIGNED = "incident_reassigned"
    RAISED = "incident_raised"
    OUTAGE = "outage"
    OUTAGE_OVER = "outage_over"


def tell(
    session: Session,
    alert: Alert,
    whom: Mapping[int, Sequence[int]],
    now: datetime,
    settings: Settings,
) -> None:
    """Tell each account of its incidents by mail, and the other system of all, where set up."""
    _mail(session, alert, whom, now, settings)
    _hook(session, alert, sorted({it for ids in whom.values() for it in ids}), now, settings)


def tell_outage(
    session: Session, alert: Alert, outage: Outage, now: datetime, settings: Settings
) -> None:
    """Tell those who tend the service or answer for it that it hears nothing, or hears again."""
    tending = select(User.id).where(User.role.in_(TENDING), User.active, User.email.is_not(None))
    whom = {user_id: [outage.id] for user_id in session.scalars(tending)}
    _mail(session, alert, whom, now, settings)
    _hook(session, alert, [outage.id], now, settings)


def _mail(
    session: Session,
    alert: Alert,
    whom: Mapping[int, Sequence[int]],
    now: datetime,
    settings: Settings,
) -> None:
    if not settings.smtp_host:
        return
    agencies = select(User.id, User.agency_id).where(User.id.in_(whom))
    for user_id, agency_id in session.execute(agencies):
        said = {**_said(alert, whom[user_id]), "to": user_id}
        session.add(_row(MAIL, agency_id, said, now))


def _hook(
    session: Session, alert: Alert, ids: Sequence[int], now: datetime, settings: Settings
) -> None:
    if settings.alert_webhook_url and ids:
        session.add(_row(WEBHOOK, None, _said(alert, ids), now))


def _said(alert: Alert, ids: Sequence[int]) -> dict[str, Any]:
    return {"kind": alert.value, "ids": list(ids[:MOST]), "count": len(ids)}


def _row(topic: str, agency_id: int | None, said: dict[str, Any], now: datetime) -> Outbox:
    return Outbox(topic=topic, agency_id=agency_id, payload=said, created_at=now)


def parked(session: Session, user: User) -> Sequence[Outbox]:
    """Return the alerts that were given up, newest first: of the user's agencies, or nobody's."""
    query = select(Outbox).where(_parked(user)).order_by(Outbox.id.desc()).limit(MOST)
    return session.scalars(query).all()


def try_again(session: Session, user: User, row_id: int | None) -> None:
    """Let a parked alert be brought once more, with all its tries."""
    row = _one(session, user, row_id)
    row.attempts, row.next_attempt_at, row.parked_reason = 0, None, None
    session.flush()


def drop(session: Session, user: User, row_id: int | None, now: datetime) -> None:
    """Let a parked alert be: whoever should know knows."""
    _one(session, user, row_id).done_at = now
    session.flush()


def _one(session: Session, user: User, row_id: int | None) -> Outbox:
    wanted = select(Outbox).where(Outbox.id == row_id, _parked(user)).with_for_update()
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise NotFound("There is no such alert any more.")
    return row


def _parked(user: User) -> ColumnElement[bool]:
    mine = or_(Outbox.agency_id.is_(None), Outbox.agency_id.in_(agency_ids(user.agency_id)))
    waiting = Outbox.topic.in_((MAIL, WEBHOOK)) & Outbox.done_at.is_(None)
    return waiting & Outbox.parked_reason.is_not(None) & mine
