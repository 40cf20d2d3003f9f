"""Told of a change: home, job, family, harm that draws near (IM 24, S), on the phone or otherwise.

An officer reads each; read, it is a report in the log of visits and reports. How late it was told
is nobody's to count but a person's: nothing here drafts points, raises a flag or opens an incident.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager

from correction_service import audit, codes, hours, outbox
from correction_service.casework import contacts
from correction_service.casework.contacts import Note
from correction_service.db import ring_of
from correction_service.messages import notices
from correction_service.people.cases import open_case_for
from correction_service.scope import case_for, visible
from models.case import Case, EndedAs
from models.change_report import MOST_TEXT, ChangeKind, ChangeReport, ReportWay
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.person import Person
from models.user import Permission, User
from models.volunteer import ContactKind

MOST_UNREAD = 10  # against a flood; nobody needs as many
AHEAD = timedelta(days=366)  # a change may be told before it comes


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person says: of which kind, in their words, since when if they say so."""

    kind: ChangeKind
    text: str
    changed_on: date | None = None

    def check(self, now: datetime) -> None:
        """Refuse what says nothing; no day is too long ago."""
        if not self.text.strip():
            raise Invalid("Say in a sentence what has changed.", field="text")
        if len(self.text) > MOST_TEXT:
            raise Invalid("At most 2000 characters fit here.", field="text")
        if self.changed_on and self.changed_on > hours.local_day(now) + AHEAD:
            raise Invalid("Give a day within the coming year, or none.", field="changed_on")


def tell(session: Session, case: Case, told: Told, now: datetime) -> ChangeReport:
    """The person tells of a change on the phone page; an officer reads it."""
    told.check(now)
    session.refresh(case, with_for_update=True)
    if len([it for it in of(session, case.id) if it.read_at is None]) >= MOST_UNREAD:
        raise Refused("Ten reports wait to be read already. Call your officer instead.")
    made = _written(session, case, told, ReportWay.PHONE_PAGE, at=now, by=None)
    return _changed(session, made, now)


def take(
    session: Session,
    user: User,
    case_id: int,
    told: Told,
    *,
    way: ReportWay,
    at: datetime,
    now: datetime,
) -> ChangeReport:
    """An officer writes down what a person told at `at`, by call, on paper or in person.

    Whoever wrote it has read it. `Invalid` for a moment to come, or before the judgment's effect.
    """
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    if way is ReportWay.PHONE_PAGE:
        raise Invalid("Choose one of the list.", field="way")
    if at > now:
        raise Invalid("This moment is still to come.", field="told_at")
    if at < hours.day_start(case.effective_on):
        raise Invalid("This day is before the judgment took effect.", field="told_at")
    told.check(now)
    report = _written(session, case, told, way, at=at, by=user.id)
    report.read(ring_of(session), user.id, now)
    _log(session, user, report, "", now)
    return _changed(session, report, now)


def read(
    session: Session, user: User, report_id: int, *, note: str, answer: str, now: datetime
) -> ChangeReport:
    """An officer has read it: it enters the log, with what follows, and the person is told.

    `Refused` once the person's file is destroyed: nothing new is written into it.
    """
    report = report_for(session, user, report_id)
    person = report.case.person
    if person.erased:
        raise Refused("This person's data was erased when its retention ended.", code="erased")
    report.read(ring_of(session), user.id, now, answer)
    _log(session, user, report, note, now)
    if all(it.ended_as is not EndedAs.DEATH for it in person.cases):  # else a family's phone rings
        notices.queue(session, report.case, "change", now)
    return _changed(session, report, now)


def view(session: Session, report: ChangeReport) -> tuple[str, str]:
    """Open what was told and answered for somebody to read; the look is on record."""
    audit.viewed(session, "view_change", "change_report", report.id)
    ring = ring_of(session)
    return report.reveal(ring, "text"), report.reveal(ring, "answer")


def of(session: Session, case_id: int) -> Sequence[ChangeReport]:
    """A person's reports, the latest first."""
    query = select(ChangeReport).where(ChangeReport.case_id == case_id)
    return session.scalars(query.order_by(ChangeReport.id.desc())).all()


def of_case(session: Session, user: User, case_id: int) -> Sequence[ChangeReport]:
    """The reports of a case that the user supervises, without their words."""
    return of(session, case_for(session, user, case_id, Permission.SUPERVISE).id)


def report_for(session: Session, user: User, report_id: int) -> ChangeReport:
    """A report to whoever supervises the case, under lock; of an ended case too."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    query = select(ChangeReport).join(ChangeReport.case).where(visible(user))
    query = query.where(ChangeReport.id == report_id)
    report = session.scalar(query.with_for_update(of=ChangeReport))
    if report is None:
        raise NotFound("There is no such report in your offices.")
    return report


def to_read(user: User) -> Select[ChangeReport]:
    """What nobody has read yet, the oldest first; of a destroyed file nothing is left to read."""
    query = select(ChangeReport).join(ChangeReport.case).join(Case.person).where(visible(user))
    case = contains_eager(ChangeReport.case)
    query = query.options(case.contains_eager(Case.person), case.joinedload(Case.office))
    unread = (ChangeReport.read_at.is_(None), Person.wrapped_key.is_not(None))
    return query.where(*unread).order_by(ChangeReport.told_at)


def _written(
    session: Session,
    case: Case,
    told: Told,
    way: ReportWay,
    *,
    at: datetime,
    by: int | None,
) -> ChangeReport:
    report = ChangeReport(
        case=case,
        kind=told.kind,
        changed_on=told.changed_on,
        way=way,
        receipt=codes.new(),
        told_at=at,
        taken_by=by,
    )
    session.add(report)
    session.flush()
    report.put(ring_of(session), "text", told.text.strip())
    return report


def _log(session: Session, user: User, report: ChangeReport, note: str, now: datetime) -> None:
    """The log names the report by its receipt and never has its words, which are sealed."""
    said = f"{report.receipt} {note.strip()}".strip()
    if len(said) > MOST_TEXT:
        raise Invalid("At most 2000 characters fit here.", field="note")
    what = Note(kind=ContactKind.REPORT, happened_at=report.told_at, minutes=0, said=said)
    report.contact = contacts.put(session, user, report.case, what, now)


def _changed(session: Session, report: ChangeReport, now: datetime) -> ChangeReport:
    session.flush()
    outbox.live(session, report.case, "case", report.case_id, now)
    return report
