"""The end of a case: thirty days ahead, what is told to whom, and what waits for a revocation."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import clocks
from correction_service.db import Database
from correction_service.enforcement import endings, exit_bans, milestones
from correction_service.enforcement.exit_bans import BanState
from correction_service.enforcement.milestones import Done
from correction_service.law import clock_rules
from correction_service.law.steps import Phase
from correction_service.people import cases
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.milestone import Milestone, Step
from models.user import Role, User
from tests.county import DAY, NOW, County, resident_id
from tests.pages import SignedInClient

LATER = NOW + timedelta(days=1)
ENDING = (
    Step.SUMMARY,
    Step.RELEASE_ANNOUNCED,
    Step.CERTIFICATE,
    Step.AUTHORITY_TOLD,
    Step.PROCURATORATE_TOLD,
    Step.POLICE_TOLD,
    Step.HANDED_OVER,
    Step.EXIT_BAN_LIFTED,
)


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def ends(session: Session, county: County, day: date = DAY) -> Case:
    case = session.get_one(Case, county.case)
    case.term_end = day
    session.flush()
    return case


def record(session: Session, county: County, step: Step, **changes: str) -> Milestone:
    said = {
        "number": "解 9",
        "party": "汇川区司法局安置帮教办",
        "note": "档案副卷、鉴定表",
        **changes,
    }
    done = Done(step=step, on=DAY, **said)
    return milestones.record(session, by(session, county), county.case, done, NOW)


def queued(session: Session, county: County) -> list[int]:
    return [it.case.id for it in endings.queue(session, by(session, county), NOW)]


def test_lcc_44_a_term_is_listed_thirty_days_before_its_end(
    database: Database, county: County
) -> None:
    limit = clock_rules.rules()["sentence_ends"].limit
    assert limit is not None
    assert limit.ahead_days == 30
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county, DAY + timedelta(days=31))
        assert queued(session, county) == []
        ends(session, county, DAY + timedelta(days=30))
        assert queued(session, county) == [county.case]


def test_lcc_44_tracking_and_check_ins_stop_on_the_day_whatever_is_open(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = ends(session, county)
        assert case.supervised_at(NOW)
        assert not case.supervised_at(LATER)
        (row,) = endings.queue(session, by(session, county), LATER)
        assert row.checklist.next is not None
        assert row.days_left(DAY + timedelta(days=1)) == -1


def test_lcc_44_authority_procuratorate_and_police_are_told_and_the_certificate_handed_over(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = ends(session, county)
        names = {it.rule.name for it in milestones.checklist(session, case, Phase.ENDING).items}
        assert {"certificate", "authority_told", "procuratorate_told", "police_told"} <= names
        for step in ENDING:
            record(session, county, step)
        assert milestones.checklist(session, case, Phase.ENDING).open_since == DAY


def test_a_released_case_stays_listed_until_its_last_step_is_done(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county)
        officer = by(session, county)
        cases.move(session, officer, county.case, CaseState.RELEASED, note="期满", now=NOW)
        for step in ENDING:
            assert queued(session, county) == [county.case]
            record(session, county, step)
        assert queued(session, county) == []


def test_a_pending_revocation_holds_the_paper_of_release_and_nothing_else(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = ends(session, county)
        officer = by(session, county)
        clocks.start(session, officer, case.id, cases.PENDING, on=DAY, note="提请撤销缓刑", now=NOW)
        (row,) = endings.queue(session, officer, NOW)
        assert row.pending
        for step in (Step.CERTIFICATE, Step.RELEASE_ANNOUNCED, Step.EXIT_BAN_LIFTED):
            with pytest.raises(Refused) as refusal:
                record(session, county, step)
            assert refusal.value.code == "pending_revocation"
        record(session, county, Step.SUMMARY)
        assert not case.supervised_at(LATER)


def test_no_certificate_is_handed_over_before_the_last_day(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county, DAY + timedelta(days=1))
        with pytest.raises(Refused, match="has not ended"):
            record(session, county, Step.CERTIFICATE)
        record(session, county, Step.SUMMARY)


@pytest.mark.parametrize("field", ["party", "note"])
def test_the_hand_over_to_resettlement_support_says_to_whom_and_which_papers(
    database: Database, county: County, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county)
        with pytest.raises(Invalid) as refusal:
            record(session, county, Step.HANDED_OVER, **{field: " "})
        assert refusal.value.field == field
        made = record(session, county, Step.HANDED_OVER)
        assert (made.done_on, made.party) == (DAY, "汇川区司法局安置帮教办")


def state_of(session: Session, county: County) -> list[BanState]:
    return [it.state for it in exit_bans.listed(session, by(session, county))]


def test_an_exit_ban_is_reported_at_intake_and_lifted_at_release(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county)
        assert state_of(session, county) == [BanState.TO_REPORT]
        record(session, county, Step.EXIT_BAN_REPORTED)
        assert state_of(session, county) == [BanState.REPORTED]
        officer = by(session, county)
        cases.move(session, officer, county.case, CaseState.RELEASED, note="期满", now=NOW)
        assert state_of(session, county) == [BanState.TO_LIFT]
        record(session, county, Step.EXIT_BAN_LIFTED)
        assert state_of(session, county) == [BanState.LIFTED]


def test_the_list_of_exit_bans_opens_numbers_for_the_county_alone_and_on_record(
    database: Database, county: County
) -> None:
    kinds = {"resident": "居民身份证"}
    with database.transaction(SYSTEM, "test") as session:
        record(session, county, Step.EXIT_BAN_REPORTED, number="=1+1")
        with pytest.raises(Forbidden):
            exit_bans.workbook(session, by(session, county), kinds, NOW)
        head = by(session, county, Role.COUNTY_HEAD)
        data = exit_bans.workbook(session, head, kinds, NOW)
        sheet = load_workbook(BytesIO(data)).worksheets[0]
        rows = list(sheet.iter_rows(min_row=3, values_only=True))
        assert rows[1][:4] == ("测试1", "居民身份证", resident_id(1), "T000001")
        assert rows[1][6] == "=1+1"
        seen = select(AuditRecord.subject_id).where(AuditRecord.action == "view_id_number")
        assert session.scalars(seen).all() == [str(session.get_one(Case, county.case).person_id)]


def test_the_queue_is_its_offices_own(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county).office_id = county.other_office
        session.flush()
        assert queued(session, county) == []
        assert exit_bans.listed(session, by(session, county)) == []
        with pytest.raises(NotFound):
            record(session, county, Step.SUMMARY)


def test_the_pages_lead_from_the_queue_to_release_and_its_last_papers(
    database: Database, client_of: SignedInClient, county: County
) -> None:
    client, today = client_of(Role.OFFICER), cases.legal_day(datetime.now(UTC))
    with database.transaction(SYSTEM, "test") as session:
        ends(session, county, today)
    page = f"/endings/cases/{county.case}"
    assert f"{page}#step-summary" in client.get("/endings/").text
    form = {"state": "released", "note": "期满", "sure": "on", "next": page}
    assert client.post(f"/cases/{county.case}/state", data=form).headers["Location"] == page
    told = {"step": "handed_over", "on": today.isoformat(), "party": "安置帮教办", "note": "副卷"}
    client.post(f"/life/cases/{county.case}/step", data={**told, "next": page})
    shown = client.get(page).text
    assert "安置帮教办 · 副卷" in shown
    assert "Positions are deleted 365 days after the end." in shown
    assert "to be reported" not in client.get("/endings/exit-bans").text


def test_the_county_downloads_the_list_of_exit_bans(
    client_of: SignedInClient, county: County
) -> None:
    assert client_of(Role.OFFICER).post("/endings/exit-bans").status_code == 403
    answer = client_of(Role.COUNTY_HEAD).post("/endings/exit-bans")
    assert answer.data[:2] == b"PK"
    assert answer.headers["Cache-Control"] == "no-store"
