"""The whole street once, in a real Chromium: enrolled, checked in, followed, swept, and told.

An officer enrols a person with real face photos. The person activates the phone page and checks in
before a camera that shows another photo of the same face; then somebody else tries. A bracelet on a
real broker leaves the city and the open console shows it. The sweep names a missed check-in, the
officer confirms the points, and the phone says why.
"""

import json
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from sqlalchemy import func, select

from correction_service import accounts, hours
from correction_service.audit import SYSTEM
from correction_service.casework import orders, points
from correction_service.casework.order_facts import Fact
from correction_service.db import Database
from correction_service.hardware import bracelets, gateways
from correction_service.settings import Settings
from correction_service.zones import zones
from devices.broker import EmbeddedBroker
from devices.link import MqttSettings, Outbound
from devices.publisher import Publisher
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyKind, DutyState, Outcome
from models.fix import Fix
from models.incident import Cause, Incident, IncidentState
from models.order import Ground
from models.points import PointsDraft, PointsEntry
from models.user import Role, User
from tests.broker import broker
from tests.county import VALID_ID, County
from tests.devices.wires import until
from tests.e2e.conftest import PHONE_SCREEN, FacePhotos, Live, OpenBrowser
from tests.faces import mjpeg, variant
from tests.processes import environment, running

__all__ = ["broker"]

PASSWORD = "a password for tests"
PIN = "407219"
DESK: ViewportSize = {"width": 1366, "height": 768}
CITY = ("520302", "520303", "520304")
AT_HOME, AWAY = (27.728, 106.917), (26.65, 106.63)
NAME = "周某"
pytestmark = pytest.mark.browser


@pytest.mark.timeout(420)
def test_a_person_is_enrolled_checked_in_followed_swept_and_told(  # noqa: PLR0917 - fixtures
    app: Flask,
    settings: Settings,
    database: Database,
    county: County,
    live: Live,
    browser: OpenBrowser,
    broker: EmbeddedBroker,
    face_photos: FacePhotos,
    tmp_path: Path,
) -> None:
    base_url = live(app)
    prepare(database, county)
    desk = browser().new_context(viewport=DESK, locale="en-US").new_page()
    case_id, code = enrol(desk, base_url, face_photos, tmp_path)

    phone = face_checks(browser, base_url, code, face_photos, tmp_path)
    assert outcomes(database, case_id) == [Outcome.MATCH, Outcome.NO_MATCH]
    desk.goto(f"{base_url}/reviews")
    expect(desk.get_by_role("main")).to_contain_text(NAME)

    order(database, settings, county, case_id)
    port = {"CORRECTION_MQTT_PORT": str(broker.port)}
    with running(settings, "ingest", **port), running(settings, "schedule", **port):
        desk.goto(base_url)
        expect(desk.get_by_role("main")).not_to_contain_text("utside")
        leave_the_city(database, broker)
        row = desk.get_by_role("main").get_by_text(re.compile("[Oo]utside"))
        expect(row.first).to_be_visible(timeout=30_000)
    close_incident(desk, base_url, database)

    miss_a_duty(database, case_id)
    assert sweep(settings)["checkin_missed"] == 1
    reason = "Spoke by phone: forgot, no other reason."
    confirm_draft(desk, base_url, reason)
    assert entry_of(database, case_id) == (-5, reason)
    told = phone.pages[0]
    told.goto(f"{base_url}/m/points")
    expect(told.get_by_role("main")).to_contain_text(reason)


def prepare(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, county.users[Role.OFFICER])
        user.password_hash = accounts.hashed(PASSWORD)
        points.install_default(session)


