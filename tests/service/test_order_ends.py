"""An order ends on every page with its last day, not the midnight after it, and in the copy too."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.rights import copies, requests
from correction_service.rights.requests import Wish
from models.case import LEGAL_ZONE, Case
from models.order import Ground, PositioningOrder
from models.person_request import PersonRequestState, RequestKind
from models.user import Role
from tests.county import NOW, County
from tests.pages import SignedInClient

LAST = hours.local_day(datetime.now(UTC)) + timedelta(days=29)
AFTER = LAST + timedelta(days=1)
SAID = {"en": f"the end of {LAST:%m-%d}", "zh": f"{LAST:%m-%d} 当天结束"}
SHOWN = {  # under a case: the role that reads it
    "": Role.OFFICER,
    "/file": Role.OFFICER,
    "/orders": Role.PROCURATOR,
}


def order(county: County, end: datetime, lifted_at: datetime | None = None) -> PositioningOrder:
    return PositioningOrder(
        case_id=county.case, ground=Ground.PROHIBITION_BREACHED, evidence="某事",
        starts_at=end - timedelta(days=30), ends_at=end, lifted_at=lifted_at,
        approved_by=county.users[Role.COUNTY_HEAD], approved_at=end - timedelta(days=30),
    )  # fmt: skip


@pytest.fixture
def running(database: Database, county: County) -> int:
    """An order that runs until the end of a day; the midnight after it is of the next."""
    with database.transaction(SYSTEM, "test") as session:
        made = order(county, hours.day_end(LAST))
        session.add(made)
        session.flush()
        return made.id


def lift(database: Database, order_id: int) -> str:
    """Lift an order just now; the moment as pages say it."""
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, order_id).lifted_at = now
    return f"{now.astimezone(LEGAL_ZONE):%m-%d %H:%M}"


def test_what_ends_at_midnight_has_the_day_before_as_its_last() -> None:
    midnight = hours.day_start(date(2026, 12, 20))
    assert hours.last_day(midnight) == date(2026, 12, 19)
    assert hours.last_day(midnight + timedelta(hours=9)) == date(2026, 12, 20)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_pages_of_a_case_say_the_last_day_of_an_order(
    client_of: SignedInClient, county: County, running: int, lang: str
) -> None:
    for path, role in SHOWN.items():
        page = client_of(role).get(f"/cases/{county.case}{path}?lang={lang}").text
        times = len(re.findall(SAID[lang], page))
        assert times == 2, path  # at the head of the page, and in its own list
        assert f"{AFTER:%m-%d} 00:00" not in page, path


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_procurator_s_list_says_the_last_day_of_an_order(
    client_of: SignedInClient, running: int
) -> None:
    page = client_of(Role.PROCURATOR).get("/oversight/lists/orders").text
    assert SAID["en"] in page
    assert f"{AFTER:%m-%d} 00:00" not in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_order_that_was_lifted_keeps_its_moment(
    client_of: SignedInClient, database: Database, county: County, running: int
) -> None:
    at = lift(database, running)
    for path in ("/file", "/orders"):
        page = client_of(Role.OFFICER).get(f"/cases/{county.case}{path}").text
        assert f"– {at}" in page, path
    timeline = client_of(Role.OFFICER).get(f"/cases/{county.case}").text
    assert f"{SAID['en']} · lifted {at}" in timeline


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_choice_of_an_order_for_a_form_says_its_last_day(
    client_of: SignedInClient, county: County, running: int
) -> None:
    page = client_of(Role.OFFICER).get(f"/cases/{county.case}/forms").text
    choice = re.search(rf'<option value="{running}">(.*?)</option>', page)
    assert choice is not None
    assert f"– {LAST}" in choice[1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("lang", "said"), [("en", f"until the end of {LAST}."), ("zh", f"到 {LAST} 当天结束。")]
)
def test_the_phone_page_says_the_last_day_of_an_order(
    opened_phone: FlaskClient, running: int, lang: str, said: str
) -> None:
    page = opened_phone.get(f"/m/?lang={lang}").text
    assert said in page


def test_the_copy_has_the_last_day_of_an_order(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(order(county, hours.day_end(date(2026, 12, 19))))
        session.flush()
        asked = requests.ask(
            session, session.get_one(Case, county.case), Wish(kind=RequestKind.COPY), NOW
        )
        asked.state = PersonRequestState.GRANTED
        [orders] = [it for it in copies.take(session, asked, NOW) if it.name == "orders"]
    assert [row[1] for row in orders.rows] == [date(2026, 12, 19)]
