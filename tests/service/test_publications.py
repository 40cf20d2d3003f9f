"""What of a closed month is made public: little, and of no minor."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from correction_service.assessment import months, objections, publications
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.agency import Office
from models.assessment import ObjectionState, PointsPublication
from models.case import Case
from models.errors import Forbidden, Refused
from models.user import Role, User
from tests.county import NOW, County, add_draft, make_case
from tests.pages import SignedInClient
from tests.service.test_points_close import FIFTH, NOVEMBER


def shown(database: Database, county: County, role: Role = Role.COUNTY_HEAD) -> list[str]:
    with database.reading() as session:
        user = session.get_one(User, county.users[role])
        return [line.name for line in publications.lines(session, user, NOVEMBER)]


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
    months.correct(database, FIFTH + timedelta(days=1))
    assert len(shown(database, county)) == 3


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
