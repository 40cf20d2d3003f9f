"""Accounts of the console in a real browser, at a desk and on a phone."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect
from playwright.sync_api import TimeoutError as NotYet

from correction_service import accounts
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.user import Role, User
from tests.county import County
from tests.e2e.conftest import PHONE_SCREEN, Live, OpenBrowser

PASSWORD = "a long enough password"
SCREEN: ViewportSize = {"width": 1366, "height": 768}
Enter = Callable[[Role], Page]


@pytest.fixture(params=[SCREEN, PHONE_SCREEN], ids=["desk", "phone"])
def screen(request: pytest.FixtureRequest) -> ViewportSize:
    """What a page is looked at on: both, unless a test says which."""
    chosen: ViewportSize = request.param
    return chosen


@pytest.fixture
def enter(
    *,
    screen: ViewportSize,
    app: Flask,
    database: Database,
    county: County,
    live: Live,
    browser: OpenBrowser,
) -> Iterator[Enter]:
    """Sign in as a role on a page of its own; nothing may go amiss in any of them."""
    address, opened, amiss = live(app), browser(), []

    def sign(role: Role) -> Page:
        with database.transaction(SYSTEM, "test") as session:
            account = session.get_one(User, county.users[role])
            account.password_hash = accounts.hashed(PASSWORD)
        page = opened.new_page(base_url=address, locale="en-GB", viewport=screen)
        page.on("pageerror", lambda error: amiss.append(str(error)))
        page.on("console", lambda said: amiss.append(said.text) if _wrong(said) else None)
        page.goto("/sign-in")
        sign_in(page, role.value)
        expect(page.locator("#live")).to_be_attached()
        return page

    yield sign
    assert amiss == []
    app.extensions["live"].stop()


def _wrong(said: ConsoleMessage) -> bool:
    """Whether a browser's message tells of a fault: a form that is asked about answers 422."""
    return said.type == "error" and "422" not in said.text


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def press(page: Page, *keys: str, until: Locator) -> None:
    """Press keys as a person does: again when the page was not listening yet."""
    for _ in range(6):
        page.wait_for_load_state("load")
        for key in keys:
            page.keyboard.press(key)
        with suppress(NotYet):
            until.wait_for(timeout=5_000)
            return
    expect(until).to_be_visible()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
