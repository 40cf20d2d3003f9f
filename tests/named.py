"""One of everything that a route may name, all of one case at one office."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.activity import Activity, ActivityKind, Attendance
from models.assessment import LevelSuggestion, Objection, PointsMonth
from models.case import Case, Level
from models.checkin import CheckIn
from models.company import MeetingPlace
from models.device import Binding
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveLevel, LeaveProof, LeaveRequest
from models.offline_list import OfflineList
from models.order_paper import OrderPaper, Paper
from models.points import PointsDraft, PointsEntry
from models.printed_form import FormKind
from models.search import SearchRecord
from models.study import Study, StudyUnit
from models.user import Role, User
from models.volunteer import Contact, ContactKind, Volunteer, VolunteerState
from tests.county import NOW, County
from tests.desk import Desk
from tests.filed import (
    attached,
    destroying,
    differing,
    entitled,
    forbidden,
    kept_apart,
    moving,
    opined,
    penalised,
    prepared_order,
    printed,
    put_right,
    told,
)
from tests.tracked import HUICHUAN, Tracked


def on_leave(case_id: int) -> Leave:
    return Leave(
        case_id=case_id,
        reason=LeaveReason.WORK,
        divisions=["520100"],
        starts_at=NOW,
        ends_at=NOW + timedelta(days=2),
        note="外出审批表",
    )


def asking(case_id: int) -> LeaveRequest:
    return LeaveRequest(
        case_id=case_id,
        reason=LeaveReason.WORK,
        regular=False,
        divisions=["520100"],
        starts_at=NOW + timedelta(days=9),
        ends_at=NOW + timedelta(days=11),
        why="出差",
        level=LeaveLevel.OFFICE,
        days=2,
        asked_at=NOW,
    )


def closed_month(session: Session, entry: PointsEntry) -> int:
    made = PointsMonth(
        case_id=entry.case_id,
        month=NOW.date().replace(day=1),
        edition=1,
        rulebook_id=entry.rulebook_id,
        days=20,
        base=67,
        held=0,
        total=66,
        as_of=NOW + timedelta(days=15),
        closed_at=NOW + timedelta(days=15),
    )
    session.add(made)
    session.flush()
    return made.id


def objected(entry: PointsEntry) -> Objection:
    return Objection(
        entry=entry,
        case_id=entry.case_id,
        text="系统故障",
        made_at=NOW,
        timely=True,
        holds=True,
        due_on=NOW.date(),
    )


def suggested(entry: PointsEntry) -> LevelSuggestion:
    return LevelSuggestion(
        case_id=entry.case_id,
        quarter=NOW.date().replace(month=10, day=1),
        rulebook_id=entry.rulebook_id,
        level=Level.LENIENT,
        grounds={"means": {}, "penalties": {}, "months_in": 7},
        made_at=NOW,
    )


def invited(case_id: int, county: County) -> Attendance:
    officer = county.users[Role.OFFICER]
    activity = Activity(
        kind=ActivityKind.EDUCATION,
        agency_id=county.agency,
        office_id=county.office,
        title="法治教育",
        minors=False,
        place="会议室",
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=2),
        minutes=120,
        capacity=20,
        made_by=officer,
        made_at=NOW,
    )
    return Attendance(activity=activity, case_id=case_id, invited_by=officer, invited_at=NOW)


def reading(case_id: int, county: County) -> Study:
    unit = StudyUnit(
        agency_id=county.agency,
        title="请假规定",
        minors=False,
        pages=["外出要先请假。"],
        minutes=20,
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
    )
    return Study(unit=unit, case_id=case_id, began_at=NOW, seen_at=NOW, check_page=0)


def visited(case_id: int, county: County) -> Contact:
    """By a volunteer whose seat is the county's."""
    seat, by = county.users[Role.VOLUNTEER], county.users[Role.OFFICER]
    accepted = VolunteerState.ACCEPTED
    volunteer = Volunteer(
        agency_id=county.agency, name="周某", user_id=seat, state=accepted, made_by=by, made_at=NOW
    )
    return Contact(
        case_id=case_id,
        kind=ContactKind.VISIT,
        happened_at=NOW,
        minutes=30,
        said="家访",
        volunteer=volunteer,
        made_by=seat,
        made_at=NOW,
    )


def meeting_place(county: County) -> MeetingPlace:
    lat, lon = HUICHUAN
    by = county.users[Role.COUNTY_HEAD]
    return MeetingPlace(
        agency_id=county.agency, name="中心", lat=lat, lon=lon, radius_m=80, made_by=by, made_at=NOW
    )


Ids = dict[str, object]


