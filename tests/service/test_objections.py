"""An entry is objected to, waits without counting, and is answered by the county."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from correction_service.assessment import months, objections
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.assessment import Objection, ObjectionState
from models.case import Case
from models.errors import Forbidden, Invalid, Refused
from models.points import PointsEntry
from models.user import Role, User
from tests.county import DAY, NOW, County, add_draft
from tests.service.test_points_close import FIFTH, NOVEMBER, editions

LATER = NOW + timedelta(days=10)


def deducted(session: Session, county: County, item: str = "stand_in") -> PointsEntry:
    made = add_draft(session, county.case, item, "checkin:1")
    return points.confirm(session, made, county.users[Role.OFFICER], NOW, "核实")


def objected(
    session: Session, county: County, entry: PointsEntry, now: datetime = NOW
) -> Objection:
    case = session.get_one(Case, county.case)
    return objections.object_to(session, case, entry.id, "是我本人", now=now)


def total(session: Session, county: County) -> int:
    return points.balance(session, county.case, DAY, LATER).total


def answered(session: Session, county: County, to: Objection, state: ObjectionState) -> None:
    head = session.get_one(User, county.users[Role.COUNTY_HEAD])
    objections.answer(session, head, to.id, state, note="已核对", now=LATER - timedelta(minutes=1))


def test_within_five_working_days_it_keeps_the_deduction_provisional(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entry = deducted(session, county)
        assert total(session, county) == 73
        found = objected(session, county, entry, NOW + timedelta(days=7))  # Friday to Friday
        assert (found.timely, found.holds) == (True, True)
        assert total(session, county) == 93


def test_a_later_one_is_accepted_and_the_deduction_counts_meanwhile(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county), NOW + timedelta(days=8))
        assert (found.timely, found.holds) == (False, False)
        assert total(session, county) == 73


def test_it_is_answered_within_ten_working_days(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county))
        assert found.due_on == date(2026, 12, 4)


def test_upheld_it_takes_the_entry_back(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county))
        answered(session, county, found, ObjectionState.UPHELD)
        assert total(session, county) == 93
        assert [entry.points for entry in points.ledger(session, county.case)] == [20, -20]
        with pytest.raises(Refused, match="already answered"):
            answered(session, county, found, ObjectionState.DISMISSED)


def test_dismissed_it_counts_and_goes_on_to_the_procuratorate(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county))
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused, match="dismissed"):
            objections.carry_on(session, case, found.id, LATER)
        answered(session, county, found, ObjectionState.DISMISSED)
        assert total(session, county) == 73
        assert objections.carry_on(session, case, found.id, LATER).carried_on_at == LATER


def test_a_penalty_for_the_same_fact_leaves_nothing_of_what_it_replaced(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county))
        penalty = add_draft(session, county.case, "admonition", "checkin:1")
        points.confirm(session, penalty, county.users[Role.OFFICER], NOW, "训诫")
        assert total(session, county) == 83
        answered(session, county, found, ObjectionState.UPHELD)
        assert total(session, county) == 83


def test_only_the_county_answers_and_not_who_made_the_entry(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        made = add_draft(session, county.case, "stand_in", "checkin:1")
        found = objected(session, county, points.confirm(session, made, head.id, NOW, "核实"))
        officer = session.get_one(User, county.users[Role.OFFICER])
        for user, refusal in ((officer, Forbidden), (head, Refused)):
            with pytest.raises(refusal):
                objections.answer(
                    session, user, found.id, ObjectionState.UPHELD, note="成立", now=LATER
                )


def test_an_entry_is_objected_to_once_and_in_words(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entry = deducted(session, county)
        case = session.get_one(Case, county.case)
        with pytest.raises(Invalid) as refusal:
            objections.object_to(session, case, entry.id, " ", now=NOW)
        assert refusal.value.field == "text"
        objected(session, county, entry)
        with pytest.raises(Refused, match="already objected"):
            objected(session, county, entry)


def test_a_close_leaves_it_out_and_the_answer_makes_a_new_edition(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        found = objected(session, county, deducted(session, county))
    months.run(database, NOVEMBER, FIFTH)
    assert editions(database, county.case) == [(1, 93)]
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        objections.answer(session, head, found.id, ObjectionState.DISMISSED, note="查实", now=FIFTH)
    months.correct(database, FIFTH + timedelta(days=1))
    assert editions(database, county.case) == [(1, 93), (2, 73)]
