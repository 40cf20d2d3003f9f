"""The tree of agencies: made from the shell; each sees what stands under it and nothing beside."""

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from correction_service import accounts
from correction_service.audit import SYSTEM, viewed
from correction_service.commands.agencies import agency, office
from correction_service.db import Database
from correction_service.scope import visible
from correction_service.settings import Settings
from models.agency import Agency, Office
from models.case import Case
from models.errors import DomainError
from models.user import Role, User
from tests.county import County, make_case
from tests.pages import SignedInClient


def add(settings: Settings, name: str, division: str, level: str, *more: str) -> Result:
    words = ["add", name, "--division", division, "--level", level, *more]
    return CliRunner().invoke(agency, words, obj=settings)


@pytest.fixture
def cities(database: Database, settings: Settings, county: County) -> dict[str, int]:
    """Two cities with a county each, a case at either, and who looks on at either city."""
    for city, division in (("甲市", "520300"), ("乙市", "520400")):
        assert add(settings, city, division, "city").exit_code == 0
        assert add(settings, f"{city}县", division, "county", "--parent", city).exit_code == 0
        made = ["add", "所", "--agency", f"{city}县", "--lat", "27.7", "--lon", "106.9"]
        assert CliRunner().invoke(office, made, obj=settings).exit_code == 0
    with database.transaction(SYSTEM, "test") as session:
        for number, city in enumerate(("甲市", "乙市"), start=10):
            here = select(Office).join(Office.agency).where(Agency.name == f"{city}县")
            make_case(session, session.scalars(here).one(), number)
            top = session.scalars(select(Agency).where(Agency.name == city)).one()
            accounts.add(
                session,
                username=city,
                name=city,
                role=Role.UPPER_AGENCY,
                agency=top,
                password="long enough",
                must_change_password=False,
            )
        session.flush()
        found = session.scalars(select(User).where(User.username.like("%市")))
        return {user.username: user.id for user in found}


def test_a_city_sees_the_counties_below_it_and_not_another_citys(
    database: Database, cities: dict[str, int]
) -> None:
    with database.reading() as session:
        for city, number in (("甲市", "T000010"), ("乙市", "T000011")):
            sees = select(Case.number).where(visible(session.get_one(User, cities[city])))
            assert session.scalars(sees).all() == [number]


def test_the_tree_is_listed(settings: Settings, cities: dict[str, int]) -> None:
    listed = CliRunner().invoke(agency, ["list"], obj=settings).output
    assert "520300\tcounty\t甲市县\t甲市\t1\n" in listed
    assert "520400\tcity\t乙市\t-\t0\n" in listed


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("甲市", "520300", "city"), "name"),
        (("丙", "52", "county"), "division"),
        (("丙", "520300", "city", "--parent", "甲市县"), "parent"),
        (("丙", "520300", "county", "--parent", "无"), "agency"),
    ],
)
def test_what_does_not_fit_into_the_tree_is_named(
    settings: Settings, cities: dict[str, int], words: tuple[str, str, str], field: str
) -> None:
    refusal = add(settings, *words).exception
    assert isinstance(refusal, DomainError)
    assert refusal.field == field


def test_a_parentless_agency_reads_of_the_log_only_what_it_did_or_what_concerns_it(
    database: Database,
    app: Flask,
    cities: dict[str, int],
    client_of: SignedInClient,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        cases = session.scalars(select(Case).order_by(Case.id)).all()
        for case, action in zip(cases, ("view_mine", "view_first", "view_other"), strict=True):
            viewed(session, action, "person", case.person_id)
    head = client_of(Role.COUNTY_HEAD).get("/audit/").text
    assert "view_mine" in head
    assert "view_first" not in head
    assert "view_other" not in head
    city = app.test_client()
    with city.session_transaction() as cookie:
        cookie.update(_user_id=f"{cities['甲市']}:0", _fresh=True, lang="en")
    looked = city.get("/audit/").text
    assert "view_first" in looked
    assert "view_other" not in looked
