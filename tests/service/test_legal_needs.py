"""What waits by law is on the first page of who may take its next step, and of nobody else."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.assessment import objections
from correction_service.audit import SYSTEM
from correction_service.casework import clocks, points, worklist
from correction_service.casework.needs import Item, Need
from correction_service.db import Database
from correction_service.enforcement import plans, transfers
from correction_service.searches import searches
from models.assessment import LevelSuggestion
from models.case import Case, CaseState
from models.discipline import MeasureState
from models.incident import Severity
from models.plan import Aims
from models.points import Rulebook
from models.search import Finding
from models.user import Role, User
from tests.county import DAY, NOW, County
from tests.filed import moving, penalised
from tests.pages import SignedInClient
from tests.service.test_objections import deducted

ONE_DAY = timedelta(days=1)


def user(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def waits(
    session: Session,
    county: County,
    need: Need,
    role: Role = Role.OFFICER,
    now: datetime = NOW,
) -> list[Item]:
    found = worklist.items(session, user(session, county, role), now)
    return [item for item in found if item.need is need]


def test_a_drafted_search_waits_until_an_officer_declares_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state, case.state_since = CaseState.LOST_CONTACT, NOW
        searches.draft(session, NOW)
        (item,) = waits(session, county, Need.SEARCH)
        assert (item.case, item.severity) == (case, Severity.SOON)
        assert waits(session, county, Need.SEARCH, Role.PROCURATOR) == []
        record = searches.begin(session, user(session, county), case.id, DAY, NOW)
        assert waits(session, county, Need.SEARCH) == []
        assert waits(session, county, Need.SEARCH, now=NOW + 10 * ONE_DAY) == []
        assert waits(session, county, Need.SEARCH, now=NOW + 11 * ONE_DAY), "ten days are past"
    with database.transaction(SYSTEM, "test") as session:
        by = user(session, county)
        searches.find(session, by, record.id, Finding.BACK, note="已回", now=NOW)
        assert waits(session, county, Need.SEARCH, now=NOW + 11 * ONE_DAY) == []


def test_a_measure_waits_for_a_head_who_did_not_prepare_it_then_for_its_papers(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        measure = penalised(county.case, county)
        session.add(measure)
        session.flush()
        (item,) = waits(session, county, Need.MEASURES, Role.COUNTY_HEAD)
        assert item.count == 1
        assert waits(session, county, Need.MEASURES) == waits(session, county, Need.PAPERS) == []
        measure.prepared_by = county.users[Role.COUNTY_HEAD]
        session.flush()
        assert waits(session, county, Need.MEASURES, Role.COUNTY_HEAD) == []
        measure.state, measure.decided_by = MeasureState.DECIDED, county.users[Role.OFFICER]
        session.flush()
        assert [it.count for it in waits(session, county, Need.PAPERS)] == [1]


def test_an_objection_waits_for_the_head_with_its_last_day(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entry = deducted(session, county)
        case = session.get_one(Case, county.case)
        objections.object_to(session, case, entry.id, "是我本人", now=NOW)
        (item,) = waits(session, county, Need.OBJECTIONS, Role.COUNTY_HEAD)
        assert (item.severity, item.due is not None) == (Severity.WATCH, True)
        assert waits(session, county, Need.OBJECTIONS) == []
        late = NOW + 30 * ONE_DAY
        (item,) = waits(session, county, Need.OBJECTIONS, Role.COUNTY_HEAD, late)
        assert item.severity is Severity.SOON


def test_a_suggested_level_waits_for_whoever_supervises(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        case = session.get_one(Case, county.case)
        session.add(
            LevelSuggestion(
                case=case,
                quarter=DAY.replace(month=7, day=1),
                rulebook=session.scalars(select(Rulebook)).one(),
                level=case.level,
                grounds={},
                made_at=NOW,
            )
        )
        session.flush()
        assert [it.count for it in waits(session, county, Need.LEVELS)] == [1]
        assert waits(session, county, Need.LEVELS, Role.PROCURATOR) == []


def test_a_move_waits_for_the_place_whose_step_it_is(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = moving(session.get_one(Case, county.case), county)
        session.add(move)
        session.flush()
        assert [it.subject for it in waits(session, county, Need.MOVE)] == [move]
        transfers.consult(session, user(session, county), move.id, "征 8", NOW)
        for role in (Role.OFFICER, Role.COUNTY_HEAD):
            assert waits(session, county, Need.MOVE, role) == [], "the new place is to reply"
        there = user(session, county, Role.COUNTY_HEAD)
        assert move.to_agency is not None
        there.agency_id = move.to_agency.id
        assert len(waits(session, county, Need.MOVE, Role.COUNTY_HEAD)) == 1
        move.answer(there.id, NOW, agrees=True, reply="同意")
        assert waits(session, county, Need.MOVE, Role.COUNTY_HEAD) == []
        there.agency_id = county.agency
        assert len(waits(session, county, Need.MOVE, Role.COUNTY_HEAD)) == 1, "to decide"


def test_a_plan_waits_from_its_day_until_the_next_version(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    day, later = DAY + 30 * ONE_DAY, NOW + 30 * ONE_DAY
    with database.transaction(SYSTEM, "test") as session:
        by = user(session, county)
        plans.write(session, by, county.case, Aims("守法", "谈话"), review_on=day, now=NOW)
        assert waits(session, county, Need.PLANS, now=later - ONE_DAY) == []
        assert [it.count for it in waits(session, county, Need.PLANS, now=later)] == [1]
        again = day + 30 * ONE_DAY
        plans.write(session, by, county.case, Aims("守法", "走访"), review_on=again, now=later)
        assert waits(session, county, Need.PLANS, now=later) == []
    assert "No plan is due" in client_of(Role.OFFICER).get("/life/plans").text


def test_clocks_that_are_over_or_about_to_end_have_one_line(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert waits(session, county, Need.CLOCKS) == []
        case = session.get_one(Case, county.case)
        case.state, case.reported_on, case.effective_on = CaseState.AWAITING_REPORT, None, DAY
        session.flush()
        (running,) = clocks.running(session, clocks.of(case.id), NOW)
        assert running.due.at is not None
        before = running.due.at - 4 * ONE_DAY
        assert waits(session, county, Need.CLOCKS, now=before) == []
        (item,) = waits(session, county, Need.CLOCKS, now=running.due.at - ONE_DAY)
        assert (item.severity, item.count) == (Severity.WATCH, 1)
        (item,) = waits(session, county, Need.CLOCKS, now=running.due.at + ONE_DAY)
        assert item.severity is Severity.SOON


def test_what_a_person_owes_again_and_again_presses_nobody_once_the_case_has_ended(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, by = session.get_one(Case, county.case), user(session, county)
        for name in ("medical_review", "death"):
            clocks.start(session, by, case.id, name, on=DAY, note="通知", now=NOW)
        later = NOW + 400 * ONE_DAY
        assert waits(session, county, Need.CLOCKS, now=later)
        pressing = {it.rule.name for it in clocks.running(session, clocks.of(case.id), later)}
        assert {"medical_review", "death"} <= pressing
        case.state = CaseState.TERMINATED
        session.flush()
        pressing = {it.rule.name for it in clocks.running(session, clocks.of(case.id), later)}
        assert pressing == {"death"}, "what others are owed stays"


def test_a_move_asked_for_is_on_the_page_with_its_place(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = moving(session.get_one(Case, county.case), county)
        session.add_all([move, penalised(county.case, county)])
    shown = client_of(Role.COUNTY_HEAD).get("/").text
    for said in ("A change of place waits", "凤冈县社区矫正中心", "1 reward or penalty to decide"):
        assert said in shown