@pytest.fixture
def ids(database: Database, county: County, tracked: Tracked, desk: Desk) -> Ids:
    """Something of the desk's case, or of its agency, for every parameter of a route."""
    with database.transaction(SYSTEM, "test") as session:
        return (
            _of_the_desk(session, desk)
            | _of_points(session, desk, county)
            | _of_leave(session, desk)
            | _of_tracking(session, tracked, county)
            | _of_the_file(session, desk, county)
            | _of_learning(session, desk, county)
            | _of_moves(session, desk, county)
            | _of_the_agency(session, county)
            | {"clock": "guardian", "column": "phone", "kind": FormKind.NOTIFICATION.value}
            | {"watch": "breach_unpunished", "register": "orders"}
        )


def _of_the_desk(session: Session, desk: Desk) -> Ids:
    return {
        "case_id": desk.case,
        "incident_id": desk.incident,
        "flag_id": desk.flag,
        "draft_id": desk.draft,
        "notice_id": desk.notice,
        "checkin_id": desk.checkin,
        "request_id": desk.help,
        "photo_id": desk.photo,
        "member_id": session.get_one(Case, desk.case).team[0].id,
        "receipt": session.get_one(CheckIn, desk.checkin).receipt,
    }


def _of_points(session: Session, desk: Desk, county: County) -> Ids:
    draft = session.get_one(PointsDraft, desk.draft)
    entry = PointsEntry(
        case_id=desk.case,
        item=draft.item,
        rulebook_id=draft.rulebook_id,
        points=-1,
        happened_on=NOW.date(),
        reason="系统故障",
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
    )
    objection, suggestion = objected(entry), suggested(entry)
    session.add_all([entry, objection, suggestion])
    session.flush()
    return {
        "entry_id": entry.id,
        "objection_id": objection.id,
        "suggestion_id": suggestion.id,
        "month_id": closed_month(session, entry),
    }


def _of_leave(session: Session, desk: Desk) -> Ids:
    leave, wish = on_leave(desk.case), asking(desk.case)
    wish.proofs = [LeaveProof(photo_id=UUID(desk.photo))]
    session.add_all([leave, wish])
    session.flush()
    return {"leave_id": leave.id, "asked_id": wish.id}


def _of_moves(session: Session, desk: Desk, county: County) -> Ids:
    move = moving(session.get_one(Case, desk.case), county)
    correction = put_right(desk.case, county)
    destruction = destroying(desk.case, county)
    session.add_all([move, correction, destruction])
    session.flush()
    return {
        "transfer_id": move.id,
        "correction_id": correction.id,
        "destruction_id": destruction.id,
    }


def _of_tracking(session: Session, tracked: Tracked, county: County) -> Ids:
    paper = OrderPaper(order_id=tracked.order, kind=Paper.PERSON_TOLD)
    proposal = prepared_order(tracked.case, county)
    session.add_all([paper, proposal])
    session.flush()
    worn = select(Binding.id).where(Binding.device_id == tracked.device)
    ids: Ids = {"zone_id": tracked.zone, "order_id": tracked.order}
    ids["binding_id"] = session.scalars(worn).one()
    return ids | {"paper_id": paper.id, "proposal_id": proposal.id}


def _of_the_file(session: Session, desk: Desk, county: County) -> Ids:
    case = session.get_one(Case, desk.case)
    ban, measure = kept_apart(case.id, county), penalised(case.id, county)
    prohibition = forbidden(case.id, county)
    form, opinion = printed(session, case, county), opined(case.id, county)
    search = SearchRecord(case_id=case.id, reasons=[], drafted_at=NOW)
    session.add_all([ban, prohibition, measure, form, opinion, search])
    session.flush()
    return {
        "ban_id": ban.id,
        "prohibition_id": prohibition.id,
        "measure_id": measure.id,
        "printed_id": form.id,
        "opinion_id": opinion.id,
        "record_id": search.id,
        "attachment_id": attached(session, county, search, UUID(desk.photo)),
        "difference_id": differing(session, case.id, county),
        "person_request_id": entitled(session, case.id),
        "change_id": told(session, case.id),
    }


def _of_learning(session: Session, desk: Desk, county: County) -> Ids:
    attendance, study = invited(desk.case, county), reading(desk.case, county)
    visit, by = visited(desk.case, county), county.users[Role.OFFICER]
    taken = OfflineList(activity=attendance.activity, key=b"k", made_by=by, made_at=NOW)
    session.add_all([attendance, study, visit, taken])
    session.flush()
    return {
        "activity_id": attendance.activity_id,
        "attendance_id": attendance.id,
        "list_id": taken.id,
        "study_id": study.id,
        "contact_id": visit.id,
        "volunteer_id": visit.volunteer_id,
        "unit_id": study.unit_id,
    }


def _of_the_agency(session: Session, county: County) -> Ids:
    place = meeting_place(county)
    clerk = User(
        username="clerk", name="clerk", role=Role.OFFICER, agency_id=county.agency,
        password_hash="!",
    )  # fmt: skip
    session.add_all([place, clerk])
    session.flush()
    return {"place_id": place.id, "user_id": clerk.id}
