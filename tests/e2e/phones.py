"""A phone in a browser, the address it opens and the code that lets it in."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import phones
from models.case import Case
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.person import Person
from tests.county import County
from tests.e2e.conftest import PHONE_SCREEN, Live

PIN = "407219"


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


def open_in_english(opened: Browser, base_url: str, code: str) -> Page:
    page = phone(opened, "en-GB").new_page()
    activate(page, base_url, code)
    page.get_by_role("button", name="Continue").click()
    picture(page, "home-en")
    page.goto(f"{base_url}/m/checkin")
    return page
