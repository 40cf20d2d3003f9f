"""What destroying a person's file does to the database: words go, ids and figures stay (PIPL 47).

Rows that grow are never touched: they speak of an id, and what they hold sealed opens no more
without the person's key. Which of their words remain is said in docs/privacy.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, exists, inspect, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from correction_service.enforcement import deletions
from correction_service.enforcement.deletions import Gone
from correction_service.people import photos, templates
from models.activity import Attendance
from models.assessment import LevelSuggestion, Objection
from models.base import Base
from models.case import Case, TeamMember
from models.change_report import ChangeReport
from models.checkin import Challenge, CheckInFrame
from models.clock import LegalClock
from models.company import CompanyBan, CompanyBanCase, CompanyPair
from models.discipline import Measure
from models.face import FaceTemplate
from models.help_request import HelpRequest
from models.incident import Incident
from models.leave import Leave
from models.leave_request import LeaveRequest
from models.notice import Notice
from models.order import PositioningOrder
from models.order_paper import OrderPaper
from models.order_proposal import OrderProposal
from models.person import Person
from models.person_request import PersonRequest
from models.phone import PhoneAccess
from models.points import PointsDraft
from models.prohibition import ProhibitionOrder, ProhibitionReport
from models.reconciliation import RegisterDifference
from models.risk import RiskFlag
from models.search import SearchLetter, SearchRecord
from models.sentence_correction import SentenceCorrection
from models.service import ServiceSession
from models.transfer import Transfer
from models.volunteer import Contact
from models.zone import Zone, ZoneChange, ZoneShape

# Words that may say who somebody is, what of them remains; an empty text where none may be missing.
BLANKED: Mapping[type[Base], Mapping[str, Any]] = {
    Attendance: {"note": None},
    Case: {"state_note": None, "ended_by": None},
    ChangeReport: {"text_sealed": None, "answer_sealed": None},
    Contact: {"said": ""},
    FaceTemplate: {"sealed": None},
    HelpRequest: {"note": None},
    Incident: {"facts": {}, "zone_id": None},
    Leave: {"note": ""},
    LeaveRequest: {"why": "", "decision": None},
    LegalClock: {"note": "", "outcome": case((LegalClock.outcome.is_not(None), ""))},
    LevelSuggestion: {"note": None},
    Measure: dict.fromkeys(("unchanged", "statement", "guardian", "decision", "outcome"))
    | {"found": "", "served_how": None},
    Notice: {"text_zh": "", "text_en": "", "reference": None},
    Objection: {"text": "", "answer": None},
    OrderPaper: {"received_note": None},
    OrderProposal: {"evidence": "", "facts": [], "answer": None},
    PersonRequest: {"text_sealed": None, "answer_sealed": None},
    PointsDraft: {"evidence": {}, "decision_note": None},
    PositioningOrder: {"evidence": ""},
    ProhibitionOrder: {"forbids": "", "lifted_why": None},
    ProhibitionReport: {"said": ""},
    RegisterDifference: {"note": None},
    RiskFlag: {"reasons": [], "note": None},
    SearchLetter: {"received": None},
    SearchRecord: {"reasons": [], "note": None},
    SentenceCorrection: {"before": {}, "after": {}, "reason": "", "decision": None},
    ServiceSession: {"note": ""},
    Transfer: dict.fromkeys(("reply", "decision", "withdrawn_why")) | {"why": ""},
}
# Rows that are gone; whoever points at others stands before them.
DELETED: tuple[type[Base], ...] = (
    ZoneChange,
    Zone,
    CheckInFrame,
    Challenge,
    PhoneAccess,
    TeamMember,
    CompanyPair,
)
_OF: Mapping[type[Base], tuple[InstrumentedAttribute[int], type[Base]]] = {
    SearchLetter: (SearchLetter.record_id, SearchRecord),
    OrderPaper: (OrderPaper.order_id, PositioningOrder),
    ProhibitionReport: (ProhibitionReport.order_id, ProhibitionOrder),
    ZoneChange: (ZoneChange.zone_id, Zone),
    CheckInFrame: (CheckInFrame.challenge_id, Challenge),
}
_BULK = {"synchronize_session": False}


@dataclass(frozen=True)
class _Whose:
    person_id: UUID
    cases: tuple[int, ...]


def erase(session: Session, person: Person, now: datetime) -> dict[str, Gone]:
    """Destroy a person's key and everything that names them; return what went, by table.

    A second time nothing is left to go. Files of photos follow with the next `photos.expire`;
    without the key they do not open any more.
    """
    if person.erased:
        return {}
    whose = _Whose(person.id, tuple(it.id for it in person.cases))
    templates.forget(session, person, now)
    kinds = {"stored_photo": deletions.gone(photos.end(session, person, now))}
    for of, values in BLANKED.items():
        kinds[of.__tablename__] = _blank(session, of, _theirs(of, whose), values)
    kinds |= _delete(session, whose)
    person.erase()
    session.flush()
    kinds[Person.__tablename__] = deletions.gone([person.id])
    bans = _blank(session, CompanyBan, _bans(whose), {"basis": "", "named": None})
    kinds[CompanyBan.__tablename__] = bans
    session.expire_all()
    return kinds


def _theirs(of: type[Base], whose: _Whose) -> ColumnElement[bool]:
    """Match the rows of a table that are a person's, by the person, a case or what they belong to.

    The columns are looked up by name, since each table has one of them.
    """
    if of is CompanyPair:
        pair = (CompanyPair.one_id, CompanyPair.other_id)
        return or_(*(it.in_(whose.cases) for it in pair))
    if of in _OF:
        key, parent = _OF[of]
        return key.in_(select(*inspect(parent).primary_key).where(_theirs(parent, whose)))
    columns = inspect(of).columns
    if "person_id" in columns:
        return columns["person_id"] == whose.person_id
    return columns["case_id"].in_(whose.cases)


def _blank(
    session: Session, of: type[Base], which: ColumnElement[bool], values: Mapping[str, Any]
) -> Gone:
    gone = _keys(session, of, which)
    session.execute(update(of).where(which).values(**values), execution_options=_BULK)
    return gone


def _keys(session: Session, of: type[Base], which: ColumnElement[bool]) -> Gone:
    """Count and digest the keys of rows, the parts of one key with a stroke between."""
    rows = session.execute(select(*inspect(of).primary_key).where(which))
    return deletions.gone("/".join(map(str, row)) for row in rows)


def _delete(session: Session, whose: _Whose) -> dict[str, Gone]:
    """Delete what is a place, an access or a companion's name; borders that nobody else has too."""
    shapes = select(Zone.shape_id).where(_theirs(Zone, whose), Zone.shape_id.is_not(None))
    drawn = session.scalars(shapes).all()
    kinds = {}
    for of in DELETED:
        which = _theirs(of, whose)
        kinds[of.__tablename__] = _keys(session, of, which)
        session.execute(delete(of).where(which), execution_options=_BULK)
    unused = ZoneShape.id.in_(drawn) & ~exists().where(Zone.shape_id == ZoneShape.id)
    kinds[ZoneShape.__tablename__] = _keys(session, ZoneShape, unused)
    session.execute(delete(ZoneShape).where(unused), execution_options=_BULK)
    return kinds


def _bans(whose: _Whose) -> ColumnElement[bool]:
    """Match what kept them apart from others, once the files of all whom it names are destroyed."""
    theirs = select(CompanyBanCase.ban_id).where(CompanyBanCase.case_id.in_(whose.cases))
    others = select(CompanyBanCase.ban_id).join(CompanyBanCase.case).join(Case.person)
    needed = others.where(Person.wrapped_key.is_not(None))
    return CompanyBan.id.in_(theirs) & CompanyBan.id.not_in(needed)
