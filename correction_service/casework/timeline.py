"""Everything that happened to a case in one list, newest first, each entry the row that says it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from correction_service.presence import duties
from models.base import Base
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.command import DeviceCommand
from models.company import CompanyBan, CompanyBanCase
from models.consent import Consent
from models.device import Binding
from models.face import FaceTemplate
from models.fix import DeviceEvent
from models.help_request import HelpRequest
from models.incident import Incident, IncidentStep
from models.leave import Leave
from models.notice import Notice
from models.order import PositioningOrder
from models.points import DraftState, PointsDraft, PointsEntry
from models.review import CheckInReview
from models.risk import RiskFlag
from models.volunteer import Contact
from models.zone import Zone, ZoneChange


class Kind(StrEnum):
    """What an entry is about; the filter of the page."""

    CHECKINS = "checkins"
    INCIDENTS = "incidents"
    FLAGS = "flags"
    POINTS = "points"
    MESSAGES = "messages"
    CONTACT = "contact"
    BRACELET = "bracelet"
    FILE = "file"


@dataclass(frozen=True)
class Entry:
    """One row of one table at its moment; `what` is the table's name."""

    at: datetime
    kind: Kind
    subject: Base

    @property
    def what(self) -> str:
        """Return the name of the table that the row is of."""
        return str(self.subject.__tablename__)


@dataclass(frozen=True)
class _Source:
    """Where entries of a kind come from: rows, their clock, and which of them are a case's."""

    kind: Kind
    rows: Select[Any]
    clock: InstrumentedAttribute[Any]

    def until(self, moment: datetime, limit: int) -> Select[Any]:
        return self.rows.where(self.clock <= moment).order_by(self.clock.desc()).limit(limit)


def entries(
    session: Session, case: Case, kinds: Collection[Kind], until: datetime, limit: int
) -> list[Entry]:
    """Return the newest `limit` entries of these kinds up to a moment, newest first."""
    found = [
        Entry(getattr(subject, source.clock.key), source.kind, subject)
        for source in _sources(case)
        if source.kind in kinds
        for subject in session.scalars(source.until(until, limit))
    ]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def _sources(case: Case) -> Iterator[_Source]:
    mine = case.id
    ours = CheckInDuty.void_reason.in_(duties.OURS)  # we kept them from it
    missed = and_(CheckInDuty.case_id == mine, or_(CheckInDuty.state == DutyState.MISSED, ours))
    reviews = select(CheckInReview).options(joinedload(CheckInReview.confirmation))
    reviews = reviews.join(CheckInReview.checkin).where(CheckIn.case_id == mine)
    yield _Source(Kind.CHECKINS, _of(CheckIn, CheckIn.case_id == mine), CheckIn.at)
    yield _Source(Kind.CHECKINS, reviews, CheckInReview.at)
    yield _Source(Kind.CHECKINS, _of(CheckInDuty, missed), CheckInDuty.missed_after)
    steps = select(IncidentStep).join(IncidentStep.incident).where(Incident.case_id == mine)
    yield _Source(Kind.INCIDENTS, _of(Incident, Incident.case_id == mine), Incident.opened_at)
    yield _Source(Kind.INCIDENTS, steps, IncidentStep.at)
    yield _Source(Kind.FLAGS, _of(RiskFlag, RiskFlag.case_id == mine), RiskFlag.raised_at)
    undecided = PointsDraft.state != DraftState.CONFIRMED  # a confirmed one is an entry
    drafts = and_(PointsDraft.case_id == mine, undecided)
    yield _Source(Kind.POINTS, _of(PointsEntry, PointsEntry.case_id == mine), PointsEntry.made_at)
    yield _Source(Kind.POINTS, _of(PointsDraft, drafts), PointsDraft.made_at)
    asked = HelpRequest.case_id == mine
    mail = Notice.person_id == case.person_id
    yield _Source(Kind.MESSAGES, _of(HelpRequest, asked), HelpRequest.at)
    yield _Source(Kind.MESSAGES, _of(Notice, mail), Notice.created_at)
    yield _Source(Kind.CONTACT, _of(Contact, Contact.case_id == mine), Contact.happened_at)
    yield from _bracelet(mine)
    yield from _file(case)


def _bracelet(case_id: int) -> Iterator[_Source]:
    worn = Binding.case_id == case_id
    on = or_(Binding.unbound_at.is_(None), DeviceEvent.time < Binding.unbound_at)
    same = and_(Binding.device_id == DeviceEvent.device_id, DeviceEvent.time >= Binding.bound_at)
    said = select(DeviceEvent).join(Binding, and_(same, on)).where(worn)
    until = or_(Binding.unbound_at.is_(None), DeviceCommand.asked_at < Binding.unbound_at)
    since = and_(
        Binding.device_id == DeviceCommand.device_id, DeviceCommand.asked_at >= Binding.bound_at
    )
    asked = select(DeviceCommand).join(Binding, and_(since, until)).where(worn)
    zones = select(ZoneChange).join(Zone).where(ZoneChange.superseded_at.is_(None))
    yield _Source(Kind.BRACELET, _of(Binding, worn), Binding.bound_at)
    yield _Source(Kind.BRACELET, said, DeviceEvent.time)
    yield _Source(Kind.BRACELET, asked, DeviceCommand.asked_at)
    yield _Source(Kind.BRACELET, zones.where(Zone.case_id == case_id), ZoneChange.since)


def _file(case: Case) -> Iterator[_Source]:
    orders = PositioningOrder.case_id == case.id
    enrolled = FaceTemplate.person_id == case.person_id
    yield _Source(Kind.FILE, _of(Consent, Consent.person_id == case.person_id), Consent.at)
    yield _Source(Kind.FILE, _of(FaceTemplate, enrolled), FaceTemplate.enrolled_at)
    yield _Source(Kind.FILE, _of(PositioningOrder, orders), PositioningOrder.approved_at)
    banned = CompanyBan.members.any(CompanyBanCase.case_id == case.id)
    leave = Leave.case_id == case.id
    yield _Source(Kind.FILE, _of(Leave, leave), Leave.approved_at)
    yield _Source(Kind.FILE, _of(Leave, leave), Leave.returned_at)
    yield _Source(Kind.FILE, _of(CompanyBan, banned), CompanyBan.made_at)
    yield _Source(Kind.FILE, _of(Zone, Zone.case_id == case.id), Zone.valid_from)


def _of(table: type[Base], condition: ColumnElement[bool]) -> Select[Any]:
    return select(table).where(condition)
