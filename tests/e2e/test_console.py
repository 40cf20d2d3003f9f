"""The console in a real browser: what happens in the county appears while one looks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import select

from correction_service import sealer
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.zones import boundaries
from devices.datum import gcj02
from models.incident import IncidentState
from models.user import Role
from models.zone import Zone, ZoneKind
from tests.county import NOW, County
from tests.desk import Desk
from tests.e2e.desks import SCREEN, Enter, enter, press
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, incidents_of, minutes, take

__all__ = ["enter"]

pytestmark = pytest.mark.browser


@pytest.fixture
def screen() -> ViewportSize:
    """The map and its keys are looked at on a desk only."""
    return SCREEN


@pytest.fixture
def page(enter: Enter) -> Page:
    """The home page with an officer signed in, told of what happens."""
    opened = enter(Role.OFFICER)
    expect(opened.locator("#live.on")).to_be_visible()
    return opened


def leave(database: Database) -> None:
    """Let the bracelet leave the city now, and seal what that committed."""
    now = datetime.now(UTC)
    for place, ago in ((HUICHUAN, 40), (BEYOND, 20)):
        fixes = minutes(now - timedelta(minutes=ago), [place] * 8)
        take(database, heard(fixes, received=now), now=now)
    with database.transaction(SYSTEM, "test") as session:
        sealer.seal(session, now)
        sealer.number_outbox(session)


def test_an_incident_appears_without_a_reload_and_is_closed_with_its_cause(
    database: Database, tracked: Tracked, page: Page
) -> None:
    expect(page.get_by_text("Nobody waits for you.")).to_be_visible()
    page.evaluate("window.stillTheSamePage = true")
    leave(database)
    row = page.locator("[data-row]").filter(has_text="Outside the home area")
    expect(row).to_be_visible(timeout=15_000)
    expect(page.locator(".symbol.urgent")).to_be_visible(timeout=15_000)
    assert page.evaluate("window.stillTheSamePage")
    row.get_by_role("button", name="On the map").click()
    expect(page.locator("path.trail.gap")).to_have_count(1)
    press(page, "j", "a", until=page.get_by_text("Acknowledged: it is yours now."))
    press(page, "j", "Enter", until=page.get_by_role("heading", name="It may be innocent"))
    expect(page.locator("path.trail")).to_have_count(3)
    page.get_by_label("Note").fill("核实为漂移")
    page.locator("#cause").select_option("position_drift")
    page.get_by_role("button", name="Close the incident").click()
    expect(page.locator("#state")).to_have_text("closed: position drift")
    (incident,) = incidents_of(database)
    assert incident.state is IncidentState.CLOSED


def test_the_officer_finds_reveals_and_reviews(desk: Desk, page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("测试")
    expect(page.locator("#quick a")).to_have_count(1)
    page.locator("#quick a").click()
    expect(page.get_by_role("heading", name="测试1")).to_be_visible()
    page.locator("#phone").get_by_role("button", name="Show").click()
    expect(page.locator("#phone")).to_contain_text("13800001234")
    page.get_by_role("button", name="Show photo").click()
    expect(page.locator("img.face")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Check-ins to review").click()
    expect(page.locator(".faces img")).to_have_count(2)
    press(page, "1", until=page.get_by_text("Nothing waits for a review."))


def test_an_outline_in_another_datum_is_asked_about_on_the_map(
    database: Database, county: County, page: Page
) -> None:
    with database.reading() as session:
        district = boundaries.county_outline(session, "520303", NOW.date(), 20)
    (ring,) = district["coordinates"]
    shifted = [list(gcj02((lat, lon))[::-1]) for lon, lat in ring]
    page.goto(f"/enrol/{county.case}/zones")
    page.get_by_label("Kind").select_option("home")
    page.get_by_label("Name", exact=True).fill("汇川区")
    page.get_by_label("Drawn area").check()
    outline = json.dumps({"type": "Polygon", "coordinates": [shifted]})
    page.get_by_label("GeoJSON of the area").fill(outline)
    page.get_by_role("button", name="Make the zone").click()
    expect(page.locator("path[class*=reading-]")).to_have_count(3)
    page.get_by_label("GCJ-02: it keeps within the border.").check()
    expect(page.locator("path.reading-2.chosen")).to_have_count(1)
    page.get_by_role("button", name="Make the zone").click()
    expect(page.locator(".flash.good")).to_be_visible()
    expect(page.get_by_text("sent in GCJ02")).to_be_visible()
    with database.reading() as session:
        (made,) = session.scalars(select(Zone)).all()
        assert (made.datum, made.source.value, made.margin_m) == ("gcj02", "imported", 130)


def test_zones_are_drawn_by_clicks_on_the_map(
    database: Database, tracked: Tracked, page: Page
) -> None:
    page.goto(f"/enrol/{tracked.case}/zones")
    expect(page.locator("#map path.area.home")).to_have_count(1)
    page.get_by_label("Kind").select_option("exclusion")
    page.get_by_label("Name", exact=True).fill("学校")
    page.locator("#map").click(position={"x": 240, "y": 260})
    expect(page.locator("path.drawn")).to_have_count(1)
    page.get_by_role("button", name="Make the zone").click()
    expect(page.locator(".flash.good")).to_be_visible()
    expect(page.locator("#map path.area.exclusion")).to_have_count(1)
    page.get_by_label("Kind").select_option("curfew")
    page.get_by_label("Name", exact=True).fill("住处")
    page.get_by_label("Hours").fill("22:00-06:00")
    page.get_by_label("Drawn area").check()
    for x, y in ((440, 170), (500, 170), (500, 230), (10, 10)):
        page.locator("#map").click(position={"x": x, "y": y}, delay=300)
    page.get_by_role("button", name="Take back the last corner").click()
    expect(page.locator("path.drawn")).to_have_count(1)
    page.get_by_role("button", name="Make the zone").click()
    expect(page.locator("#map path.area.curfew")).to_have_count(1)
    page.on("dialog", lambda question: question.accept())
    page.get_by_role("button", name="End 学校").click()
    expect(page.get_by_text("The zone asks nothing from now on.")).to_be_visible()
    with database.reading() as session:
        columns = select(Zone.kind, Zone.valid_to.is_(None)).order_by(Zone.id)
        made = [tuple(row) for row in session.execute(columns)]
    assert made == [
        (ZoneKind.HOME, True),
        (ZoneKind.EXCLUSION, False),
        (ZoneKind.CURFEW, True),
    ]


def test_the_home_page_fits_a_phone(desk: Desk, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("heading", name="Who needs me now")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    small = page.locator(".needs .button").evaluate_all(
        "all => all.filter(it => it.getBoundingClientRect().height < 40).length"
    )
    assert small == 0
