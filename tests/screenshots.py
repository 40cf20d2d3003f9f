"""Take the pictures of the README from a running demo: `make screenshots`. Faces are drawn.

Arguments: the folder to write to. Needs Chromium and a font with Chinese.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database, open_database
from correction_service.demo.run import environment, free_port
from correction_service.people import phones, photos
from correction_service.people.photos import Purpose
from correction_service.settings import Mode, Settings
from models.case import Case, CaseState
from models.checkin import CheckIn, Liveness, Outcome, Way
from models.incident import Incident, IncidentKind
from models.person import Person

PIN = "407219"
DESK: ViewportSize = {"width": 1366, "height": 768}
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}
PATIENCE_S = 240


def main() -> None:
    """Run a demo of its own, wait for the departure, and take every picture in both languages."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, _demo(Path(data)) as (address, password, database):
        incident_id, case_id = _departure(database)
        checkin_id, codes = _review(database, Path(data))
        with sync_playwright() as playwright:
            program = os.environ.get("CHROMIUM") or shutil.which("chromium")
            flags = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=program, args=flags)
            for short, locale in LANGUAGES.items():
                pages = {
                    "home": "/",
                    "person": f"/cases/{case_id}",
                    "incident": f"/incidents/{incident_id}",
                    "review": f"/reviews/{checkin_id}",
                }
                desk = browser.new_page(locale=locale, viewport=DESK)
                _desk(desk, address, password, pages, folder / short)
                _phone(browser, address, codes[short], locale, folder / short)
            browser.close()


@contextmanager
def _demo(data: Path) -> Iterator[tuple[str, str, Database]]:
    port = free_port()
    command = [sys.executable, "-m", "correction_service", "demo"]
    words = ["--port", str(port), "--data", str(data)]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            sys.stderr.write(child.stdout.readline())
            password = json.loads((data / "accounts.json").read_text())["officer"]
            os.environ.update(environment(data, port, 1))
            database = open_database(_settings(data))
            yield f"http://127.0.0.1:{port}", password, database
            database.close()
        finally:
            child.terminate()


def _settings(data: Path) -> Settings:
    url = f"sqlite:///{data / 'correction.db'}"
    return Settings.model_validate({"mode": Mode.DEMO, "data_dir": data, "database_url": url})


def _departure(database: Database) -> tuple[int, int]:
    """Wait until somebody has left; return the incident and the case."""
    deadline = time.monotonic() + PATIENCE_S
    left = select(Incident.id, Incident.case_id).where(Incident.kind == IncidentKind.LEFT_HOME_AREA)
    while time.monotonic() < deadline:
        with database.reading() as session:
            found = session.execute(left).first()
        if found:
            time.sleep(20)
            return found.id, found.case_id
        time.sleep(1)
    sys.exit("nobody left the city")


def _review(database: Database, data: Path) -> tuple[int, dict[str, str]]:
    """Put a check-in with drawn faces into the queue, and offer a phone for each language."""
    settings, now = _settings(data), datetime.now(UTC)
    with database.transaction(SYSTEM, "screenshots") as session:
        awaited = select(Case).where(Case.state == CaseState.UNDER_CORRECTION).order_by(Case.id)
        cases = session.scalars(awaited.offset(20).limit(3)).all()
        person = cases[0].person
        photos.put(session, settings, person, _face(18), purpose=Purpose.ENROLMENT, now=now)
        until = now + timedelta(days=28)
        taken = photos.put(
            session,
            settings,
            person,
            _face(34),
            purpose=Purpose.CHECKIN,
            now=now,
            delete_after=until,
        )
        checkin = CheckIn(
            case_id=cases[0].id,
            at=now,
            way=Way.PHONE,
            outcome=Outcome.UNCERTAIN,
            liveness=Liveness.NOT_JUDGED,
            score=0.41,
            threshold=0.52,
            reasons=["too_dark"],
            answers={"mood": "well", "help": False, "call_back": False},
            photo_id=taken.id,
            receipt="7K3M-92QX",
        )
        session.add(checkin)
        session.flush()
        offered = {
            short: phones.offer(session, session.get_one(Person, case.person_id), now)
            for short, case in zip(LANGUAGES, cases[1:], strict=True)
        }
        return checkin.id, offered


def _face(width: int) -> bytes:
    """Draw somebody who is nobody."""
    image = np.full((320, 240, 3), (225, 222, 214), np.uint8)
    cv2.ellipse(image, (120, 330), (110, 90), 0, 180, 360, (120, 100, 80), -1)
    cv2.ellipse(image, (120, 150), (60 + width // 4, 82), 0, 0, 360, (178, 200, 226), -1)
    cv2.ellipse(image, (120, 98), (64 + width // 4, 46), 0, 180, 360, (50, 45, 40), -1)
    for x in (95, 145):
        cv2.ellipse(image, (x, 145), (9, 5), 0, 0, 360, (60, 50, 45), -1)
    cv2.line(image, (120, 150), (114, 178), (140, 160, 190), 3)
    cv2.ellipse(image, (120, 200), (width, 8), 0, 10, 170, (90, 90, 160), 3)
    large = cv2.resize(image, (720, 960), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", large)[1].tobytes()


def _desk(page: Page, address: str, password: str, pages: dict[str, str], stem: Path) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("[name=username]", "officer")
    page.fill("[name=password]", password)
    page.click("button.primary")
    for name, path in pages.items():
        page.goto(address + path)
        _keep(page, stem.parent / f"{name}-{stem.name}.png")


def _phone(browser: Browser, address: str, code: str, locale: str, stem: Path) -> None:
    screen = browser.new_context(
        locale=locale,
        viewport={"width": 360, "height": 640},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
    )
    page = screen.new_page()
    page.goto(f"{address}/m/activate")
    for name, text in {"code": code, "pin": PIN, "again": PIN}.items():
        page.fill(f"[name={name}]", text)
    page.locator("button.primary").click()
    _keep(page, stem.parent / f"phone-{stem.name}.png")


def _keep(page: Page, path: Path) -> None:
    page.wait_for_timeout(2500)
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
