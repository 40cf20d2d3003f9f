"""Points and penalties of one fact: deducted once, never for what is protected or objected to."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from correction_service.assessment import objections
from correction_service.audit import SYSTEM
from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.discipline import facts
from correction_service.settings import Settings
from models.assessment import ObjectionState
from models.case import Case
from models.errors import Refused
from models.points import DraftState, PointsDraft
from models.user import Role
from tests.county import DAY, NOW, County, add_draft
from tests.service.test_discipline import ADMONITION, decided, head, missed, penalised, refused


def test_its_points_replace_the_deductions_for_the_facts_under_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        keys = [f"duty:{missed(session, county, number)}" for number in range(2)]
        for key in keys:
            draft = add_draft(session, county.case, "checkin_missed", key)
            points.confirm(session, draft, county.users[Role.OFFICER], NOW, "未签")
        assert points.balance(session, county.case, DAY, NOW).total == 93 - 10
        made = decided(session, county, replace(ADMONITION, facts=keys))
        [draft] = session.scalars(select(PointsDraft).where(PointsDraft.item == "admonition"))
        assert draft.fact == f"measure:{made.id}"
        points.confirm(session, draft, county.users[Role.OFFICER], NOW, "训诫")
        assert points.balance(session, county.case, DAY, NOW).total == 93 - 10


def test_a_fact_is_deducted_once_also_where_the_penalty_for_it_was_confirmed_first(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        drafted, later = (missed(session, county, number) for number in range(2))
        penalty = penalised(session, county, f"duty:{drafted}", f"duty:{later}")
        points.confirm(session, penalty, county.users[Role.OFFICER], NOW, "训诫")
        draft = add_draft(session, county.case, "checkin_missed", f"duty:{drafted}")
        with pytest.raises(Refused) as refusal:
            points.confirm(session, draft, county.users[Role.OFFICER], NOW, "未签")
        assert refusal.value.code == "deducted"
        assert points.balance(session, county.case, DAY, NOW).total == 93 - 10
    assert sweep.run(database, DAY, NOW, settings).drafts == 0


def test_a_duty_of_no_penalty_is_drafted_as_ever(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        under, beside = (missed(session, county, number) for number in range(2))
        penalty = penalised(session, county, f"duty:{under}")
        points.confirm(session, penalty, county.users[Role.OFFICER], NOW, "训诫")
    assert sweep.run(database, DAY, NOW, settings).errors == []
    with database.reading() as session:
        waiting = select(PointsDraft.fact).where(PointsDraft.state == DraftState.DRAFT)
        assert session.scalars(waiting).all() == [f"duty:{beside}"]


def test_what_was_found_protected_is_no_ground_any_more(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duty = f"duty:{missed(session, county)}"
        case = session.get_one(Case, county.case)
        assert [name for name, _ in facts.candidates(session, case)] == [duty]
        draft = add_draft(session, county.case, "checkin_missed", duty)
        points.refuse(session, draft, county.users[Role.OFFICER], NOW, "住院", excuse="illness")
        assert facts.candidates(session, case) == []
        assert refused(session, county, replace(ADMONITION, facts=[duty])).field == "facts"


def test_an_objection_upheld_covers_the_fact_also_against_a_penalty_that_waits(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duty = f"duty:{missed(session, county)}"
        draft = add_draft(session, county.case, "checkin_missed", duty)
        entry = points.confirm(session, draft, county.users[Role.OFFICER], NOW, "未签")
        penalty = penalised(session, county, duty)
        case = session.get_one(Case, county.case)
        made = objections.object_to(session, case, entry.id, "当时住院", now=NOW)
        upheld = ObjectionState.UPHELD
        objections.answer(session, head(session, county), made.id, upheld, note="住院属实", now=NOW)
        with pytest.raises(Refused) as refusal:
            points.confirm(session, penalty, county.users[Role.OFFICER], NOW, "训诫")
        assert refusal.value.code == "protected"
        assert points.balance(session, county.case, DAY, NOW).total == 93
        assert refused(session, county, replace(ADMONITION, facts=[duty])).field == "facts"
