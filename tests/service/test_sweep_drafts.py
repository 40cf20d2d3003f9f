"""What the sweep drafts, and what it leaves to a person or takes back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.incidents import incidents, sightings
from correction_service.settings import Settings
from models.case import Case, CaseState
from models.checkin import CheckIn, CheckInDuty, DutyState, Outcome
from models.incident import Cause, Incident, IncidentKind
from models.points import DraftState, PointsDraft, PointsEntry
from models.review import CheckInReview, ReviewDecision
from models.risk import FlagKind, FlagState
from models.user import Role, User
from tests.county import NOW, County, add_draft
from tests.swept import (
    TODAY,
    add_duty,
    check_in,
    drafts,
    flags,
)


def test_a_try_that_failed_is_flagged_but_never_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    check_in(database, county.case, datetime(2026, 11, 20, 1, 30, tzinfo=UTC), Outcome.UNCERTAIN)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (1, 0)
    [flag] = flags(database, FlagKind.CHECKIN_MISSED)
    assert "tries_not_counted" in {reason["fact"] for reason in flag.reasons}


@pytest.mark.parametrize(("minute", "drafted"), [(55, 0), (61, 1)])
def test_lateness_after_a_fault_of_ours_inside_the_window_costs_nothing(
    database: Database, county: County, settings: Settings, minute: int, drafted: int
) -> None:
    add_duty(database, county.case, DutyState.LATE)
    ten = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, the window closes at 11
    check_in(database, county.case, ten + timedelta(minutes=minute), Outcome.FAULT)
    check_in(database, county.case, ten + timedelta(minutes=63), Outcome.MATCH)
    assert sweep.run(database, TODAY, NOW, settings).drafts == drafted


@pytest.mark.parametrize(
    ("state", "ends"), [(DutyState.LATE, 11), (DutyState.MISSED, 13)], ids=["late", "missed"]
)
def test_a_try_begun_inside_the_window_costs_nothing_however_late_it_came_in(
    database: Database, county: County, settings: Settings, state: DutyState, ends: int
) -> None:
    add_duty(database, county.case, state)
    end = datetime(2026, 11, 20, ends - 8, 0, tzinfo=UTC)  # by the clock of Shanghai
    minute = timedelta(minutes=1)
    check_in(database, county.case, end + minute, Outcome.POOR_IMAGE, end - minute)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0


def confirm_only_draft(database: Database, county: County) -> int:
    with database.transaction(SYSTEM, "test") as session:
        draft = session.scalars(select(PointsDraft)).one()
        return points.confirm(session, draft, county.users[Role.OFFICER], NOW, "核实").id


def test_a_deducted_duty_that_is_settled_otherwise_is_shown_to_an_officer_and_not_deducted_again(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    entry = confirm_only_draft(database, county)
    assert sweep.run(database, TODAY, NOW, settings).flags["deduction_moot"] == 0
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["deduction_moot"], result.drafts) == (1, 0)
    [flag] = flags(database, FlagKind.DEDUCTION_MOOT)
    assert (flag.key, flag.reasons[0]["facts"]) == (f"entry:{entry}", {"points": 5})
    with database.transaction(SYSTEM, "test") as session:
        row = session.get_one(PointsEntry, entry)
        points.reverse(session, row, county.users[Role.OFFICER], NOW, "当日迟到")
    assert sweep.run(database, TODAY, NOW, settings).drafts == 1  # the lateness alone
    [flag] = flags(database, FlagKind.DEDUCTION_MOOT)
    assert flag.state is FlagState.PASSED


def closed_incident(database: Database, county: County, cause: Cause) -> int:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        seen = sightings.Seen(
            kind=IncidentKind.LEFT_HOME_AREA,
            case_id=county.case,
            device_id=None,
            since=NOW - timedelta(hours=9),
            at=NOW - timedelta(hours=8),
        )
        points.install_default(session)
        incident = sightings.open_or_update(session, seen, NOW - timedelta(hours=8))
        incidents.close(session, incident, officer, NOW, cause=cause, note="问清")
        return incident.id


@pytest.mark.parametrize(
    ("cause", "drafted"), [(Cause.LEFT_WITHOUT_APPROVAL, 1), (Cause.APPROVED_ABSENCE, 0)]
)
def test_leaving_without_approval_is_drafted_once_an_officer_found_it(
    database: Database, county: County, settings: Settings, cause: Cause, drafted: int
) -> None:
    incident = closed_incident(database, county, cause)
    assert sweep.run(database, TODAY, NOW, settings).drafts == drafted
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0
    expected = [("left_without_approval", -15, f"incident:{incident}", TODAY)] * drafted
    assert [(d.item, d.points, d.fact, d.happened_on) for d in drafts(database)] == expected


def test_an_incident_opened_again_takes_its_draft_back(
    database: Database, county: County, settings: Settings
) -> None:
    incident_id = closed_incident(database, county, Cause.LEFT_WITHOUT_APPROVAL)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.get_one(Incident, incident_id)
        incidents.reopen(session, incident, county.users[Role.OFFICER], NOW, "复核")
    assert sweep.run(database, TODAY, NOW, settings).passed == 1
    assert [draft.state for draft in drafts(database)] == [DraftState.REFUSED]


def review(database: Database, county: County, decision: ReviewDecision) -> None:
    with database.transaction(SYSTEM, "test") as session:
        checkin_id = session.scalars(select(CheckIn.id)).one()
        officer = county.users[Role.OFFICER]
        points.install_default(session)
        session.add(
            CheckInReview(checkin_id=checkin_id, decision=decision, note="x", by=officer, at=NOW)
        )


def confirm(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        finding = session.scalars(select(CheckInReview).order_by(CheckInReview.id.desc())).first()
        assert finding is not None
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        session.add(finding.confirm(head, NOW, "x"))


def test_what_two_found_not_to_be_the_person_is_drafted_and_a_later_match_takes_it_back(
    database: Database, county: County, settings: Settings
) -> None:
    check_in(database, county.case, NOW - timedelta(hours=1), Outcome.NO_MATCH)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0  # no machine makes it a fact
    review(database, county, ReviewDecision.NO_MATCH)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0  # nor a single pair of eyes
    confirm(database, county)
    for _ in range(2):
        sweep.run(database, TODAY, NOW, settings)
    [draft] = drafts(database)
    assert (draft.item, draft.points) == ("verification_avoided", -3)
    review(database, county, ReviewDecision.MATCH)
    assert sweep.run(database, TODAY, NOW, settings).passed == 1
    [draft] = drafts(database)
    assert (draft.state, draft.decided_by) == (DraftState.REFUSED, None)


def test_an_excused_incident_is_not_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    incident = closed_incident(database, county, Cause.LEFT_WITHOUT_APPROVAL)
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "false_material", f"incident:{incident}")
        officer = county.users[Role.OFFICER]
        points.refuse(session, draft, officer, NOW, "住院", excuse="illness")
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0


def test_after_the_term_nothing_is_drafted_or_flagged_as_missed(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = date(2026, 11, 19)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


@pytest.mark.parametrize("state", [DutyState.VOID, DutyState.DONE, DutyState.AWAITING_DELIVERY])
def test_what_is_void_done_or_undelivered_costs_nothing(
    database: Database, county: County, settings: Settings, state: DutyState
) -> None:
    add_duty(database, county.case, state)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


def test_a_detained_person_is_neither_flagged_nor_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.DETAINED, NOW)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


def test_a_missed_duty_answered_late_passes_and_costs_only_the_lateness(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    result = sweep.run(database, TODAY, NOW + timedelta(minutes=10), settings)
    assert (result.passed, result.drafts) == (2, 1)
    assert [flag.state for flag in flags(database, FlagKind.CHECKIN_MISSED)] == [FlagState.PASSED]
    assert [(draft.item, draft.state) for draft in drafts(database)] == [
        ("checkin_missed", DraftState.REFUSED),
        ("checkin_late", DraftState.DRAFT),
    ]


def test_an_excused_fact_is_not_drafted_again_as_another_item(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        draft = session.scalars(select(PointsDraft)).one()
        officer = county.users[Role.OFFICER]
        points.refuse(session, draft, officer, NOW, "住院", excuse="illness")
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0
