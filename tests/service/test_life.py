"""The beginning of a case: the checklist of the law, the team's rules, the plan's versions."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import milestones, plans
from correction_service.enforcement.milestones import Done
from correction_service.forms import prints
from correction_service.law import steps
from correction_service.law.steps import Phase
from correction_service.law.tables import Mark
from correction_service.people import cases, looks
from models.audit import AuditRecord
from models.case import Case, CaseState, TeamMember
from models.clock import LegalClock
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.identity import Sex
from models.milestone import Step
from models.plan import Aims
from models.printed_form import FormKind
from models.user import Role, User
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient

AIMS = Aims("稳定就业，修复家庭关系", "每月面谈两次；协助联系职业培训")
REVIEW = date(2027, 5, 20)
NUMBERS = {Step.PAPERS: "送达回证 3", Step.FILED: "档 17", Step.EXIT_BAN_REPORTED: "备 5"}
PARTIES = {Step.ANNOUNCED: "甲司法所", Step.EXIT_BAN_REPORTED: "出入境管理大队"}
INTAKE = (Step.PAPERS, Step.IDENTITY, Step.FILED, Step.ANNOUNCED, Step.EXIT_BAN_REPORTED)


def officer(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def step(name: Step, **changes: object) -> Done:
    given = {"number": NUMBERS.get(name, ""), "party": PARTIES.get(name, ""), "on": DAY, **changes}
    return Done(step=name, **given)  # type: ignore[arg-type]


def record(session: Session, county: County, name: Step, **changes: object) -> None:
    by = officer(session, county)
    milestones.record(session, by, county.case, step(name, **changes), NOW)


def waiting(session: Session, county: County) -> list[str]:
    case = session.get_one(Case, county.case)
    found = milestones.checklist(session, case, Phase.INTAKE)
    return [item.rule.name for item in found.items if item.done_on is None]


def test_lcc_22_24_25_the_case_opens_when_every_step_of_the_intake_is_done(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by, case = officer(session, county), session.get_one(Case, county.case)
        assert [it.id for it in milestones.to_open(session, by)] == [case.id]
        for name in INTAKE:
            record(session, county, name)
        assert waiting(session, county) == ["plan"]
        found = milestones.checklist(session, case, Phase.INTAKE)
        assert found.next is not None
        assert (found.next.rule.name, found.open_since) == ("plan", None)
        plans.write(session, by, case.id, AIMS, review_on=REVIEW, now=NOW)
        assert milestones.checklist(session, case, Phase.INTAKE).open_since == DAY
        assert milestones.to_open(session, by) == []


def test_im_16_missing_papers_refuse_nobody_and_start_the_clock_of_five_days(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, by = session.get_one(Case, county.case), officer(session, county)
        case.state, case.reported_on = CaseState.AWAITING_REPORT, None
        clock = milestones.papers_missing(session, by, case.id, "缺执行通知书", NOW)
        assert (clock.rule, clock.basis) == ("papers_incomplete", "IM 16 R")
        cases.report_in(session, by, case.id, DAY, NOW)
        assert case.state is CaseState.UNDER_CORRECTION
        record(session, county, Step.PAPERS)
        assert clock.outcome == NUMBERS[Step.PAPERS]
        running = select(LegalClock.rule).where(LegalClock.stopped_at.is_(None))
        assert session.scalars(running).all() == ["papers_receipt"]


def test_what_is_open_of_the_intake_is_never_the_persons_breach(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state, case.reported_on = CaseState.AWAITING_REPORT, None
        cases.report_in(session, officer(session, county), case.id, DAY, NOW)
        assert case.supervised_at(NOW)
        assert "identity" in waiting(session, county)


def test_the_announcement_comes_after_identity_and_team(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused, match="Identity is verified"):
            record(session, county, Step.ANNOUNCED)
        record(session, county, Step.IDENTITY)
        case.team.clear()
        with pytest.raises(Refused, match="team set up first"):
            record(session, county, Step.ANNOUNCED)


def test_lcc_25_a_womans_team_contains_a_woman(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.sex = Sex.FEMALE
        assert "team" not in waiting(session, county)
        case.team[0].sex = Sex.MALE
        assert "team" in waiting(session, county)


def test_lcc_52_a_minors_team_contains_somebody_who_knows_young_people(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state, case.reported_on, case.minor = CaseState.AWAITING_REPORT, None, True
        with pytest.raises(Refused, match="LCC 52"):
            cases.report_in(session, officer(session, county), case.id, DAY, NOW)
        case.team.append(TeamMember(name="社工", sex=Sex.MALE, part="specialist"))
        cases.report_in(session, officer(session, county), case.id, DAY, NOW)


def test_a_minors_announcement_names_the_guardian_who_was_called(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.minor = True
        case.team.append(TeamMember(name="社工", sex=Sex.MALE, part="specialist"))
        record(session, county, Step.IDENTITY)
        with pytest.raises(Invalid) as refusal:
            record(session, county, Step.ANNOUNCED)
        assert refusal.value.field == "guardian"
        record(session, county, Step.ANNOUNCED, guardian="母亲，到场")
        assert "announced" not in waiting(session, county)


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        (Step.IDENTITY, {"on": DAY + timedelta(days=1)}, "on"),
        (Step.IDENTITY, {"on": date(2026, 10, 31)}, "on"),
        (Step.FILED, {"number": " "}, "number"),
        (Step.EXIT_BAN_REPORTED, {"party": ""}, "party"),
    ],
)
def test_a_step_that_cannot_be_is_refused_by_field(
    database: Database, county: County, name: Step, changes: dict[str, object], field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        record(session, county, name, **changes)
    assert refusal.value.field == field


def test_a_step_written_down_wrongly_is_written_again_and_the_first_stays(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        record(session, county, Step.FILED, number="档 71")
        record(session, county, Step.FILED)
        found = milestones.checklist(session, session.get_one(Case, county.case), Phase.INTAKE)
        written = next(it.written for it in found.items if it.rule.name == "filed")
        assert written is not None
        assert written.number == NUMBERS[Step.FILED]


def test_lcc_24_a_plan_has_goals_measures_and_a_day_to_look_again_and_keeps_its_versions(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by, case = officer(session, county), session.get_one(Case, county.case)
        for aims, day, field in (
            (Aims(" ", "x"), REVIEW, "goals"),
            (Aims("x", ""), REVIEW, "measures"),
            (AIMS, DAY, "review_on"),
            (AIMS, case.term_end + timedelta(days=1), "review_on"),
        ):
            with pytest.raises(Invalid) as refusal:
                plans.write(session, by, case.id, aims, review_on=day, now=NOW)
            assert refusal.value.field == field
        first = plans.write(session, by, case.id, AIMS, review_on=REVIEW, now=NOW)
        other = AIMS._replace(goals="完成学业")
        plans.write(session, by, case.id, other, review_on=REVIEW, now=NOW)
        assert [it.version for it in plans.of(session, case)] == [2, 1]
        assert plans.read(session, first) == AIMS
        assert AIMS.goals.encode() not in first.sealed


def test_a_look_at_the_plan_is_logged_and_shown_to_the_person(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by, case = officer(session, county), session.get_one(Case, county.case)
        plan = plans.write(session, by, case.id, AIMS, review_on=REVIEW, now=NOW)
        plans.read(session, plan)
        seen = select(AuditRecord).where(AuditRecord.action == "view_plan")
        assert session.scalars(seen).one().subject_id == str(plan.id)
        shown = looks.of(session, case.person_id, NOW + timedelta(days=1))
        assert "your correction plan" in {it.what for it in shown}


def test_the_printed_plan_says_the_words_of_the_version_in_force(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by = officer(session, county)
        plans.write(session, by, county.case, AIMS, review_on=REVIEW, now=NOW)
        rows = prints.prepare(session, by, county.case, FormKind.PLAN, now=NOW).filled["rows"]
        assert ["矫正目标", AIMS.goals] in rows
        assert ["复评日期", "2027年5月20日"] in rows


def test_the_intake_is_its_offices_own(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
        session.flush()
        assert milestones.to_open(session, officer(session, county)) == []
        with pytest.raises(NotFound):
            record(session, county, Step.IDENTITY)
        upper = officer(session, county, Role.UPPER_AGENCY)
        with pytest.raises(Forbidden):
            milestones.record(session, upper, county.case, step(Step.IDENTITY), NOW)


def test_steps_marked_r_or_s_show_their_mark(client_of: SignedInClient, county: County) -> None:
    page = client_of(Role.OFFICER).get(f"/life/cases/{county.case}").text
    recalled = {it.name for it in steps.rules().values() if it.mark is not Mark.VERIFIED}
    assert {"papers", "exit_ban_reported", "summary", "handed_over"} <= recalled
    assert page.count("recalled: check the official text") == 2


def test_the_page_leads_from_the_list_through_the_steps_to_an_open_case(
    client_of: SignedInClient, county: County
) -> None:
    client = client_of(Role.OFFICER)
    listed = client.get("/life/").text
    assert f"/life/cases/{county.case}#step-papers" in listed
    for name in INTAKE:
        form = {"step": name.value, "on": "2026-11-20", "number": "7", "party": "甲司法所"}
        assert client.post(f"/life/cases/{county.case}/step", data=form).status_code == 302
    words = {"goals": AIMS.goals, "measures": AIMS.measures, "review_on": "2027-05-20"}
    answered = client.post(f"/life/cases/{county.case}/plan", data=words, follow_redirects=True)
    assert "The case is open since" in answered.text
    assert AIMS.goals in answered.text
    assert "Every intake is complete." in client.get("/life/").text


def test_who_only_looks_sees_neither_forms_nor_the_words_of_the_plan(
    database: Database, client_of: SignedInClient, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by = officer(session, county)
        plans.write(session, by, county.case, AIMS, review_on=REVIEW, now=NOW)
    page = client_of(Role.UPPER_AGENCY).get(f"/life/cases/{county.case}").text
    assert "Version 1" in page
    assert AIMS.goals not in page
    assert "/step" not in page
