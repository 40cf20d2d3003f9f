"""What the copy says of the life of a case: lessons, contacts, steps, moves, what was asked for.

Of a visit or a call it says when and how long; what an officer or a volunteer wrote of it speaks of
others too. Of the letters about a move it says numbers and days, and what the new place replied:
the letters themselves are the agencies'.
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.casework import change_reports
from correction_service.db import ring_of
from correction_service.enforcement import transfers
from correction_service.people import sentences
from correction_service.rights.sections import Cell, Section, rows
from models.activity import Activity, Attendance
from models.assessment import PointsMonth, PointsPublication
from models.case import Case, Category
from models.help_request import HelpRequest
from models.leave_request import LeaveRequest
from models.level_change import LevelChange
from models.milestone import Milestone
from models.prohibition import ProhibitionOrder, ProhibitionReport
from models.sentence_correction import CorrectionState
from models.study import Study, StudyUnit
from models.volunteer import Contact


def sections(session: Session, case: Case) -> Iterator[Section]:
    """The tables, in the order in which they are read."""
    step = (Milestone.done_on, Milestone.step, Milestone.number)
    yield rows(session, "steps", step, Milestone.case_id == case.id)
    level = (LevelChange.since, LevelChange.before, LevelChange.level, LevelChange.reason)
    yield rows(session, "levels", level, LevelChange.case_id == case.id)
    order = (ProhibitionOrder.number, ProhibitionOrder.court, ProhibitionOrder.forbids)
    when = (ProhibitionOrder.starts_on, ProhibitionOrder.ends_on, ProhibitionOrder.lifted_on)
    yield rows(session, "prohibitions", (*order, *when), ProhibitionOrder.case_id == case.id)
    reported = (ProhibitionReport.reported_on, ProhibitionOrder.number, ProhibitionReport.said)
    mine = ProhibitionOrder.case_id == case.id, ProhibitionOrder.id == ProhibitionReport.order_id
    yield rows(session, "prohibition_reports", reported, *mine)
    yield _corrections(session, case)
    yield _moves(session, case)
    yield _lessons(session, case)
    study = (Study.began_at, StudyUnit.title, Study.finished_at, Study.minutes)
    mine = Study.case_id == case.id, StudyUnit.id == Study.unit_id
    yield rows(session, "studies", study, *mine)
    contact = (Contact.happened_at, Contact.kind, Contact.minutes)
    yield rows(session, "contacts", contact, Contact.case_id == case.id)
    request = (LeaveRequest.asked_at, LeaveRequest.reason, LeaveRequest.starts_at)
    more = (LeaveRequest.ends_at, LeaveRequest.why, LeaveRequest.state, LeaveRequest.decision)
    how = LeaveRequest.asked_how
    yield rows(session, "leave_requests", (*request, *more, how), LeaveRequest.case_id == case.id)
    help_asked = (HelpRequest.at, HelpRequest.kind, HelpRequest.handled_at)
    yield rows(session, "help", help_asked, HelpRequest.case_id == case.id)
    yield _told(session, case)
    yield _published(session, case)


def _lessons(session: Session, case: Case) -> Section:
    came = (Attendance.state, Attendance.minutes, Attendance.excuse)
    what = (Activity.starts_at, Activity.kind, Activity.title, Activity.place)
    mine = Attendance.case_id == case.id, Activity.id == Attendance.activity_id
    return rows(session, "lessons", (*what, *came), *mine)


def _told(session: Session, case: Case) -> Section:
    """What the person told, in their words; which officer read it is left out."""
    ring = ring_of(session)
    columns = ("told_at", "change", "changed_on", "way", "text", "read_at", "answer")
    found: list[tuple[Cell, ...]] = [
        (it.told_at, it.kind, it.changed_on, it.way, it.reveal(ring, "text"), it.read_at,
         it.reveal(ring, "answer"))
        for it in reversed(change_reports.of(session, case.id))
    ]  # fmt: skip
    return Section("changes", columns, found)


def _moves(session: Session, case: Case) -> Section:
    asked = ("asked_on", "why", "place", "state", "consult_number")
    replied = ("reply_number", "reply_on", "reply", "decision")
    went = ("report_by", "sent_number", "sent_on", "reported_on", "receipt_number")
    said = (*asked, *replied, *went)
    found = sorted(transfers.of(session, case.id), key=lambda it: it.id)
    return Section("moves", said, [tuple(getattr(it, name) for name in said) for it in found])


def _corrections(session: Session, case: Case) -> Section:
    """What stood and what stands instead, a line for each; a proposal is none yet."""
    found: list[tuple[Cell, ...]] = [
        (it.decided_at, it.number, name, _value(name, it.before[name]), _value(name, text))
        for it in reversed(sentences.of(session, case.id))
        if it.state is CorrectionState.AGREED
        for name, text in it.after.items()
    ]
    return Section("corrections", ("decided_at", "number", "what", "before", "after"), found)


def _value(name: str, text: str | None) -> Cell:
    return Category(text) if name == "category" and text else text


def _published(session: Session, case: Case) -> Section:
    """What the agencies whose case it was made public of it; no other agency's list is read."""
    closed = select(PointsMonth.month).where(PointsMonth.case_id == case.id)
    query = select(PointsPublication).where(
        PointsPublication.month.in_(closed),
        PointsPublication.agency_id.in_(_agency_ids(session, case)),
    )
    found = [
        (it.made_at, it.month, total)
        for it in session.scalars(query.order_by(PointsPublication.id))
        for case_id, total in it.lines
        if case_id == case.id
    ]
    return Section("publications", ("made_at", "month", "total"), found)


def _agency_ids(session: Session, case: Case) -> set[int]:
    moves = transfers.of(session, case.id)
    stood = (it for move in moves for it in (move.from_agency_id, move.to_agency_id))
    return {case.agency_id, *(it for it in stood if it is not None)}
