"""A phone in the hand: a code from the officer, a PIN, the camera, a receipt."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import phones
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyKind, DutyState, Liveness, Outcome
from models.help_request import HelpKind, HelpRequest
from models.person import Person
from tests.county import County
from tests.e2e.conftest import PHONE_SCREEN, FacePhotos, Live, OpenBrowser
from tests.faces import mjpeg

PIN = "407219"
pytestmark = pytest.mark.browser


@pytest.fixture
def base_url(app: Flask, live: Live) -> str:
    return live(app)


@pytest.fixture
def code(database: Database, county: County, enrolled: UUID) -> str:
    """The officer's code for the enrolled person, who has a check-in due now."""
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        duty = CheckInDuty(
            case=session.get_one(Case, county.case),
            kind=DutyKind.SCHEDULED,
            key="scheduled:today",
            opens_at=now - timedelta(minutes=30),
            closes_at=now + timedelta(minutes=90),
            missed_after=now + timedelta(minutes=210),
            state=DutyState.DUE,
        )
        session.add(duty)
        return phones.offer(session, session.get_one(Person, enrolled), now)


@pytest.fixture
def camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    return mjpeg(tmp_path / "person.mjpeg", face_photos.person[1:2], seconds=2)


@pytest.fixture
def strange_camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    return mjpeg(tmp_path / "stranger.mjpeg", [face_photos.stranger], seconds=2)


def phone(opened: Browser, locale: str, **options: object) -> BrowserContext:
    return opened.new_context(
        viewport=PHONE_SCREEN,
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        locale=locale,
        **options,  # type: ignore[arg-type]
    )


def picture(page: Page, name: str) -> None:
    """Leave a screenshot where SCREENSHOTS says, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"phone-{name}.png", full_page=True)


def activate(page: Page, base_url: str, code: str) -> None:
    page.goto(f"{base_url}/m/activate")
    page.locator("[name=code]").fill(code)
    page.locator("[name=pin]").fill(PIN)
    page.locator("[name=again]").fill(PIN)


def test_a_phone_is_activated_and_checks_in_with_a_receipt(
    base_url: str, database: Database, browser: OpenBrowser, camera: Path, code: str
) -> None:
    here = {"latitude": 27.72, "longitude": 106.92, "accuracy": 12}
    context = phone(browser(camera), "zh-CN", geolocation=here, permissions=["geolocation"])
    page = context.new_page()
    activate(page, base_url, code)
    picture(page, "activate-zh")
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("今天")
    picture(page, "home-zh")
    page.get_by_role("link", name="现在签到").click()
    page.get_by_label("很好").check()
    picture(page, "questions-zh")
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.get_by_text("把脸放进椭圆框")).to_be_visible()
    picture(page, "camera-zh")
    page.get_by_role("button", name="我准备好了").click()
    receipt = page.locator(".receipt strong")
    expect(receipt).to_have_text(re.compile(r"^\w{4}-\w{4}$"), timeout=30_000)
    picture(page, "receipt-zh")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.outcome, made.liveness) == (Outcome.MATCH, Liveness.NOT_JUDGED)
        assert made.receipt == receipt.text_content()
        assert (made.lat, made.lon, made.accuracy_m) == (27.72, 106.92, 12)
        assert made.answers == {"mood": "well", "help": False, "call_back": False}
        duty = session.scalars(select(CheckInDuty)).one()
        assert (duty.id, duty.state) == (made.duty_id, DutyState.DONE)


def open_in_english(opened: Browser, base_url: str, code: str) -> Page:
    page = phone(opened, "en-GB").new_page()
    activate(page, base_url, code)
    page.get_by_role("button", name="Continue").click()
    picture(page, "home-en")
    page.goto(f"{base_url}/m/checkin")
    return page


def test_a_check_in_waits_for_the_network_and_a_stranger_goes_to_review(
    base_url: str, database: Database, browser: OpenBrowser, strange_camera: Path, code: str
) -> None:
    page = open_in_english(browser(strange_camera), base_url, code)
    page.get_by_label("Please call me back").check()
    picture(page, "questions-en")
    page.get_by_role("button", name="Open the camera").click()
    ready = page.get_by_role("button", name="I am ready")
    expect(ready).to_be_visible()
    page.context.set_offline(True)
    ready.click()
    expect(page.get_by_role("heading", name="No network")).to_be_visible()
    picture(page, "offline-en")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="an officer will look at it")).to_be_visible(
        timeout=30_000
    )
    picture(page, "review-en")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        duty = session.scalars(select(CheckInDuty)).one()
        assert (made.outcome, made.duty_id, made.lat) == (Outcome.NO_MATCH, duty.id, None)
        assert duty.state is DutyState.DUE
        assert session.scalars(select(HelpRequest.kind)).all() == [HelpKind.CALL_BACK]


def test_a_camera_that_is_refused_leads_on_to_the_other_ways(
    base_url: str, browser: OpenBrowser, camera: Path, code: str
) -> None:
    refusing = browser(camera, allow=False)
    page = open_in_english(refusing, base_url, code)
    page.get_by_role("button", name="Open the camera").click()
    expect(page.get_by_role("heading", name="The camera was not allowed")).to_be_visible()
    picture(page, "refused-en")
    page.get_by_role("link", name="Check in another way").first.click()
    expect(page.get_by_role("button", name="Check in by video call")).to_be_visible()
    picture(page, "another-way-en")
