"""Leave: what is one, what becomes of it, and the state of the case while it runs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import clocks, leaves, overdue
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.people import cases
from models.agency import Office
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveLevel
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.tracked import FITTED

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
APPROVAL = Approval(
    reason=LeaveReason.MEDICAL,
    divisions=["520100"],
    starts_at=NOW + HOUR,
    ends_at=NOW + 3 * DAY,
    note="外出审批表 2026-17",
)
BEGINS, ENDS = APPROVAL.starts_at, APPROVAL.ends_at
OFFICE_OPENS = NOW + 4 * DAY


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def approve(
    database: Database, county: County, approval: Approval = APPROVAL, now: datetime = NOW
) -> int:
    """An approval recorded by the officer; the leave's number."""
    with database.transaction(SYSTEM, "test") as session:
        return leaves.approve(session, officer(session, county), county.case, approval, now).id


def sign_off(database: Database, county: County, leave: int, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leaves.sign_off(session, officer(session, county), leave, now)


def cancel(database: Database, county: County, leave: int, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leaves.cancel(session, officer(session, county), leave, now)


def extend(
    database: Database,
    county: County,
    leave: int,
    to: datetime,
    now: datetime,
    *,
    level: LeaveLevel = LeaveLevel.UPPER,
    paper: str = "审批表 18",
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by = officer(session, county)
        leaves.extend(session, by, leave, to, paper=paper, level=level, now=now)


def watch(database: Database, now: datetime) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return overdue.watch(session, now)


def state(database: Database, county: County) -> CaseState:
    with database.reading() as session:
        return session.get_one(Case, county.case).state


REFUSED = [
    (replace(APPROVAL, ends_at=NOW), "later than now"),
    (replace(APPROVAL, starts_at=NOW - 4 * DAY), "at most 3 days"),
    (replace(APPROVAL, ends_at=BEGINS + timedelta(minutes=5)), "an hour to six months"),
    (replace(APPROVAL, ends_at=NOW + 200 * DAY), "an hour to six months"),
    (replace(APPROVAL, divisions=[]), "where to"),
    (replace(APPROVAL, note=" "), "which paper"),
    (replace(APPROVAL, note="x" * 401), "400 characters"),
]


@pytest.mark.parametrize(("approval", "why"), REFUSED)
def test_what_is_no_leave_is_not_recorded(
    database: Database, county: County, approval: Approval, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        approve(database, county, approval)


def test_a_leave_ends_with_the_term(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = (NOW + DAY).date()
    with pytest.raises(Invalid, match="with the term"):
        approve(database, county)


def test_one_leave_at_a_time(database: Database, county: County) -> None:
    leave = approve(database, county)
    with pytest.raises(Refused, match="Another leave"):
        approve(database, county, replace(APPROVAL, starts_at=NOW + 2 * DAY, ends_at=NOW + 9 * DAY))
    after = replace(APPROVAL, starts_at=NOW + 10 * DAY, ends_at=NOW + 12 * DAY)
    with pytest.raises(Refused, match="not signed off"):
        approve(database, county, after, OFFICE_OPENS)
    approve(database, county, after)
    with pytest.raises(Refused, match="Another leave"):
        extend(database, county, leave, NOW + 11 * DAY, NOW)


def test_a_leave_is_signed_off_once_and_not_before_it_begins(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    with pytest.raises(Refused, match="not begun"):
        sign_off(database, county, leave, NOW)
    with pytest.raises(Refused, match="has begun"):
        cancel(database, county, leave, NOW + DAY)
    sign_off(database, county, leave, NOW + DAY)
    for act in (sign_off, cancel):
        with pytest.raises(Refused, match="already"):
            act(database, county, leave, NOW + 2 * DAY)
    with pytest.raises(Refused, match="already"):
        extend(database, county, leave, NOW + 9 * DAY, NOW + 2 * DAY)


def test_an_extension_goes_by_the_level_of_the_whole_leave(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    ten, forty = BEGINS + 10 * DAY, BEGINS + 40 * DAY
    for to, level in ((ten, LeaveLevel.OFFICE), (forty, LeaveLevel.COUNTY)):
        with pytest.raises(Refused, match="higher level") as refusal:
            extend(database, county, leave, to, NOW, level=level)
        assert refusal.value.field == "level"
    extend(database, county, leave, ten, NOW, level=LeaveLevel.COUNTY)
    assert informed(database, county) == []
    extend(database, county, leave, forty, NOW, paper="审批表 19")
    assert informed(database, county) == ["leave_informed"]
    with database.reading() as session:
        papers = session.get_one(Leave, leave).note
    assert papers == "外出审批表 2026-17；审批表 18；审批表 19"


def informed(database: Database, county: County) -> list[str]:
    with database.reading() as session:
        return [it.rule.name for it in clocks.running(session, clocks.of(county.case), NOW)]


@pytest.mark.parametrize(("paper", "why"), [(" ", "which paper"), ("x" * 390, "400 characters")])
def test_an_extension_names_its_paper(
    database: Database, county: County, paper: str, why: str
) -> None:
    leave = approve(database, county)
    with pytest.raises(Invalid, match=why) as refusal:
        extend(database, county, leave, ENDS + DAY, NOW, paper=paper)
    assert refusal.value.field == "note"


def test_an_extension_is_later(database: Database, county: County) -> None:
    leave = approve(database, county)
    for to, why in (
        (ENDS, "later than the leave"),
        (NOW + 190 * DAY, "six months"),
    ):
        with pytest.raises(Invalid, match=why):
            extend(database, county, leave, to, NOW)


def test_a_leave_of_another_office_does_not_exist(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.other_office), 9)
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        session.flush()
        leave = leaves.approve(session, head, other.id, APPROVAL, NOW).id
    acts = (leaves.sign_off, leaves.cancel)
    for act in acts:
        with database.transaction(SYSTEM, "test") as session, pytest.raises(NotFound):
            act(session, officer(session, county), leave, NOW)
        with database.transaction(SYSTEM, "test") as session, pytest.raises(Forbidden):
            act(session, session.get_one(User, county.users[Role.VOLUNTEER]), leave, NOW)


def test_the_case_is_on_leave_while_the_leave_runs(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state_since = FITTED
    leave = approve(database, county)
    watch(database, NOW)
    assert state(database, county) is CaseState.UNDER_CORRECTION
    watch(database, BEGINS)
    assert state(database, county) is CaseState.ON_LEAVE
    sign_off(database, county, leave, NOW + DAY)
    assert state(database, county) is CaseState.UNDER_CORRECTION
    watch(database, NOW + DAY + HOUR)
    assert state(database, county) is CaseState.UNDER_CORRECTION


def test_what_an_officer_said_of_the_case_since_stays(database: Database, county: County) -> None:
    approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.move(CaseState.DETAINED, BEGINS + HOUR)
        case.move(CaseState.UNDER_CORRECTION, BEGINS + 2 * HOUR)
    watch(database, BEGINS + 3 * HOUR)
    assert state(database, county) is CaseState.UNDER_CORRECTION


def test_nobody_is_on_leave_by_hand_without_a_leave(database: Database, county: County) -> None:
    def by_hand(session: Session, now: datetime) -> Case:
        by, to = officer(session, county), CaseState.ON_LEAVE
        return cases.move(session, by, county.case, to, note="外出", now=now)

    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused, match="record the leave") as refusal:
            by_hand(session, NOW)
        assert refusal.value.field == "state"
        assert CaseState.ON_LEAVE not in cases.lawful_next(case)
        leaves.approve(session, officer(session, county), case.id, APPROVAL, NOW)
        with pytest.raises(Refused, match="record the leave"):
            by_hand(session, NOW)  # it has not begun
        assert not cases.leave_runs(session, case, ENDS)
        assert cases.leave_runs(session, case, BEGINS)
        assert CaseState.ON_LEAVE in cases.lawful_next(case, leave_runs=True)
        assert by_hand(session, BEGINS).state is CaseState.ON_LEAVE
