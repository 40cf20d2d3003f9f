"""What the receipt of a place outside ends here, what it leaves running, and when it is refused."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import clocks
from correction_service.db import Database
from correction_service.enforcement import deletions, exit_bans, milestones, outside_moves
from correction_service.enforcement.exit_bans import BanState
from correction_service.enforcement.milestones import Done
from correction_service.people import cases
from correction_service.searches import searches
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyState
from models.clock import LegalClock
from models.errors import Invalid, Refused
from models.milestone import Step
from models.search import Finding, SearchState
from models.transfer import Letter, Transfer, TransferState
from models.user import Role, User
from tests.county import DAY, NOW, PARDON, County
from tests.swept import add_duty

ONE_DAY = timedelta(days=1)
RECEIPT = Letter(number="云矫收 5", on=DAY)
LATER = NOW + 14 * ONE_DAY
OF_COURTS_AND_THE_AGENCY = {
    "pending_revocation",
    "revocation",
    "recommitment",
    "arrest_decision",
    "arrest_custody",
    "reduction",
    "leave_informed",
}


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def on_the_way(session: Session, county: County) -> Transfer:
    case = session.get_one(Case, county.case)
    move = Transfer(
        case=case,
        from_agency_id=county.agency,
        from_office_id=county.office,
        to_name="云岩区社区矫正中心",
        to_county="贵州省贵阳市云岩区",
        to_address="中华北路 1 号",
        state=TransferState.AGREED,
        asked_on=DAY,
        moves_on=DAY,
        why="迁居",
        asked_by=county.users[Role.OFFICER],
        decided_at=NOW,
        decided_by=county.users[Role.COUNTY_HEAD],
        report_by=DAY + 7 * ONE_DAY,
    )
    case.move(CaseState.TRANSFERRING, NOW)
    session.add(move)
    session.flush()
    return move


def received(session: Session, county: County) -> Transfer:
    move = on_the_way(session, county)
    return outside_moves.receive(session, officer(session, county), move.id, RECEIPT, LATER)


def run(session: Session) -> set[str]:
    return set(session.scalars(select(LegalClock.rule).where(LegalClock.stopped_at.is_(None))))


def start(session: Session, county: County, name: str) -> None:
    clocks.begin_named(session, session.get_one(Case, county.case), name, "函 1", NOW)


def of_day(database: Database, county: County, day: date, state: DutyState) -> int:
    opens = hours.day_start(day) + timedelta(hours=9)
    times = {"opens_at": opens, "closes_at": opens + timedelta(hours=2)}
    late = {"missed_after": opens + timedelta(hours=4), "key": f"scheduled:{day}"}
    return add_duty(database, county.case, state, **times, **late)


def test_what_was_not_met_here_since_the_day_of_reporting_in_there_is_void(
    database: Database, county: County
) -> None:
    before = of_day(database, county, DAY - ONE_DAY, DutyState.MISSED)
    void = [
        of_day(database, county, DAY, DutyState.MISSED),
        of_day(database, county, DAY + ONE_DAY, DutyState.LATE),
        of_day(database, county, DAY + 14 * ONE_DAY, DutyState.DUE),
    ]
    met = of_day(database, county, DAY + 2 * ONE_DAY, DutyState.DONE)
    with database.transaction(SYSTEM, "test") as session:
        received(session, county)
        duties = session.scalars(select(CheckInDuty)).all()
        assert {it.id: (it.state, it.void_reason) for it in duties} == {
            before: (DutyState.MISSED, None),
            **dict.fromkeys(void, (DutyState.VOID, "transferred")),
            met: (DutyState.DONE, None),
        }


def test_the_persons_clocks_end_and_those_of_courts_and_the_agency_run_on(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for name in {"health_report", "medical_review", *OF_COURTS_AND_THE_AGENCY}:
            start(session, county, name)
        for name in ("transfer_papers", "transfer_report"):
            start(session, county, name)
        received(session, county)
        assert run(session) == {"transfer_papers", *OF_COURTS_AND_THE_AGENCY}


def test_proceedings_hold_what_is_kept_until_their_outcome_is_written_down_after_the_end(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        start(session, county, "revocation")
        received(session, county)
        over = select(Case.id).where(deletions.over(LATER + ONE_DAY))
        assert session.scalars(over).all() == []
        user, day = officer(session, county), DAY + 14 * ONE_DAY
        clocks.done(session, user, county.case, "revocation", on=day, note="不予撤销", now=LATER)
        assert session.scalars(over).all() == [county.case]


def test_a_repeating_clock_that_is_ended_on_an_ended_case_does_not_begin_anew(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        start(session, county, "health_report")
        user = officer(session, county)
        cases.move(session, user, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON)
        clocks.done(session, user, county.case, "health_report", on=DAY, note="已报告", now=NOW)
        assert run(session) == set()
        with pytest.raises(Refused, match="has ended"):
            clocks.start(session, user, county.case, "reduction", on=DAY, note="函", now=NOW)


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("end", [CaseState.RELEASED, CaseState.TRANSFERRED])
def test_a_search_that_is_open_at_the_end_is_ended_as_it_was_and_the_case_stays_ended(
    database: Database, county: County, end: CaseState, finding: Finding
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        search = searches.begin(session, user, county.case, DAY, NOW)
        case = session.get_one(Case, county.case)
        if end is CaseState.TRANSFERRED:
            received(session, county)
        else:
            cases.move(session, user, case.id, end, note="特赦", now=NOW, end=PARDON)
        searches.find(session, user, search.id, finding, note="见函", now=LATER)
        assert (search.state, search.finding, case.state) == (SearchState.FOUND, finding, end)
        over = select(Case.id).where(deletions.over(LATER + ONE_DAY))
        assert session.scalars(over).all() == [case.id]


def test_whoever_reported_in_there_after_the_term_is_released_from_here(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, case = on_the_way(session, county), session.get_one(Case, county.case)
        user, case.term_end = officer(session, county), DAY
        late = Letter(number="云矫收 5", on=DAY + ONE_DAY)
        with pytest.raises(Invalid, match="release the person here") as refusal:
            outside_moves.receive(session, user, move.id, late, LATER)
        assert refusal.value.field == "on"
        assert (move.state, case.state) == (TransferState.AGREED, CaseState.TRANSFERRING)
        outside_moves.receive(session, user, move.id, RECEIPT, LATER)
        assert case.state is CaseState.TRANSFERRED


def test_a_receipt_and_a_release_do_not_both_end_a_case(database: Database, county: County) -> None:
    """Both read the case anew, as it is once the other has let go of its row."""
    with database.transaction(SYSTEM, "test") as session:
        move, user = on_the_way(session, county), officer(session, county)
        case = session.get_one(Case, county.case)

        def ended_by_another(state: CaseState) -> None:
            elsewhere = update(Case).where(Case.id == case.id).values(state=state)
            session.execute(elsewhere.execution_options(synchronize_session=False))

        ended_by_another(CaseState.RELEASED)
        with pytest.raises(Refused, match="has ended"):
            outside_moves.receive(session, user, move.id, RECEIPT, LATER)
        ended_by_another(CaseState.TRANSFERRING)
        session.refresh(case)
        ended_by_another(CaseState.TRANSFERRED)
        with pytest.raises(Refused, match="cannot go"):
            cases.move(
                session, user, case.id, CaseState.RELEASED, note="特赦", now=LATER, end=PARDON
            )


def test_the_exit_ban_that_was_reported_here_is_asked_for_until_it_is_settled(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        paper = {"on": DAY, "number": "备 1", "party": "出入境"}

        def write(step: Step) -> None:
            milestones.record(session, user, county.case, Done(step=step, **paper), LATER)  # type: ignore[arg-type]

        def listed() -> list[BanState]:
            return [it.state for it in exit_bans.listed(session, user)]

        write(Step.EXIT_BAN_REPORTED)
        received(session, county)
        assert listed() == [BanState.TO_HAND_OVER]
        write(Step.EXIT_BAN_LIFTED)
        assert listed() == [BanState.LIFTED]
        with pytest.raises(Refused, match="moved away"):
            write(Step.CERTIFICATE)
