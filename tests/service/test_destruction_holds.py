"""What holds a file whose term is over: each is said, and stops even what was proposed before."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import clocks
from correction_service.db import Database
from correction_service.enforcement.deletions import Hold
from correction_service.settings import Settings
from models.agency import Office
from models.case import Case, CaseState
from models.errors import Refused
from models.file_destruction import DestructionState, FileDestruction
from models.milestone import Milestone, Step
from models.opinion import Opinion, OpinionKind
from models.sentence_correction import SentenceCorrection
from models.user import Role
from tests.county import DAY, NOW, County, make_case
from tests.service.test_deletions import asking, objecting, pending, proposing, searching
from tests.service.test_destructions import (
    OVER,
    agree,
    ended,
    listed,
    propose,
    second_head,
    term,
)

__all__ = ["ended", "term"]


def criticised(session: Session, county: County) -> None:
    opinion = Opinion(
        agency_id=county.agency,
        case_id=county.case,
        kind=OpinionKind.CORRECTION,
        number="3",
        text="请依法纠正",
        due_on=DAY,
        basis="LCC 62 (R)",
        made_by=county.users[Role.PROCURATOR],
        made_at=NOW,
    )
    session.add(opinion)


def written(county: County, case_id: int, step: Step = Step.EXIT_BAN_REPORTED) -> Milestone:
    officer = county.users[Role.OFFICER]
    paper = {"done_on": DAY, "number": "边 7"}
    return Milestone(case_id=case_id, step=step, made_by=officer, made_at=NOW, **paper)


def banned(session: Session, county: County) -> None:
    session.add(written(county, county.case))


def moved(session: Session, county: County) -> Case:
    case = session.get_one(Case, county.case)
    case.state = CaseState.TRANSFERRED
    return case


def moved_with_a_ban(session: Session, county: County) -> None:
    moved(session, county)
    banned(session, county)


def moved_unsent(session: Session, county: County) -> None:
    clocks.begin_named(session, moved(session, county), "transfer_papers", "同意迁入", NOW)


def moved_with_years_left(session: Session, county: County) -> None:
    moved(session, county).term_end = OVER.date()


def correcting(session: Session, county: County) -> None:
    correction = SentenceCorrection(
        case_id=county.case,
        before={"term_end": "2027-10-31"},
        after={"term_end": "2027-08-31"},
        number="黔刑更 4",
        reason="裁定减刑",
        proposed_by=county.users[Role.OFFICER],
        proposed_at=NOW,
    )
    session.add(correction)


def sentenced_again(session: Session, county: County) -> None:
    other = make_case(session, session.get_one(Office, county.office), 2)
    other.person = session.get_one(Case, county.case).person


@pytest.mark.parametrize(
    "held_by",
    [
        (objecting, Hold.OBJECTION),
        (searching, Hold.SEARCH),
        (proposing, Hold.PROCEEDINGS),
        (pending, Hold.PROCEEDINGS),
        (asking, Hold.REQUEST),
        (criticised, Hold.OPINION),
        (banned, Hold.EXIT_BAN),
        (moved_with_a_ban, Hold.EXIT_BAN),
        (correcting, Hold.CORRECTION),
        (moved_unsent, Hold.PAPERS),
        (moved_with_years_left, Hold.TERM),
        (sentenced_again, Hold.OTHER_CASE),
    ],
)
def test_what_holds_a_file_is_said_and_stops_even_what_was_proposed_before(
    database: Database,
    term: Settings,
    county: County,
    ended: int,
    held_by: tuple[Callable[[Session, County], None], Hold],
) -> None:
    made = propose(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        held_by[0](session, county)
    assert listed(database, term, county) == [(ended, [held_by[1]])]
    with pytest.raises(Refused, match="holds this file"):
        agree(database, term, second_head(database, county), made)
    with database.reading() as session:
        assert not session.get_one(Case, county.case).person.erased
        assert session.get_one(FileDestruction, made).state is DestructionState.WAITING


def test_a_ban_that_was_lifted_and_a_move_whose_term_is_over_hold_nothing(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        moved(session, county).term_end = OVER.date() - timedelta(days=1)
        banned(session, county)
        session.add(written(county, ended, Step.EXIT_BAN_LIFTED))
    assert listed(database, term, county) == [(ended, [])]


def test_a_hold_of_any_case_of_the_person_holds_the_file_that_is_listed_by_the_last(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        sentenced_again(session, county)
        searching(session, county)
        session.flush()
        later = session.scalars(select(Case).where(Case.id != county.case)).one()
        later.state, later.state_since = CaseState.RELEASED, NOW + timedelta(hours=1)
        last = later.id
    assert listed(database, term, county) == [(last, [Hold.SEARCH])]
