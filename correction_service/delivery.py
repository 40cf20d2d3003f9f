"""Deliver messages: claim by compare-and-set, send with no transaction open, record.

A crash between sending and recording sends again under the same reference. What no carrier brings,
and what is sent and not proved in time, goes to the officer's call list; nothing is done at night.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from correction_service import audit, hours, notices, outbox
from correction_service.audit import SYSTEM
from correction_service.carriers import Carrier, CarrierFailed, Parcel, configured
from correction_service.db import Database, ring_of
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckInDuty, DutyState
from models.errors import DomainError
from models.keys import SealBroken
from models.notice import Notice, NoticeState
from models.outbox import Outbox
from models.person import Person

VIA = "delivery"
AT_ONCE = 10  # their time-outs together stay below the lease
LEASE = timedelta(minutes=2)
TRIES = 3
PAUSE = timedelta(seconds=30)
LISTED_AT_ONCE = 500
log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """A claimed message: its outbox row, the count of tries that is ours, what to send by whom."""

    row_id: int
    tries: int
    parcel: Parcel
    carrier: Carrier | None


def deliver(database: Database, settings: Settings, now: datetime) -> int:
    """Bring what waits to its carriers; return how many messages were handed over."""
    if not _by_day(now, settings) or not _any(database, select(Outbox.id).where(*_due(now))):
        return 0
    with database.transaction(SYSTEM, VIA) as session:
        jobs = _claim(session, configured(settings), now)
    return sum(_send(database, job, now) for job in jobs)


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


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Outbox.topic == "notice",
        Outbox.done_at.is_(None),
        Outbox.parked_reason.is_(None),
        or_(Outbox.next_attempt_at.is_(None), Outbox.next_attempt_at <= now),
    )


def _claim(session: Session, carriers: Sequence[Carrier], now: datetime) -> list[Job]:
    """Lease messages; those that need no sending are done with here."""
    rows = session.scalars(select(Outbox).where(*_due(now)).order_by(Outbox.id).limit(AT_ONCE))
    jobs = []
    for row in rows.all():
        lease = {"attempts": row.attempts + 1, "next_attempt_at": now + LEASE}
        mine = update(Outbox).where(
            Outbox.id == row.id, Outbox.attempts == row.attempts, *_due(now)
        )
        tries = session.scalars(mine.values(lease).returning(Outbox.attempts)).one_or_none()
        notice = session.get_one(Notice, row.payload["notice"])
        if tries is None:
            continue
        if _pointless(session, notice):
            row.done_at = now
            continue
        parcel = _parcel(session, notice)
        carrier = next((each for each in carriers if each.takes(parcel)), None)
        jobs.append(Job(row.id, tries, parcel, carrier))
    return jobs


def _pointless(session: Session, notice: Notice) -> bool:
    """Whether it arrived otherwise, or asks for what has been done or dropped meanwhile."""
    if notice.state is not NoticeState.QUEUED:
        return True
    duty = session.get(CheckInDuty, notice.duty_id) if notice.duty_id else None
    return duty is not None and duty.state is not DutyState.AWAITING_DELIVERY


def _parcel(session: Session, notice: Notice) -> Parcel:
    return Parcel(
        reference=notice.reference or "",
        kind=notice.kind,
        text_zh=notice.text_zh,
        text_en=notice.text_en,
        person_id=notice.person_id,
        phone=_phone(session, notice.person),
    )


def _phone(session: Session, person: Person) -> str | None:
    """Open the number for sending, on the record; None where there is none to open."""
    try:
        phone = person.reveal(ring_of(session), "phone")
    except (DomainError, SealBroken) as error:
        log.warning("phone_not_opened", person=str(person.id), error=type(error).__name__)
        return None
    if phone is not None:
        audit.viewed(session, "use_phone", "person", person.id)
    return phone


def _send(database: Database, job: Job, now: datetime) -> bool:
    failure = None if job.carrier else "no carrier"
    if job.carrier:
        try:
            job.carrier.send(job.parcel)
        except CarrierFailed as error:
            failure = str(error)
            log.warning("notice_not_sent", row=job.row_id, tries=job.tries, failure=failure)
    with database.transaction(SYSTEM, VIA) as session:
        row = session.get_one(Outbox, job.row_id, with_for_update=True)
        if row.attempts == job.tries:  # else the lease ran out and another try is under way
            _record(session, row, job, failure, now)
    return failure is None


def _record(session: Session, row: Outbox, job: Job, failure: str | None, now: datetime) -> None:
    notice = session.get_one(Notice, row.payload["notice"], with_for_update=True)
    notice.attempts += 1
    if failure is None and job.carrier:
        row.done_at = notice.sent_at = now
        notice.channel = notice.channel or job.carrier.name
        _become(notice, NoticeState.SENT)
    elif job.carrier is None or job.tries >= TRIES:
        row.done_at, row.parked_reason = now, failure
        _become(notice, NoticeState.TO_CALL)
        outbox.live(session, row, "notice", notice.id, now)
    else:
        row.next_attempt_at = now + PAUSE * job.tries


def _become(notice: Notice, state: NoticeState) -> None:
    """Unless it has arrived meanwhile: a report can be faster than our own record."""
    if notice.state is NoticeState.QUEUED:
        notice.state = state
