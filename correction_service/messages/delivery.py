"""Deliver messages: claim by compare-and-set, send with no transaction open, record.

One loop for every topic of the outbox that leaves the service; what is particular to a topic is
its desk's. People are written to by day only, staff at any hour. What is sent to a person and not
proved to arrive in time goes to the officer's call list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.messages import desks, notice_desk, notices
from correction_service.messages.carriers import CarrierFailed, NoWay, configured
from correction_service.messages.desks import Came, Desk, Send
from correction_service.messages.notice_desk import NoticeDesk
from correction_service.settings import Settings
from models.case import Case
from models.notice import Notice, NoticeState
from models.outbox import Outbox

VIA = "delivery"
AT_ONCE = 10  # their time-outs together stay below the lease
LEASE = timedelta(minutes=2)
LISTED_AT_ONCE = 500
log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """A claimed message: its outbox row, the count of tries that is ours, its way."""

    row_id: int
    tries: int
    desk: Desk
    send: Send


def deliver(database: Database, settings: Settings, now: datetime) -> int:
    """Bring what waits; return how many messages were handed over."""
    open_desks = _open(settings, now)
    due = _due(open_desks, now)
    if not _any(database, select(Outbox.id).where(*due)):
        return 0
    with database.transaction(SYSTEM, VIA) as session:
        jobs = _claim(session, open_desks, now)
    return sum(_send(database, job, now) for job in jobs)


def _open(settings: Settings, now: datetime) -> Mapping[str, Desk]:
    """The desks that work at this hour, by their topic."""
    of_alerts = desks.of_alerts(settings)
    if not _by_day(now, settings):
        return of_alerts
    return {**of_alerts, notice_desk.TOPIC: NoticeDesk(configured(settings))}


def check(settings: Settings) -> None:
    """Raise `ValueError` for a carrier without its secret, before a message depends on it."""
    configured(settings)
    desks.of_alerts(settings)


def call_out(database: Database, settings: Settings, now: datetime) -> int:
    """Put on the call list what was sent and is not proved to have arrived; return how many.

    A report that comes later still counts, see `notices.delivered`.
    """
    unproved = _unproved(now - timedelta(minutes=settings.delivery_report_minutes))
    if not _by_day(now, settings) or not _any(database, unproved):
        return 0
    # A row that is locked is being proved or read at this moment: it can wait for the next turn.
    listed = unproved.limit(LISTED_AT_ONCE).with_for_update(of=Notice, skip_locked=True)
    with database.transaction(SYSTEM, VIA) as session:
        found = session.execute(listed).all()
        for notice, case in found:
            notice.state = NoticeState.TO_CALL
            outbox.live(session, case, "notice", notice.id, now)
    return len(found)


def _unproved(sent_before: datetime) -> Select[Notice, Case]:
    """Messages that still ask for something, with the person's latest case."""
    cases = select(func.max(Case.id)).where(Case.person_id == Notice.person_id)
    latest = cases.correlate(Notice).scalar_subquery()
    return (
        select(Notice, Case)
        .join(Case, Case.id == latest)
        .where(Notice.state == NoticeState.SENT, Notice.sent_at < sent_before, ~notices.over())
        .order_by(Notice.id)
    )


def _by_day(now: datetime, settings: Settings) -> bool:
    opens, closes = hours.lawful(now, settings)
    return opens <= now < closes


def _any(database: Database, query: Select[*tuple[Any, ...]]) -> bool:
    with database.reading() as session:
        return session.execute(query.limit(1)).first() is not None


def _due(open_desks: Mapping[str, Desk], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Outbox.topic.in_(open_desks),
        Outbox.done_at.is_(None),
        Outbox.parked_reason.is_(None),
        or_(Outbox.next_attempt_at.is_(None), Outbox.next_attempt_at <= now),
    )


def _claim(session: Session, open_desks: Mapping[str, Desk], now: datetime) -> list[Job]:
    """Lease messages; those that need no sending are done with here."""
    due = _due(open_desks, now)
    rows = session.scalars(select(Outbox).where(*due).order_by(Outbox.id).limit(AT_ONCE))
    jobs = []
    for row in rows.all():
        lease = {"attempts": row.attempts + 1, "next_attempt_at": now + LEASE}
        mine = update(Outbox).where(Outbox.id == row.id, Outbox.attempts == row.attempts, *due)
        tries = session.scalars(mine.values(lease).returning(Outbox.attempts)).one_or_none()
        if tries is None:
            continue
        desk = open_desks[row.topic]
        send = desk.pack(session, row)
        if send is None:
            row.done_at = now
            continue
        jobs.append(Job(row.id, tries, desk, send))
    return jobs


def _send(database: Database, job: Job, now: datetime) -> bool:
    came, said = _try(job)
    with database.transaction(SYSTEM, VIA) as session:
        row = session.get_one(Outbox, job.row_id, with_for_update=True)
        if row.attempts == job.tries:  # else the lease ran out and another try is under way
            _record(row, job, came, said, now)
            job.desk.note(session, row, came, said, now)
    return came is Came.BROUGHT


def _try(job: Job) -> tuple[Came, str]:
    """Send it; return what came of that, and the channel or the failure."""
    try:
        return Came.BROUGHT, job.send()
    except CarrierFailed as error:
        log.warning("not_sent", row=job.row_id, tries=job.tries, failure=str(error))
        last = isinstance(error, NoWay) or job.tries >= job.desk.tries
        return (Came.GIVEN_UP if last else Came.FAILED), str(error)


def _record(row: Outbox, job: Job, came: Came, said: str, now: datetime) -> None:
    if came is Came.BROUGHT:
        row.done_at = now
    elif came is Came.GIVEN_UP:
        row.parked_reason = said
    else:
        row.next_attempt_at = now + job.desk.pause(job.tries)
