"""A head's evening in a real browser: somebody on the roster, an incident to somebody else."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect

from correction_service import accounts
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.user import Role, User
from tests.county import County
from tests.desk import Desk
from tests.e2e.conftest import PHONE_SCREEN, Live, OpenBrowser
from tests.e2e.test_console import PASSWORD, SCREEN, press, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(params=[SCREEN, PHONE_SCREEN], ids=["desk", "phone"])
def page(
    *,
    request: pytest.FixtureRequest,
    app: Flask,
    database: Database,
    county: County,
    desk: Desk,
    live: Live,
    browser: OpenBrowser,
) -> Iterator[Page]:
    """The county head, signed in; nothing may go amiss and no page is wider than the screen."""
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        head.password_hash = accounts.hashed(PASSWORD)
    screen: ViewportSize = request.param
    opened = browser().new_page(locale="en-GB", viewport=screen)
    amiss: list[str] = []
    opened.on("pageerror", lambda error: amiss.append(str(error)))
    opened.on("console", lambda said: amiss.append(said.text) if said.type == "error" else None)
    opened.goto(live(app) + "/sign-in")
    sign_in(opened, "county_head")
    expect(opened.locator("#live")).to_be_attached()
    yield opened
    assert amiss == []
    opened.close()
    app.extensions["live"].stop()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_week_is_arranged_and_an_incident_given_away(page: Page, county: County) -> None:
    page.get_by_role("link", name="Duty roster").click()
    page.locator(".filters [name=office]").select_option(str(county.office))
    page.wait_for_url("**office=*")
    page.get_by_role("link", name="Week after").click()
    expect(page.get_by_text("Nobody is on this roster in this week yet.")).to_be_visible()
    assert fits(page)
    for day in page.locator("fieldset.days input").all():
        day.check()
    for seat, name in (("officer", "officer"), ("cover", "office_head"), ("head", "county_head")):
        page.locator(f"form[action='/shifts/'] [name={seat}]").select_option(label=name)
    page.get_by_role("button", name="Put on the roster").click()
    expect(page.get_by_text("On the roster.")).to_be_visible()
    expect(page.locator(".shifts details")).to_have_count(7)
    assert fits(page)
    page.get_by_role("link", name="Incidents").click()
    press(page, "j", "x", until=page.get_by_text("1 chosen"))
    page.get_by_label("Give to").select_option(label="officer")
    page.get_by_label("Reason").fill("值班调整")
    page.get_by_role("button", name="Give the chosen ones").click()
    expect(page.get_by_text("Given to the officer; each incident says so.")).to_be_visible()
    assert fits(page)
    page.locator("a.row-link").first.click()
    expect(page.get_by_text("值班调整")).to_be_visible()
    assert fits(page)
