"""查阅复制 (PIPL 45): what is kept of a person, in tables that a person can read.

Left out is whatever is of others: who else was near, who reported, which officer wrote; and what
is only proposed or being looked into (docs/privacy.md says why). An exclusion zone is said in the
words of its order alone; positions go by the day and are asked for at the office, because a year
of them is no paper.
"""

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import audit, hours
from correction_service.assessment import months, objections
from correction_service.casework import orders
from correction_service.db import ring_of
from correction_service.discipline import measures
from correction_service.people import looks
from correction_service.rights import life, requests
from correction_service.rights.sections import Cell, Section, rows
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.consent import Consent
from models.errors import Refused
from models.face import StoredPhoto
from models.leave import Leave
from models.notice import Notice
from models.order import PositioningOrder
from models.person_request import PersonRequest, PersonRequestState, RequestKind
from models.points import PointsEntry
from models.zone import Zone, ZoneKind


def take(session: Session, request: PersonRequest, now: datetime) -> list[Section]:
    """Gather the copy that an officer released; that it was taken is on record.

    `Refused` for a request of another kind, and before an officer released it.
    """
    released = request.state is PersonRequestState.GRANTED
    if request.kind is not RequestKind.COPY or not released:
        raise Refused("This copy was not released.", code="not_released")
    audit.viewed(session, "take_copy", "person_request", request.id)
    return [*_sections(session, request.case, now)]


def _sections(session: Session, case: Case, now: datetime) -> Iterator[Section]:
    yield _identity(session, case)
    yield _sentence(case)
    yield from _presence(session, case)
    yield from _assessment(session, case)
    yield from _decisions(session, case)
    yield from life.sections(session, case)
    yield from _handling(session, case, now)


def _identity(session: Session, case: Case) -> Section:
    person, ring = case.person, ring_of(session)
    sealed = [(name, person.reveal(ring, name)) for name in ("id_number", "phone", "address")]
    known = [("name", person.name), ("sex", person.sex), ("born_on", person.born_on)]
    return Section("identity", ("what", "value"), [*known, ("id_kind", person.id_kind), *sealed])


def _sentence(case: Case) -> Section:
    columns = ("number", "category", "level", "deciding_authority", "effective_on")
    more = ("reported_on", "term_start", "term_end", "state", "ended_as", "ended_by")
    said: list[tuple[Cell, ...]] = [(name, getattr(case, name)) for name in (*columns, *more)]
    return Section("sentence", ("what", "value"), [*said, ("office", case.office.name)])


def _presence(session: Session, case: Case) -> Iterator[Section]:
    mine = CheckInDuty.case_id == case.id, CheckInDuty.state != DutyState.AWAITING_DELIVERY
    duty = (CheckInDuty.opens_at, CheckInDuty.closes_at, CheckInDuty.state)
    yield rows(session, "duties", duty, *mine)
    made = (CheckIn.at, CheckIn.way, CheckIn.outcome, CheckIn.lat, CheckIn.lon, CheckIn.receipt)
    yield rows(session, "checkins", made, CheckIn.case_id == case.id)
    consents = (Consent.at, Consent.purpose, Consent.given, Consent.text_version)
    yield rows(session, "consents", consents, Consent.person_id == case.person_id)
    photos = (StoredPhoto.taken_at, StoredPhoto.purpose, StoredPhoto.deleted_at)
    yield rows(session, "photos", photos, StoredPhoto.person_id == case.person_id)


def _assessment(session: Session, case: Case) -> Iterator[Section]:
    entry = (PointsEntry.happened_on, PointsEntry.item, PointsEntry.points, PointsEntry.reason)
    yield rows(session, "points", entry, PointsEntry.case_id == case.id)
    closed = [(it.month, it.base, it.total) for it in months.of(session, case.id)]
    yield Section("months", ("month", "base", "total"), closed)
    objected = objections.of(session, case.id).values()
    said = [(it.made_at, it.text, it.state, it.answer) for it in objected]
    yield Section("objections", ("made_at", "text", "state", "answer"), said)


def _decisions(session: Session, case: Case) -> Iterator[Section]:
    served = measures.served(session, case.id)
    said = [(it.served_at, it.kind, it.law, it.number, it.decision) for it in served]
    yield Section("measures", ("served_at", "kind", "law", "number", "decision"), said)
    ordered = [(it.starts_at, _until(it), it.ground) for it in reversed(orders.of(session, case))]
    yield Section("orders", ("starts_at", "ends_at", "ground"), ordered)
    leave = (Leave.starts_at, Leave.ends_at, Leave.reason, Leave.state)
    yield rows(session, "leaves", leave, Leave.case_id == case.id)
    zones = session.scalars(select(Zone).where(Zone.case_id == case.id).order_by(Zone.id))
    yield Section(
        "zones",
        ("kind", "said", "valid_from", "valid_to"),
        [(it.kind, _said(it), it.valid_from, it.valid_to) for it in zones],
    )


def _until(order: PositioningOrder) -> date | datetime:
    """The moment that an order was lifted at, else its last day."""
    if order.lifted_at is not None and order.lifted_at < order.ends_at:
        return order.lifted_at
    return hours.last_day(order.ends_at)


def _said(zone: Zone) -> str | None:
    """A border, even a name, may tell where a victim lives."""
    return zone.wording if zone.kind is ZoneKind.EXCLUSION else zone.name


def _handling(session: Session, case: Case, now: datetime) -> Iterator[Section]:
    message = (Notice.created_at, Notice.text_zh, Notice.delivered_at)
    yield rows(session, "messages", message, Notice.person_id == case.person_id)
    ring = ring_of(session)
    asked = [
        (it.asked_at, it.kind.value, it.reveal(ring, "text"), it.state, it.reveal(ring, "answer"))
        for it in requests.of(session, case.id)
    ]
    yield Section("requests", ("asked_at", "kind", "text", "state", "answer"), asked)
    seen = [(it.at, it.seat, it.what, it.purpose) for it in looks.of(session, case.person_id, now)]
    yield Section("looks", ("at", "seat", "what", "purpose"), seen)
