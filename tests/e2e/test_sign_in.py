"""The doors, as a browser meets them."""

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.county import County
from tests.e2e.conftest import Live, OpenBrowser


@pytest.mark.browser
def test_a_wrong_password_is_said_on_the_page(
    app: Flask, county: County, live: Live, browser: OpenBrowser
) -> None:
    page = browser().new_page(locale="en-GB")
    page.goto(live(app) + "/sign-in")
    page.get_by_label("User name").fill("officer")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The user name or the password is wrong.")).to_be_visible()
