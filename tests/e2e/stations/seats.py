"""A county at work: a browser window for every seat, a person's phone, and days that pass."""

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import select

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from models.base import Base
from models.case import LEGAL_ZONE
from models.device import Binding
from models.incident import Incident
from models.leave import Leave
from models.order import PositioningOrder
from models.user import Role
from models.zone import Zone
from tests.e2e.desks import SCREEN, sign_in
from tests.e2e.phones import activate, phone

NAME = "周某"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOMENTS: dict[type[Base], tuple[str, ...]] = {
    Leave: ("starts_at", "ends_at", "return_said_at", "returned_at"),
    PositioningOrder: ("starts_at", "approved_at"),
    Binding: ("bound_at",),
    Zone: ("valid_from", "valid_to"),
    Incident: ("since", "opened_at", "last_seen_at", "ended_at", "closed_at"),
}


@dataclass
class Seats:
    """Who sits where before one service, and the case that everything is about."""

    database: Database
    settings: Settings
    browser: Browser
    address: str
    case: int = 0
    amiss: list[str] = field(default_factory=list)
    _desks: dict[Role, Page] = field(default_factory=dict)

    def desk(self, role: Role, path: str) -> Page:
        """The window of a seat, signed in, on a page of the console."""
        if role not in self._desks:
            opened = self._watched(self.browser.new_context(locale="en-GB", viewport=SCREEN))
            opened.on("dialog", lambda question: question.accept())
            opened.goto(f"{self.address}/sign-in")
            sign_in(opened, role.value)
            expect(opened.get_by_role("navigation", name="Main")).to_be_visible()
            self._desks[role] = opened
        self._desks[role].goto(self.address + path.format(case=self.case))
        return self._desks[role]

    def phone(self, code: str) -> Page:
        """The person's own phone, opened with the officer's code and a PIN."""
        opened = self._watched(phone(self.browser, "en-GB"))
        activate(opened, self.address, code)
        opened.get_by_role("button", name="Continue").click()
        return opened

    def _watched(self, context: BrowserContext) -> Page:
        opened = context.new_page()
        opened.on("pageerror", lambda error: self.amiss.append(str(error)))
        return opened

    def days_pass(self, days: int) -> None:
        """Put what has happened to the case so many days back: nobody waits for them here."""
        with self.database.transaction(SYSTEM, "test") as session:
            for table, columns in MOMENTS.items():
                mine: Any = table
                for row in session.scalars(select(table).where(mine.case_id == self.case)):
                    for column in columns:
                        at = getattr(row, column)
                        setattr(row, column, at and at - timedelta(days=days))


def local(moment: datetime) -> str:
    """A moment as a form's field takes it."""
    return f"{moment.astimezone(LEGAL_ZONE):%Y-%m-%dT%H:%M}"


def clock(moment: datetime) -> str:
    """A moment as a page of this year says it."""
    return f"{moment.astimezone(LEGAL_ZONE):%m-%d %H:%M}"


def pictured(page: Page, name: str) -> None:
    """Leave screenshots in both languages where SCREENSHOTS says, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")
    if not folder:
        return
    address = page.url.partition("#")[0]
    for language in ("zh", "en"):
        page.goto(f"{address}?lang={language}")
        page.screenshot(path=Path(folder) / f"journey-{name}-{language}.png", full_page=True)


def today() -> date:
    return hours.local_day(datetime.now(UTC))


def write(form: Locator | Page, **texts: str) -> None:
    """Fill fields by their names."""
    for name, text in texts.items():
        form.locator(f"[name={name}]").fill(text)
