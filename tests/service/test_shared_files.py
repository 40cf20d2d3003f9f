"""A person with cases of two counties: one above both agrees, and each county has a receipt."""

import csv
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import deletions, destructions
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.case import Case, CaseState
from models.errors import Refused
from models.file_destruction import FileDestruction
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.service.test_destructions import OVER, agree, by, ended, propose, second_head, term
from tests.service.test_retention import ENDED

__all__ = ["ended", "term"]


@dataclass(frozen=True)
class Beside:
    """The county beside: its agency, its head, its case of the same person."""

    agency: int
    head: int
    case: int


@pytest.fixture
def beside(database: Database, county: County, ended: int) -> Beside:
    """A second county of the same city, where the person's earlier case ended."""
    with database.transaction(SYSTEM, "test") as session:
        city = Agency(name="遵义市社区矫正局", level=AgencyLevel.CITY, division="520300")
        agency = Agency(name="凤冈县", level=AgencyLevel.COUNTY, division="520327", parent=city)
        office = Office(name="丙司法所", agency=agency)
        session.get_one(Agency, county.agency).parent = city
        by(session, county, Role.UPPER_AGENCY).agency = city
        over = {"state": CaseState.RELEASED, "state_since": ENDED.replace(year=ENDED.year - 1)}
        case = make_case(session, office, 2, **over)
        case.person = session.get_one(Case, ended).person
        head = User(
            username="beside", name="邻县", role=Role.COUNTY_HEAD, agency=agency, password_hash="!"
        )
        session.add_all([case, head])
        session.flush()
        return Beside(agency.id, head.id, case.id)


def test_nobody_agrees_who_does_not_see_every_case_of_the_person(
    database: Database, term: Settings, county: County, beside: Beside
) -> None:
    made, second = propose(database, term, county), second_head(database, county)
    for user_id in (second, county.users[Role.COUNTY_HEAD]):
        with pytest.raises(Refused, match="one above both"):
            agree(database, term, user_id, made)
    above = county.users[Role.UPPER_AGENCY]
    with database.reading() as session:
        for user_id, shared in ((second, True), (above, False)):
            (file,) = destructions.files(session, term, session.get_one(User, user_id), OVER)
            assert file.shared is shared
        assert destructions.others(session, session.get_one(FileDestruction, made)) == 1
    agree(database, term, above, made)
    with database.reading() as session:
        assert session.get_one(Case, beside.case).person.erased


@pytest.fixture
def proposed(
    database: Database, settings: Settings, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both cases ended so long ago that the file is over today; its destruction is proposed."""
    monkeypatch.setattr(settings, "file_years", 5)
    with database.transaction(SYSTEM, "test") as session:
        for case in session.scalars(select(Case)):
            case.state_since -= timedelta(days=366 * 6)
    propose(database, settings, county, NOW)


@pytest.mark.usefixtures("beside", "proposed")
def test_the_page_says_so_and_has_the_button_for_the_agency_above_alone(
    client_of: SignedInClient,
) -> None:
    head, above = (
        client_of(role).get("/destructions/").text for role in (Role.COUNTY_HEAD, Role.UPPER_AGENCY)
    )
    assert ("one above both" in head, "one above both" in above) == (True, False)
    assert ('value="agreed"' in head, 'value="agreed"' in above) == (False, True)


def test_each_county_has_a_receipt_and_only_one_of_them_counts(
    database: Database, term: Settings, county: County, beside: Beside
) -> None:
    agree(database, term, county.users[Role.UPPER_AGENCY], propose(database, term, county))
    with database.reading() as session:
        ((first, case),) = deletions.receipts(session, by(session, county))
        head = session.get_one(User, beside.head)
        ((second, other),) = deletions.to_keep(session, head)
        assert (case.id, other.id) == (county.case, beside.case)
        assert first.detail["kinds"]["person"]["rows"] == 1
        assert (second.detail["kinds"], second.detail["counted_in"]) == ({}, first.id)
        for name in ("rule", "list", "by", "cases", "on"):
            assert second.detail[name] == first.detail[name]


def test_the_receipt_of_either_county_erases_again_from_its_page_and_csv(
    database: Database, term: Settings, county: County, beside: Beside, client_of: SignedInClient
) -> None:
    client = client_of(Role.COUNTY_HEAD)
    with database.transaction(SYSTEM, "test") as session:
        said, went = deletions.rule(session, term, deletions.FILE), {"person": deletions.gone("1")}
        act = {"list": "销 2031-4", "by": [beside.head, county.users[Role.UPPER_AGENCY]]}
        deletions.receipt(session, county.case, went, said, NOW, act=act, also=[beside.case])
        by(session, county).agency_id = beside.agency
    assert "counted in record" in client.get("/endings/deletions").text
    text = client.get("/endings/deletions.csv").text.lstrip("\ufeff")
    (line,) = csv.DictReader(StringIO(text))
    assert (line["case"], line["list"], line["rows"]) == ("T000002", "销 2031-4", "")
    with database.transaction(SYSTEM, "test") as session:
        assert destructions.again(session, term, line, OVER)
    with database.reading() as session:
        assert session.get_one(Case, county.case).person.erased
