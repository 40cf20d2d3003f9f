"""From a storm to a better rule in a real browser: answered, closed as drift, counted, tried."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.zones.what_if_runs import Runner
from models.user import Role
from tests.e2e.desks import Enter, enter, fits, screen
from tests.tracked import BEYOND, HUICHUAN, Tracked, fix, heard, incidents_of, take

__all__ = ["enter", "screen"]

pytestmark = pytest.mark.browser
STORM, APART = 200, timedelta(seconds=5)


@pytest.fixture
def page(enter: Enter) -> Page:
    """The county head, signed in, who agrees to what is asked."""
    opened = enter(Role.COUNTY_HEAD)
    opened.on("dialog", lambda dialog: dialog.accept())
    return opened


def storm(database: Database) -> None:
    """An hour at home, then 200 fixes far away within a quarter of an hour, then home again."""
    start = datetime.now(UTC) - timedelta(minutes=90)
    at = start + timedelta(minutes=50)
    home = [fix(start + number * timedelta(minutes=1)) for number in range(50)]
    away = [fix(at + number * APART, BEYOND) for number in range(STORM)]
    back = [fix(at + STORM * APART + number * timedelta(minutes=1)) for number in range(10)]
    assert HUICHUAN != BEYOND
    fixes = home + away + back
    for first in range(0, len(fixes), 20):
        some = fixes[first : first + 20]
        received = datetime.fromisoformat(str(some[-1]["time"])) + timedelta(seconds=2)
        take(database, heard(some, received=received), now=received)


def test_a_storm_is_one_incident_closed_as_drift_counted_and_gone_under_another_rule(
    database: Database, settings: Settings, tracked: Tracked, page: Page
) -> None:
    storm(database)
    assert len(incidents_of(database)) == 1
    page.get_by_role("link", name="Incidents").click()
    page.locator("a.row-link").first.click()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledged: it is yours now.")).to_be_visible()
    page.locator("#cause").select_option("position_drift")
    page.get_by_role("button", name="Close the incident").click()
    expect(page.locator("#state")).to_have_text("closed: position drift")
    page.locator("nav summary", has_text="Figures and record").click()
    page.get_by_role("link", name="Quality").click()
    expect(page.get_by_text("100 %: 1 of 1")).to_be_visible()
    expect(page.get_by_role("link", name="position drift 1")).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name="The rule of the zones").click()
    assert fits(page)
    for label, number in (
        ("Evidence of a departure", "12"),
        ("Evidence of who stays put", "12"),
        ("Certain for, on the move", "1800"),
        ("Certain for, staying put", "3600"),
    ):
        page.get_by_label(label).fill(number)
    page.get_by_role("button", name="Try on the last 30 days").click()
    expect(page.locator("#run progress")).to_be_visible()
    runner = Runner(database, settings)
    while runner.turn(datetime.now(UTC)):
        pass
    expect(page.get_by_text("1 false alarm vanishes")).to_be_visible()
    assert fits(page)
    page.locator("#run [name=reason]").fill("误报太多")
    page.get_by_role("button", name="Let these figures count").click()
    expect(page.get_by_text("Written down: these figures count")).to_be_visible()
    expect(page.get_by_text("is to come")).to_be_visible()
    assert fits(page)
