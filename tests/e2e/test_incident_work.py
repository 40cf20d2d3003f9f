"""A head's evening in a real browser: somebody on the roster, an incident to somebody else."""

import pytest
from playwright.sync_api import Page, expect

from models.user import Role
from tests.county import County
from tests.desk import Desk
from tests.e2e.desks import Enter, enter, fits, press, screen

__all__ = ["enter", "screen"]

pytestmark = pytest.mark.browser


@pytest.fixture
def page(enter: Enter, desk: Desk) -> Page:
    """The county head, signed in, with something of everything waiting."""
    assert desk.incident
    return enter(Role.COUNTY_HEAD)


def test_the_week_is_arranged_and_an_incident_given_away(page: Page, county: County) -> None:
    page.locator("nav summary", has_text="Our office").click()
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
