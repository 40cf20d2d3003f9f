"""A phone in the hand: a code from the officer, a PIN, the camera, a receipt."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from correction_service import phones
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyKind, DutyState, Liveness, Outcome
from models.person import Person
from tests.county import County
from tests.e2e.conftest import PHONE_SCREEN, FacePhotos, Live, OpenBrowser
from tests.faces import mjpeg

PIN = "407219"
pytestmark = pytest.mark.browser


@pytest.fixture
def code(database: Database, enrolled: UUID) -> str:
    with database.transaction(SYSTEM, "test") as session:
        return phones.offer(session, session.get_one(Person, enrolled), datetime.now(UTC))


@pytest.fixture
def duty(database: Database, county: County) -> int:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        made = CheckInDuty(
            case=session.get_one(Case, county.case),
            kind=DutyKind.SCHEDULED,
            key="scheduled:today",
            opens_at=now - timedelta(minutes=30),
            closes_at=now + timedelta(minutes=90),
            missed_after=now + timedelta(minutes=210),
            state=DutyState.DUE,
        )
        session.add(made)
        session.flush()
        return made.id


@pytest.fixture
def camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    return mjpeg(tmp_path / "person.mjpeg", face_photos.person[1:2], seconds=2)


def phone(browser: OpenBrowser, camera: Path, locale: str, **options: object) -> BrowserContext:
    return browser(camera).new_context(
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
    app: Flask,
    database: Database,
    live: Live,
    browser: OpenBrowser,
    camera: Path,
    code: str,
    duty: int,
) -> None:
    here = {"latitude": 27.72, "longitude": 106.92, "accuracy": 12}
    context = phone(browser, camera, "zh-CN", geolocation=here, permissions=["geolocation"])
    page = context.new_page()
    activate(page, live(app), code)
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
        assert (made.receipt, made.duty_id) == (receipt.text_content(), duty)
        assert (made.lat, made.lon, made.accuracy_m) == (27.72, 106.92, 12)
        assert made.answers == {"mood": "well", "help": False, "call_back": False}
        assert session.get_one(CheckInDuty, duty).state is DutyState.DONE