def enrol(page: Page, base_url: str, faces: FacePhotos, folder: Path) -> tuple[int, str]:
    """Sign in, enrol, report in, record consent, enrol the face; return case and code."""
    page.goto(base_url)
    page.locator("[name=username]").fill(Role.OFFICER.value)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{base_url}/enrol")
    today = datetime.now(UTC).date()
    texts = {
        "name": NAME,
        "id_number": VALID_ID,
        "deciding_authority": "汇川区人民法院",
        "effective_on": str(today - timedelta(days=5)),
        "term_start": str(today - timedelta(days=5)),
        "term_end": str(today + timedelta(days=400)),
    }
    for name, text in texts.items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_role("button", name="Enrol and go on").click()
    team = page.locator("#step-team")
    team.locator("[name=name]").fill("王某")
    team.locator("[name=sex]").select_option("female")
    team.locator("[name=part]").select_option("officer")
    team.get_by_role("button", name="Add").click()
    page.locator("#step-report_in").get_by_role("button", name="Record").click()
    page.get_by_role("link", name="Show the text").click()
    page.get_by_label("The person has read this").check()
    page.get_by_role("button", name="Record: agrees").click()
    page.goto(steps_of(page))
    page.get_by_role("link", name="Take the photos").click()
    mirrored = folder / "mirrored.jpg"
    mirrored.write_bytes(variant(faces.person[0], flip=True, angle_deg=5))
    page.locator("#pick").set_input_files([*faces.person[:2], mirrored])
    page.locator("#enrol").click(timeout=60_000)
    expect(page.get_by_text("From 3 photos")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Give an activation code").click()
    code = page.locator("[data-code]").text_content() or ""
    return case_in(page.url), code


def case_in(url: str) -> int:
    found = re.search(r"/enrol/(\d+)", url)
    assert found, url
    return int(found[1])


def steps_of(page: Page) -> str:
    return re.sub(r"(/enrol/\d+).*", r"\1", page.url)


def telephone(camera: Browser, like: BrowserContext | None = None) -> BrowserContext:
    """Make a phone; `like` another one, it holds the same cookies."""
    return camera.new_context(
        viewport=PHONE_SCREEN,
        is_mobile=True,
        has_touch=True,
        locale="en-US",
        geolocation={"latitude": AT_HOME[0], "longitude": AT_HOME[1], "accuracy": 12},
        permissions=["geolocation"],
        storage_state=like.storage_state() if like else None,
    )


def activate(page: Page, base_url: str, code: str) -> None:
    page.goto(f"{base_url}/m/activate")
    page.locator("[name=code]").fill(code)
    page.locator("[name=pin]").fill(PIN)
    page.locator("[name=again]").fill(PIN)
    page.get_by_role("button", name="Continue").click()


def check_in(page: Page) -> None:
    page.get_by_role("link", name=re.compile("Check in")).first.click()
    page.get_by_label("Well", exact=True).check()
    page.get_by_role("button", name="Open the camera").click()
    page.get_by_role("button", name="I am ready").click()


def face_checks(
    browser: OpenBrowser, base_url: str, code: str, faces: FacePhotos, folder: Path
) -> BrowserContext:
    """The person checks in, then somebody else tries on the same phone; return the phone."""
    same = mjpeg(folder / "same.mjpeg", faces.person[2:], seconds=2)
    other = mjpeg(folder / "other.mjpeg", [faces.stranger], seconds=2)
    phone = telephone(browser(same))
    activate(phone.new_page(), base_url, code)
    check_in(phone.pages[0])
    doubted = phone.pages[0].get_by_text("The face matches, but")  # it is a photo, after all
    expect(doubted).to_be_visible(timeout=60_000)
    stand_in = telephone(browser(other), phone)
    stand_in.new_page().goto(f"{base_url}/m/")
    check_in(stand_in.pages[0])
    expect(stand_in.pages[0].get_by_text("The face does not match")).to_be_visible(timeout=60_000)
    return phone


def outcomes(database: Database, case_id: int) -> list[Outcome]:
    with database.reading() as session:
        mine = select(CheckIn).where(CheckIn.case_id == case_id).order_by(CheckIn.id)
        return [each.outcome for each in session.scalars(mine)]


def order(database: Database, settings: Settings, county: County, case_id: int) -> None:
    """The head orders positioning; the officer fits the bracelet and sets the home area."""
    now = datetime.now(UTC)
    today = hours.local_day(now)
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        case = session.get_one(Case, case_id)
        wanted = orders.Wanted(
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="left the city without approval",
            facts=[Fact("document", None, "statement 3")],
            starts_on=today,
            ends_on=today + timedelta(days=60),
        )
        orders.decide(session, head, case_id, wanted, now)
        gateways.add(session, county.agency, "gw-1")
        bracelets.import_file(session, b"id\nbr-1", "gw-1")
        bracelets.bind(session, case, bracelets.named(session, "br-1"), now)
        zones.home_of_divisions(session, case, CITY, valid_from=now)


def leave_the_city(database: Database, broker: EmbeddedBroker) -> None:
    """Publish eight fixes at home until the service stores them, then eight far outside.

    Twelve seconds apart: a fix a second says no more than one, and clocks may be minutes ahead.
    """
    link = MqttSettings(host="127.0.0.1", port=broker.port, client_id="gw-1")
    began = datetime.now(UTC)
    with Publisher(link) as publisher:

        def say(first: int, place: tuple[float, float]) -> None:
            fixes = [
                {
                    "seq": seq,
                    "time": (began + timedelta(seconds=12 * seq)).isoformat(),
                    "lat": place[0],
                    "lon": place[1],
                    "accuracy_m": 8,
                    "source": "gnss",
                }
                for seq in range(first, first + 8)
            ]
            publisher.publish(Outbound("correction/v1/gw-1/br-1/fix", json.dumps(fixes).encode()))

        while not stored(database):
            say(1, AT_HOME)
            time.sleep(0.3)
        say(9, AWAY)
        until(lambda: stored(database) == 16)


def stored(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Fix)) or 0


