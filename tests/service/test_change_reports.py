"""Changes told of: by every way, read by an officer, in the log, and late at no price."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import change_reports, contacts, sweep, worklist
from correction_service.casework.change_reports import Told
from correction_service.casework.needs import Need
from correction_service.db import Database, ring_of
from correction_service.enforcement import erasures
from correction_service.law import clock_rules
from correction_service.law.tables import Mark
from correction_service.people import looks
from correction_service.rights import life
from correction_service.settings import Settings
from models.agency import Office
from models.case import LEGAL_ZONE, Case, CaseState, EndedAs
from models.change_report import ChangeKind, ChangeReport, ReportWay
from models.errors import DomainError, Forbidden, Invalid, NotFound, Refused
from models.incident import Incident, Severity
from models.notice import Notice
from models.points import PointsDraft
from models.risk import RiskFlag
from models.user import Role, User
from models.volunteer import Contact, ContactKind
from tests.county import DAY, NOW, County, make_case

WORDS = "换到凤冈的工地上班，妻子张某一起"
JOB = Told(kind=ChangeKind.JOB, text=WORDS, changed_on=date(2026, 8, 1))
HOUR = timedelta(hours=1)
EFFECT = datetime(2026, 11, 1, tzinfo=LEGAL_ZONE)  # of the county's judgment


def user(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def told(session: Session, county: County, what: Told = JOB) -> ChangeReport:
    return change_reports.tell(session, session.get_one(Case, county.case), what, NOW)


def read(session: Session, county: County, report: ChangeReport, answer: str = "") -> Contact:
    by = user(session, county)
    note, at = "下周到工地走访", NOW + HOUR
    made = change_reports.read(session, by, report.id, note=note, answer=answer, now=at).contact
    assert made is not None
    return made


def needs(session: Session, county: County, role: Role) -> list[Severity]:
    found = worklist.items(session, user(session, county, role), NOW)
    return [it.severity for it in found if it.need is Need.CHANGE]


def test_what_is_told_is_sealed_and_has_a_receipt(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county)
        assert (made.way, made.taken_by, made.read_at) == (ReportWay.PHONE_PAGE, None, None)
        assert len(made.receipt) == len("7K3M-92QX")
        assert WORDS.encode() not in (made.text_sealed or b"")
        assert made.reveal(ring_of(session), "text") == WORDS


@pytest.mark.parametrize(
    ("what", "field"),
    [
        (Told(kind=ChangeKind.HOME, text=" "), "text"),
        (Told(kind=ChangeKind.HOME, text="长" * 2001), "text"),
        (Told(kind=ChangeKind.HOME, text="搬家", changed_on=date(2028, 1, 1)), "changed_on"),
    ],
)
def test_what_says_nothing_is_refused_at_its_field(
    database: Database, county: County, what: Told, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        told(session, county, what)
    assert refusal.value.field == field


def test_a_flood_is_held_until_somebody_reads(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        reports = [told(session, county) for _ in range(change_reports.MOST_UNREAD)]
        with pytest.raises(Refused, match="Ten reports"):
            told(session, county)
        read(session, county, reports[0])
        assert told(session, county).id > reports[-1].id


def test_read_it_is_a_report_of_the_log_without_its_words_and_the_person_is_told(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        report = told(session, county)
        made = read(session, county, report, "知道了，请把合同带来")
        assert (made.kind, made.happened_at, made.minutes) == (ContactKind.REPORT, NOW, 0)
        assert made.said == f"{report.receipt} 下周到工地走访"
        assert (report.read_by, report.read_at) == (county.users[Role.OFFICER], NOW + HOUR)
        assert change_reports.view(session, report) == (WORDS, "知道了，请把合同带来")
        assert session.scalars(select(Notice.kind)).all() == ["change"]
        with pytest.raises(Refused, match="read already"):
            read(session, county, report)
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        [look] = looks.of(session, person_id, datetime.now(UTC))
        assert look.what == "a change that you told of"


def test_one_that_waited_for_months_is_read_and_logged_all_the_same(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        report = told(session, county)
        late = NOW + 3 * contacts.OLDEST
        by = user(session, county)
        change_reports.read(session, by, report.id, note="", answer="", now=late)
        assert report.contact is not None
        assert report.contact.happened_at == NOW


def test_an_officer_writes_down_what_was_told_otherwise_and_has_read_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by = user(session, county)
        made = change_reports.take(
            session, by, county.case, JOB, way=ReportWay.CALL, at=NOW - HOUR, now=NOW
        )
        assert (made.told_at, made.taken_by, made.read_by) == (NOW - HOUR, by.id, by.id)
        assert made.contact is not None
        assert needs(session, county, Role.OFFICER) == []
        for way, at, field in (
            (ReportWay.PHONE_PAGE, NOW, "way"),
            (ReportWay.PAPER, NOW + HOUR, "told_at"),
            (ReportWay.PAPER, EFFECT - timedelta(minutes=1), "told_at"),
        ):
            with pytest.raises(Invalid) as refusal:
                change_reports.take(session, by, county.case, JOB, way=way, at=at, now=NOW)
            assert refusal.value.field == field


def test_after_a_death_it_is_read_and_no_phone_is_told(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        report, case = told(session, county), session.get_one(Case, county.case)
        case.state, case.ended_as = CaseState.TERMINATED, EndedAs.DEATH
        assert needs(session, county, Role.OFFICER) == [Severity.WATCH]
        read(session, county, report)
        assert session.scalars(select(Notice)).all() == []


def test_who_was_released_is_told_that_it_was_read(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        report, case = told(session, county), session.get_one(Case, county.case)
        case.state, case.ended_as = CaseState.RELEASED, EndedAs.TERM_OVER
        read(session, county, report)
        assert session.scalars(select(Notice.kind)).all() == ["change"]


def test_of_a_destroyed_file_nothing_waits_to_be_read_and_nothing_is_written(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        report, case = told(session, county), session.get_one(Case, county.case)
        case.state = CaseState.RELEASED
        erasures.erase(session, case.person, NOW)
        session.refresh(report)
        assert needs(session, county, Role.OFFICER) == []
        with pytest.raises(Refused, match="was erased"):
            read(session, county, report)
        assert report.read_at is None
        assert session.scalars(select(Contact)).all() == []


def test_who_supervises_reads_it_and_nobody_else(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        elsewhere = make_case(session, session.get_one(Office, county.other_office), 2)
        session.flush()
        here = told(session, county)
        there = change_reports.tell(session, elsewhere, JOB, NOW)
        assert change_reports.report_for(session, user(session, county), here.id) is here
        refused: list[tuple[Role, ChangeReport, type[DomainError]]] = [
            (Role.OFFICER, there, NotFound),
            (Role.PROCURATOR, here, Forbidden),
            (Role.VOLUNTEER, here, Forbidden),
        ]
        for role, report, why in refused:
            with pytest.raises(why):
                change_reports.report_for(session, user(session, county, role), report.id)


def test_what_is_unread_stands_on_the_list_and_harm_does_not_wait(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = told(session, county)
        assert needs(session, county, Role.OFFICER) == [Severity.WATCH]
        assert needs(session, county, Role.PROCURATOR) == []
        first.told_at = NOW - timedelta(days=4)
        assert needs(session, county, Role.OFFICER) == [Severity.SOON]
        read(session, county, first)
        told(session, county, Told(kind=ChangeKind.HARM, text="旧友约我"))
        assert needs(session, county, Role.OFFICER) == [Severity.SOON]


def test_change_reported_runs_no_clock_and_a_late_report_is_no_breach_of_a_machine(
    database: Database, settings: Settings, county: County
) -> None:
    rule = clock_rules.rules()["change_reported"]
    assert (rule.mark, rule.limit) == (Mark.EXCERPT, None)
    assert "phone page" in rule.does["en"]
    with database.transaction(SYSTEM, "test") as session:
        told(session, county, Told(kind=ChangeKind.HOME, text="搬家", changed_on=date(2026, 1, 1)))
    sweep.run(database, DAY, NOW, settings)
    with database.reading() as session:
        raised = [
            session.scalar(select(func.count()).select_from(of))
            for of in (PointsDraft, Incident, RiskFlag)
        ]
    assert raised == [0, 0, 0]


def test_the_copy_has_what_was_told_and_answered_and_not_who_read_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        read(session, county, told(session, county), "知道了")
        case = session.get_one(Case, county.case)
        [changes] = [it for it in life.sections(session, case) if it.name == "changes"]
    assert list(changes.rows) == [
        (NOW, ChangeKind.JOB, date(2026, 8, 1), ReportWay.PHONE_PAGE, WORDS, NOW + HOUR, "知道了")
    ]


def test_with_the_file_go_its_words(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county).id
        case = session.get_one(Case, county.case)
        case.state = CaseState.RELEASED
        erasures.erase(session, case.person, NOW)
    with database.reading() as session:
        report = session.get_one(ChangeReport, made)
        assert (report.text_sealed, report.answer_sealed) == (None, None)
