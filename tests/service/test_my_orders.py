"""My orders on the phone: why, from when until when, by whom, what is asked, how to object."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people.cases import end
from correction_service.rights import copies, requests
from correction_service.rights.requests import Wish
from correction_service.web.phone.orders import Standing, standing
from models.case import Case, CaseState
from models.order import Ground, PositioningOrder
from models.person_request import PersonRequestState, RequestKind
from models.user import Role
from tests.county import NOW, County
from tests.service.test_phone_readable import faults

DAYS = timedelta(days=1)
ASKS, PROMISED = "What wearing it asks of you", "What is promised to you"
VICTIM = "接近被害人张某的住处"


def ordered(county: County, begins: datetime, days: int, **fields: object) -> PositioningOrder:
    """As the head decided it, for `days` from a moment."""
    return PositioningOrder(
        case_id=county.case,
        ground=Ground.PROHIBITION_BREACHED,
        evidence=VICTIM,
        starts_at=begins,
        ends_at=begins + days * DAYS,
        approved_by=county.users[Role.COUNTY_HEAD],
        approved_at=begins,
        **fields,
    )


def keep(database: Database, *orders: PositioningOrder) -> list[int]:
    with database.transaction(SYSTEM, "test") as session:
        for order in orders:
            session.add(order)
            session.flush()
        return [it.id for it in orders]


@pytest.mark.parametrize(
    ("begins", "lifted", "stands"),
    [
        (NOW + DAYS, None, Standing.TO_COME),
        (NOW, None, Standing.IN_FORCE),
        (NOW - 30 * DAYS, None, Standing.OVER),
        (NOW - DAYS, NOW, Standing.LIFTED),
        (NOW + DAYS, NOW + DAYS, Standing.NEVER),
    ],
)
def test_an_order_stands_where_its_days_and_its_lifting_put_it(
    county: County, begins: datetime, lifted: datetime | None, stands: Standing
) -> None:
    assert standing(ordered(county, begins, 30, lifted_at=lifted), NOW) is stands


def test_an_order_says_its_ground_days_and_who_decided_and_names_nobody_else(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    begins = datetime.now(UTC) - DAYS
    keep(database, ordered(county, begins, 30))
    page = opened_phone.get("/m/orders").text
    last = hours.local_day(begins + 30 * DAYS - timedelta(seconds=1))
    assert f"From {hours.local_day(begins)} until the end of {last}" in page
    assert "In force now" in page
    assert "a prohibition order was breached" in page
    assert "by 汇川区社区矫正中心, with the approval of its head" in page
    assert VICTIM not in page
    assert Role.COUNTY_HEAD.value not in page


def test_what_wearing_it_asks_is_said_while_an_order_runs_or_is_to_come(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    assert "No bracelet was ever ordered for you." in opened_phone.get("/m/orders").text
    now = datetime.now(UTC)
    (made,) = keep(database, ordered(county, now + DAYS, 30))
    page = opened_phone.get("/m/orders").text
    assert ASKS in page
    assert PROMISED in page
    assert "is not held against you" in page
    assert "It comes off at once when it is no longer needed" in page
    assert 'href="/m/rights/petition"' in page
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, made).lifted_at = now + DAYS
    page = opened_phone.get("/m/orders").text
    assert "It was lifted before it began" in page
    assert ASKS not in page
    assert 'href="/m/rights/petition"' in page


def test_an_extension_and_what_it_goes_on_from_are_both_said(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    first = ordered(county, now - 30 * DAYS, 30)
    (before,) = keep(database, first)
    keep(database, ordered(county, now, 30, extends_id=before))
    page = opened_phone.get("/m/orders").text
    assert page.index("In force now") < page.index("It has ended")
    assert "It goes on from an order before it" in page
    assert "Another order goes on from this one." in page
    assert faults(page) == []


def test_the_first_page_leads_to_the_order_and_after_the_end_it_stays_readable(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    assert 'href="/m/orders"' not in opened_phone.get("/m/").text
    now = datetime.now(UTC)
    keep(database, ordered(county, now - DAYS, 30))
    assert 'href="/m/orders"' in opened_phone.get("/m/").text
    assert 'href="/m/orders"' in opened_phone.get("/m/points").text
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.move(CaseState.RELEASED, now)
        end(session, case, now)
    assert 'href="/m/orders"' in opened_phone.get("/m/").text
    assert "It was lifted early" in opened_phone.get("/m/orders").text


def test_the_copy_says_until_when_an_order_really_ran(database: Database, county: County) -> None:
    begins, lifted = NOW - 9 * DAYS, NOW - DAYS
    keep(database, ordered(county, begins, 30, lifted_at=lifted))
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        asked = requests.ask(session, case, Wish(kind=RequestKind.COPY), NOW)
        asked.state = PersonRequestState.GRANTED
        [orders] = [it for it in copies.take(session, asked, NOW) if it.name == "orders"]
    assert list(orders.rows) == [(begins, lifted, Ground.PROHIBITION_BREACHED)]
