"""A tablet at the counter: an officer opens it, a person types a number and looks into it."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import select

from correction_service import accounts
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyState, Outcome, Way
from models.user import Role, User
from tests.county import County
from tests.e2e.conftest import FacePhotos, OpenBrowser
from tests.e2e.desks import PASSWORD, sign_in
from tests.e2e.phones import base_url, code
from tests.faces import mjpeg

__all__ = ["base_url", "code"]

TABLET: ViewportSize = {"width": 800, "height": 1100}
Seen = Callable[[Path], Page]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def shown(page: Page, name: str) -> None:
    """Leave a screenshot where SCREENSHOTS says, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"kiosk-{name}.png", full_page=True)


@pytest.fixture
def before(
    *,
    app: Flask,
    base_url: str,
    database: Database,
    county: County,
    browser: OpenBrowser,
    tmp_path: Path,
    code: str,
) -> Iterator[Seen]:
    """An open kiosk that has asked for the person's case number, and whose camera sees a photo."""
    assert code, "the person has a check-in due"
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        officer.password_hash = accounts.hashed(PASSWORD)
        number = session.get_one(Case, county.case).number

    def stand(photo: Path) -> Page:
        camera = mjpeg(tmp_path / "camera.mjpeg", [photo], seconds=2)
        page = browser(camera).new_page(locale="en-GB", viewport=TABLET)
        page.goto(f"{base_url}/sign-in")
        sign_in(page, "officer")
        expect(page.locator("#live")).to_be_attached()
        page.goto(f"{base_url}/kiosk")
        page.get_by_role("button", name="Open the kiosk").click()
        page.get_by_label("Case number").fill(number)
        shown(page, "counter")
        page.get_by_role("button", name="Continue").click()
        return page

    yield stand
    app.extensions["live"].stop()


@pytest.mark.parametrize("who", ["person", "stranger"])
def test_at_the_counter_who_does_not_check_in_is_told_to_show_the_officer_the_page(
    before: Seen, database: Database, face_photos: FacePhotos, who: str
) -> None:
    page = before(face_photos.person[1] if who == "person" else face_photos.stranger)
    page.get_by_label("Well", exact=True).check()
    page.get_by_role("button", name="Open the camera").click()
    page.get_by_role("button", name="I am ready").click()
    receipt = page.locator(".result .receipt strong")
    expect(receipt).to_have_text(re.compile(r"^\w{4}-\w{4}$"), timeout=60_000)
    shown(page, who)
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.way, made.receipt) == (Way.KIOSK, receipt.text_content())
        assert made.outcome is (Outcome.MATCH if who == "person" else Outcome.NO_MATCH)
        done = session.scalars(select(CheckInDuty)).one().state is DutyState.DONE
        assert done is made.counts
        counts = made.counts
    asked = page.get_by_text("Show the officer this page: they can record your check-in")
    expect(asked).to_be_visible(visible=not counts)
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="Type your case number")).to_be_visible()
