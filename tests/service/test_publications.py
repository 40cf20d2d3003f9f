"""What of a closed month is made public: little, and of no minor."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.assessment import months, objections, publications
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from correction_service.people import sentences
from correction_service.people.sentences import Sentence
from models.agency import Office
from models.assessment import ObjectionState, PointsPublication
from models.case import Case
from models.errors import Forbidden, Refused
from models.user import Role, User
from tests.county import NOW, County, add_draft, make_case
from tests.pages import SignedInClient
from tests.service.test_points_close import FIFTH, NOVEMBER

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shown(
    database: Database, county: County, role: Role = Role.COUNTY_HEAD, now: datetime = FIFTH
) -> list[str]:
    with database.reading() as session:
        user = session.get_one(User, county.users[role])
        return [line.name for line in publications.board(session, user, NOVEMBER, now).lines]


@pytest.fixture
def register(database: Database, county: County) -> dict[str, int]:
    """A minor, one who objected, one at the other office; all closed."""
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        office, other = (session.get_one(Office, it) for it in (county.office, county.other_office))
        minor = make_case(session, office, 2, minor=True)
        objector, far = make_case(session, office, 3), make_case(session, other, 4)
        session.flush()
        draft = add_draft(session, objector.id, "stand_in", "checkin:1")
        entry = points.confirm(session, draft, county.users[Role.OFFICER], NOW, "核实")
        objections.object_to(session, objector, entry.id, "是我本人", now=NOW)
        ids = {"minor": minor.id, "objector": objector.id, "far": far.id}
    months.run(database, NOVEMBER, FIFTH)
    return ids


def test_a_masked_name_and_a_total_are_all_and_no_minor_is_among_them(
    database: Database, county: County, register: dict[str, int]
) -> None:
    assert shown(database, county) == ["测**", "测**"]
    assert shown(database, county, Role.OFFICER) == ["测**"]
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        made = publications.publish(session, head, NOVEMBER, FIFTH)
        assert made.lines == [[county.case, 93], [register["far"], 93]]


def test_who_objected_is_published_once_the_answer_is_in(
    database: Database, county: County, register: dict[str, int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        [to] = objections.of(session, register["objector"]).values()
        state = ObjectionState.DISMISSED
        objections.answer(session, head, to.id, state, note="查实", now=FIFTH)
    months.correct(database, FIFTH + DAY)
    assert len(shown(database, county)) == 3


@pytest.mark.parametrize(("after_close", "timely"), [(HOUR, True), (60 * 24 * HOUR, False)])
def test_no_month_is_published_while_an_objection_made_after_its_close_is_open(
    database: Database, county: County, after_close: timedelta, *, timely: bool
) -> None:
    objected_at = FIFTH + after_close
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "stand_in", "checkin:1")
        entry = points.confirm(session, draft, county.users[Role.OFFICER], FIFTH - DAY, "核实")
        entry_id = entry.id
    months.run(database, NOVEMBER, FIFTH)
    assert len(shown(database, county)) == 1
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        made = objections.object_to(session, case, entry_id, "是我本人", now=objected_at)
        assert made.timely is timely
        objection_id = made.id
    assert shown(database, county) == []
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        state = ObjectionState.DISMISSED
        objections.answer(session, head, objection_id, state, note="查实", now=objected_at)
    assert len(shown(database, county)) == 1


def test_a_total_that_an_upheld_objection_changed_waits_for_the_edition_that_says_the_right_one(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        draft = add_draft(session, county.case, "stand_in", "checkin:1")
        entry = points.confirm(session, draft, county.users[Role.OFFICER], FIFTH - DAY, "核实")
        entry_id = entry.id
    months.run(database, NOVEMBER, FIFTH)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        made = objections.object_to(session, case, entry_id, "是我本人", now=FIFTH + HOUR)
        upheld = ObjectionState.UPHELD
        objections.answer(session, head, made.id, upheld, note="系他人冒用", now=FIFTH + HOUR)
        board = publications.board(session, head, NOVEMBER, FIFTH + 2 * HOUR)
        assert (list(board.lines), board.waiting) == ([], 1)
        with pytest.raises(Refused):
            publications.publish(session, head, NOVEMBER, FIFTH + 2 * HOUR)
    page = client_of(Role.COUNTY_HEAD).get("/points/publication?month=2026-11").text
    assert "1 person waits: a decision has changed their total" in page
    months.correct(database, FIFTH + DAY)
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        board = publications.board(session, head, NOVEMBER, FIFTH + DAY)
    assert ([it.total for it in board.lines], board.waiting) == ([93], 0)


def test_an_entry_that_leaves_the_total_as_it_was_makes_nobody_wait(
    database: Database, county: County, register: dict[str, int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = county.users[Role.OFFICER]
        draft = add_draft(session, county.case, "stand_in", "checkin:1")
        entry = points.confirm(session, draft, officer, FIFTH + HOUR, "核实")
        points.reverse(session, entry, officer, FIFTH + HOUR, "误记")
    assert len(shown(database, county)) == 2


def test_a_month_that_a_corrected_sentence_shortened_waits_and_is_reckoned_anew(
    database: Database, county: County, register: dict[str, int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        paper = {"number": "裁定1号", "reason": "减刑"}
        wanted = replace(Sentence.of(case), term_end=date(2026, 11, 20))
        head, officer = (
            session.get_one(User, county.users[role]) for role in (Role.COUNTY_HEAD, Role.OFFICER)
        )
        proposed = sentences.propose(session, officer, case.id, wanted, **paper, now=FIFTH)
        sentences.decide(session, head, proposed.id, agreed=True, reason="属实", now=FIFTH)
    assert len(shown(database, county)) == 1
    months.correct(database, FIFTH + DAY)
    assert len(shown(database, county, now=FIFTH + DAY)) == 2


def test_only_the_county_publishes_and_only_what_is_closed(
    database: Database, county: County, register: dict[str, int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer, head = (
            session.get_one(User, county.users[role]) for role in (Role.OFFICER, Role.COUNTY_HEAD)
        )
        with pytest.raises(Forbidden):
            publications.publish(session, officer, NOVEMBER, FIFTH)
        with pytest.raises(Refused):
            publications.publish(session, head, NOVEMBER.replace(month=12), FIFTH)


def test_the_page_shows_no_whole_name_and_keeps_what_was_published(
    client_of: SignedInClient,
    database: Database,
    county: County,
    register: dict[str, int],
) -> None:
    head = client_of(Role.COUNTY_HEAD)
    page = head.get("/points/publication?month=2026-11").text
    with database.reading() as session:
        name = session.get_one(Case, county.case).person.name
    assert "测**" in page
    assert name not in page
    head.post("/points/publication", data={"month": "2026-11"})
    with database.reading() as session:
        assert len(session.scalars(select(PointsPublication)).one().lines) == 2
