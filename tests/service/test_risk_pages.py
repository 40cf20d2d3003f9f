"""Pages of the evidence: what it rests on, what it does not know, whom it lists, and what if."""

from datetime import timedelta

import pytest

from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.casework.findings import Scope
from correction_service.db import Database
from correction_service.risk import groups, knowing, weighing, what_ifs
from correction_service.risk.groups import Dimension, Group
from correction_service.risk.knowing import Blank
from correction_service.scope import visible
from correction_service.settings import Settings
from models.agency import Office
from models.case import Category
from models.errors import Invalid
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.service.slipping import listed, slip
from tests.swept import TODAY, add_order, wear


@pytest.fixture
def slipped(database: Database, county: County, settings: Settings) -> int:
    """The flag of somebody who missed two check-ins and opened the strap."""
    slip(database, county)
    sweep.run(database, TODAY, NOW, settings)
    return listed(database)[0].id


def scope(settings: Settings) -> Scope:
    return Scope(TODAY, NOW, NOW, settings)


def test_a_flag_says_each_point_with_its_family_and_its_excuses(
    client_of: SignedInClient, slipped: int
) -> None:
    page = client_of(Role.OFFICER).get(f"/flags/{slipped}").text
    assert "The strap was opened." in page
    assert "by the bracelet&#39;s own word" in page
    assert "It may be innocent: The device is broken. The bracelet was being looked after." in page
    assert "amber: look this week" in page


def test_the_explanation_says_that_nobody_trained_the_weights(
    client_of: SignedInClient, county: County, slipped: int
) -> None:
    page = client_of(Role.PROCURATOR).get(f"/risk/case/{county.case}").text
    assert "chosen by hand and trained on nothing" in page
    assert "no ground for any decision" in page
    assert "Nobody has set a band." in page
    assert "Let it stand" not in page  # a procurator looks


def test_an_officer_sets_a_band_and_the_page_says_who_and_why(
    client_of: SignedInClient, county: County, slipped: int
) -> None:
    client = client_of(Role.OFFICER)
    form = {"band": "none", "until": "2999-01-01", "note": "住院"}
    refused = client.post(f"/risk/case/{county.case}/override", data=form, follow_redirects=True)
    assert "at most 30 days" in refused.text
    client.post(
        f"/risk/case/{county.case}/override",
        data={"band": "red", "until": "", "note": "x"},
        follow_redirects=True,
    )
    assert "Nobody has set a band." in client.get(f"/risk/case/{county.case}").text


def test_the_weights_are_shown_with_source_and_mark(client_of: SignedInClient) -> None:
    page = client_of(Role.COUNTY_HEAD).get("/risk/").text
    assert "Untrained." in page
    for item in weighing.weights().items.values():
        assert item.source["en"] in page
    chinese = client_of(Role.COUNTY_HEAD).get("/risk/?lang=zh").text
    assert weighing.weights().source["zh"] in chinese
    assert page.count("chosen here: in no law or standard") > 10


def test_a_what_if_shows_counts_and_a_wrong_figure_is_named(
    client_of: SignedInClient, slipped: int
) -> None:
    client = client_of(Role.COUNTY_HEAD)
    assert 'id="tried"' in client.get("/risk/what-if?strap_opened=0").text
    assert "This figure is a number." in client.get("/risk/what-if?red=x").text


def test_a_volunteer_sees_no_weights(client_of: SignedInClient) -> None:
    assert client_of(Role.VOLUNTEER).get("/risk/").status_code == 403


def test_what_if_a_strap_weighed_nothing(
    database: Database, county: County, settings: Settings, slipped: int
) -> None:
    with database.reading() as session:
        same = what_ifs.ask(session, scope(settings), {})
        other = what_ifs.ask(session, scope(settings), {"strap_opened": 0.0})
    assert (same.present, same.only_present) == (same.other, 0)
    assert (other.present.amber, other.other.amber, other.only_present) == (1, 0, 1)
    assert sum(other.present.new) == 1


def test_a_what_if_counts_only_the_people_of_who_asks(
    database: Database, county: County, settings: Settings, slipped: int
) -> None:
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.OFFICE_HEAD])
        here = what_ifs.ask(session, scope(settings), {}, visible(head))
        head.office_id = county.other_office
        there = what_ifs.ask(session, scope(settings), {}, visible(head))
    assert (here.people, here.present.amber) == (1, 1)
    assert (there.people, there.present.amber) == (0, 0)


@pytest.mark.parametrize(
    ("figures", "field"), [({"sex": 1.0}, "sex"), ({"red": 21.0}, "red"), ({"red": 1.0}, "red")]
)
def test_weights_that_cannot_be_are_refused(figures: dict[str, float], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        weighing.changed(weighing.weights(), figures)
    assert refusal.value.field == field


def test_small_groups_are_hidden_and_never_one_alone(
    database: Database, county: County, settings: Settings, slipped: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Office, county.office)
        for number in range(2, 12):
            make_case(session, office, number)
        for number in range(12, 16):
            make_case(session, office, number, category=Category.PAROLE)
    with database.reading() as session:
        told = groups.report(session, TODAY, [])
    assert told[Dimension.OFFICE] == [Group("甲司法所", 15, 1, 0)]
    assert {it.name: it.hidden for it in told[Dimension.CATEGORY]} == {
        "parole": True,
        "suspended_sentence": True,  # eleven people, but parole would be told by them
    }
    assert {it.name for it in told[Dimension.AGE]} == {"35–44"}


def test_silence_and_nothing_asked_are_said_apart_from_the_evidence(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, county.case, NOW - timedelta(hours=2))
    add_order(database, county, county.case, NOW + timedelta(days=40))
    with database.reading() as session:
        assert knowing.blanks(session, scope(settings), county.case) == [
            Blank.BRACELET_SILENT,
            Blank.NOTHING_ASKED,
        ]
        assert knowing.count(session, scope(settings), [])[Blank.NOTHING_ASKED] == 1
    slip(database, county)
    with database.reading() as session:
        assert knowing.blanks(session, scope(settings), county.case) == [Blank.BRACELET_SILENT]