def close_incident(page: Page, base_url: str, database: Database) -> None:
    with database.reading() as session:
        incident_id = session.scalars(select(Incident.id)).one()
    page.goto(f"{base_url}/incidents/{incident_id}")
    page.locator("[name=note]").first.fill("Called: on the way to a hospital.")
    page.locator("#cause").select_option(Cause.APPROVED_ABSENCE.value)
    page.get_by_role("button", name="Close the incident").click()
    expect(page.locator("#state")).to_contain_text("closed")
    with database.reading() as session:
        closed = session.get_one(Incident, incident_id)
        assert (closed.state, closed.cause) == (IncidentState.CLOSED, Cause.APPROVED_ABSENCE)


def miss_a_duty(database: Database, case_id: int) -> None:
    """A window that closed an hour ago and was not answered; nobody sent it to review."""
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            CheckInDuty(
                case_id=case_id,
                kind=DutyKind.SCHEDULED,
                key="scheduled:earlier",
                opens_at=now - timedelta(hours=8),
                closes_at=now - timedelta(hours=5),
                missed_after=now - timedelta(hours=4),
                state=DutyState.MISSED,
            )
        )


def sweep(settings: Settings) -> dict[str, int]:
    """Sweep by the command; return its flags by kind."""
    command = [sys.executable, "-m", "correction_service", "sweep", "--json"]
    swept = subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=True
    )
    flags: dict[str, int] = json.loads(swept.stdout)["flags"]
    return flags


def confirm_draft(page: Page, base_url: str, reason: str) -> None:
    page.goto(f"{base_url}/points")
    draft = page.locator(".draft").filter(has_text=NAME)
    draft.get_by_text("Confirm", exact=True).click()
    draft.get_by_label("The reason, as the person will read it").fill(reason)
    draft.get_by_role("button", name=re.compile("^Enter")).click()
    expect(page.locator(".draft").filter(has_text=NAME)).to_have_count(0)


def entry_of(database: Database, case_id: int) -> tuple[int, str]:
    with database.reading() as session:
        assert session.scalar(select(func.count(PointsDraft.id))) == 1
        entry = session.scalars(select(PointsEntry).where(PointsEntry.case_id == case_id)).one()
        return entry.points, entry.reason
