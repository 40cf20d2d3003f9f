"""Leave and company in a real browser, at a desk and on a phone: recorded, asked about, ended."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.agency import Office
from models.case import LEGAL_ZONE
from models.user import Role
from tests.county import County, make_case
from tests.e2e.desks import Enter, enter, fits, screen

__all__ = ["enter", "screen"]

pytestmark = pytest.mark.browser


@pytest.fixture
def page(enter: Enter, database: Database, county: County) -> Page:
    """An officer, signed in, on the page of a case's decisions; another case is there, too."""
    with database.transaction(SYSTEM, "test") as session:
        make_case(session, session.get_one(Office, county.office), 2)
    opened = enter(Role.OFFICER)
    opened.goto(f"/cases/{county.case}/decisions")
    return opened


def local(from_now: timedelta) -> str:
    return f"{(datetime.now(UTC) + from_now).astimezone(LEGAL_ZONE):%Y-%m-%dT%H:%M}"


def test_a_leave_is_recorded_mended_and_signed_off(page: Page) -> None:
    form = page.locator("#leave-form")
    form.get_by_label("Good reason").select_option(label="medical treatment")
    form.get_by_label("Where to").fill("贵阳")
    form.get_by_label("From", exact=True).fill(local(timedelta(hours=-1)))
    form.get_by_label("Back by").fill(local(timedelta(days=2)))
    form.get_by_label("Who approved it").select_option("office")
    form.get_by_label("Approved on which paper").fill("外出审批表 17")
    page.get_by_role("button", name="Record the leave").click()
    expect(page.get_by_role("alert")).to_contain_text("is called 贵阳")
    assert fits(page)
    form.get_by_label("Where to").fill("贵阳市")
    page.get_by_role("button", name="Record the leave").click()
    expect(page.get_by_text("on leave now")).to_be_visible()
    assert fits(page)
    page.once("dialog", lambda question: question.dismiss())
    page.get_by_role("button", name="Sign off as back").click()
    expect(page.get_by_text("on leave now")).to_be_visible()
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="Sign off as back").click()
    expect(page.get_by_text("Signed off as back. The zones")).to_be_visible()


def test_an_order_that_keeps_two_apart_is_recorded_and_ended(page: Page) -> None:
    page.get_by_label("Case numbers").fill("T000002")
    page.get_by_label("Order or decision").fill("(2026)黔0303刑初17号")
    page.get_by_role("button", name="Record the order").click()
    expect(page.get_by_role("link", name="测试2")).to_be_visible()
    assert fits(page)
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="End").click()
    expect(page.get_by_text("They may meet from now on.")).to_be_visible()
