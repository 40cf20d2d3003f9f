"""A phone in the hand: a code from the officer, a PIN, the camera, a receipt."""

import random
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from correction_service.access import Service
from correction_service.db import Database
from correction_service.face.actions import Action, draw
from correction_service.face.verifier import Verifier
from correction_service.presence.judging import Judge
from models.checkin import (
    Challenge,
    CheckIn,
    CheckInDuty,
    CheckInFrame,
    DutyState,
    Liveness,
    Outcome,
)
from models.help_request import HelpKind, HelpRequest
from tests.e2e.conftest import FacePhotos, OpenBrowser
from tests.e2e.phones import activate, base_url, code, open_in_english, phone, picture
from tests.faces import mjpeg

__all__ = ["base_url", "code"]

pytestmark = pytest.mark.browser


@pytest.fixture
def camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    return mjpeg(tmp_path / "person.mjpeg", face_photos.person[1:2], seconds=2)


@pytest.fixture
def strange_camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    return mjpeg(tmp_path / "stranger.mjpeg", [face_photos.stranger], seconds=2)


def test_a_picture_held_before_the_camera_is_no_check_in_and_the_other_ways_stay(
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
    expect(page.locator(".instruction")).to_have_text("很好，请按“我准备好了”")
    picture(page, "aimed-zh")
    page.get_by_role("button", name="我准备好了").click()
    expect(page.get_by_text("尚未完成")).to_be_visible()
    picture(page, "step-zh")
    receipt = page.locator(".result .receipt strong")
    expect(receipt).to_have_text(re.compile(r"^\w{4}-\w{4}$"), timeout=60_000)
    picture(page, "unsure-zh")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert made.outcome is Outcome.MATCH
        assert made.liveness in {Liveness.CANNOT_TELL, Liveness.NOT_LIVE}
        assert made.receipt == receipt.text_content()
        assert (made.lat, made.lon, made.accuracy_m) == (27.72, 106.92, 12)
        assert made.answers == {"mood": "well", "help": False, "call_back": False}
        asked = [frame["action"] for frame in made.frames]
        assert asked == [None] * 3 + [0] * 3 + [1] * 3 + [2] * 3
        assert re.match(r"Chrome \d+$", made.browser or "")
        assert session.scalars(select(CheckInFrame)).all() == []
        assert session.scalars(select(CheckInDuty.state)).one() is DutyState.DUE
    page.get_by_role("button", name="用视频通话签到").click()
    expect(page.get_by_text("这不算违规")).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(HelpRequest.kind)).all() == [HelpKind.VIDEO_CALL]


def begin_steps(page: Page) -> None:
    page.get_by_role("button", name="Open the camera").click()
    page.get_by_role("button", name="I am ready").click()
    expect(page.get_by_role("button", name="Stop here")).to_be_visible()


def test_no_press_is_lost_while_the_scripts_are_on_their_way(
    base_url: str, browser: OpenBrowser, camera: Path, code: str
) -> None:
    page = open_in_english(browser(camera), base_url, code)
    held: list[Route] = []
    page.route("**/phone-checkin.js", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it is given
    page.reload(wait_until="commit")
    button = page.get_by_role("button", name="Open the camera")
    expect(button).to_be_disabled()
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    button.click()
    expect(page.get_by_role("button", name="I am ready")).to_be_visible()


def test_a_check_in_waits_for_the_network_and_a_stranger_goes_to_review(
    base_url: str, database: Database, browser: OpenBrowser, strange_camera: Path, code: str
) -> None:
    page = open_in_english(browser(strange_camera), base_url, code)
    page.get_by_label("Please call me back").check()
    picture(page, "questions-en")
    begin_steps(page)
    page.context.set_offline(True)
    expect(page.get_by_role("heading", name="No network")).to_be_visible(timeout=60_000)
    picture(page, "offline-en")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="an officer will look at it")).to_be_visible(
        timeout=60_000
    )
    picture(page, "review-en")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        duty = session.scalars(select(CheckInDuty)).one()
        assert (made.outcome, made.duty_id, made.lat) == (Outcome.NO_MATCH, duty.id, None)
        assert duty.state is DutyState.DUE
        assert session.scalars(select(HelpRequest.kind)).all() == [HelpKind.CALL_BACK]


def test_a_page_that_was_reloaded_goes_on_where_it_was(
    base_url: str, database: Database, browser: OpenBrowser, camera: Path, code: str
) -> None:
    page = open_in_english(browser(camera), base_url, code)
    begin_steps(page)
    expect(page.locator("[data-stage=steps] [data-receipt]")).to_have_text(re.compile("-"))
    receipt = page.locator("[data-stage=steps] [data-receipt]").text_content()
    first_frame(database)
    page.reload()
    expect(page.get_by_role("heading", name="not finished yet")).to_be_visible()
    picture(page, "resume-en")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".result .receipt strong")).to_have_text(receipt or "", timeout=60_000)
    with database.reading() as session:
        assert len(session.scalars(select(CheckIn)).one().frames) == 12


def first_frame(database: Database) -> None:
    """Wait until the server has something of the attempt."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with database.reading() as session:
            if session.scalars(select(CheckInFrame.place)).first() is not None:
                return
        time.sleep(0.1)
    pytest.fail("no frame arrived")


def eyes_first() -> random.Random:
    """Return dice that draw closed eyes to begin with."""
    while True:
        seed = random.randrange(10_000)  # noqa: S311 no secret
        drawn = draw(tuple(Action), rng=random.Random(seed))  # noqa: S311 no secret
        if drawn[0] is Action.CLOSE_EYES:
            return random.Random(seed)  # noqa: S311 no secret


def test_who_is_to_close_their_eyes_is_called_when_to_open_them(
    app: Flask, base_url: str, browser: OpenBrowser, camera: Path, code: str
) -> None:
    app.extensions["correction"] = replace(app.extensions["correction"], dice=eyes_first())
    page = open_in_english(browser(camera), base_url, code)
    page.evaluate(
        "() => { window.buzzes = []; navigator.vibrate = (it) => buzzes.push(it.length); }"
    )
    expect(page.get_by_text("You may be asked to close your eyes")).to_be_visible()
    begin_steps(page)
    instruction = page.locator(".instruction")
    expect(instruction).to_have_text("Close your eyes until two tones, or count to four")
    picture(page, "eyes-en")
    assert page.evaluate("Math.max(...buzzes)") == 1
    expect(instruction).to_have_text("Open your eyes", timeout=60_000)
    assert page.evaluate("Math.max(...buzzes)") == len(("buzz", "pause", "buzz"))
    picture(page, "eyes-over-en")


def test_a_busy_service_lets_the_person_leave_and_judges_by_itself(
    app: Flask, base_url: str, browser: OpenBrowser, camera: Path, code: str
) -> None:
    service: Service = app.extensions["correction"]
    with Verifier(workers=1, queue_length=-1) as full:  # not one place
        app.extensions["correction"] = replace(service, verifier=full)
        page = open_in_english(browser(camera), base_url, code)
        begin_steps(page)
        expect(page.get_by_text("You may leave this page.").first).to_be_visible(timeout=60_000)
        picture(page, "later-en")
    judge = Judge(service.database, service.verifier, service.settings)
    assert judge.turn(datetime.now(UTC))
    expect(page.locator(".result .receipt strong")).to_be_visible(timeout=60_000)


def test_stopping_deletes_what_was_sent_and_costs_nothing(
    base_url: str, database: Database, browser: OpenBrowser, camera: Path, code: str
) -> None:
    page = open_in_english(browser(camera), base_url, code)
    begin_steps(page)
    first_frame(database)
    page.get_by_role("button", name="Stop here").click()
    expect(page.get_by_role("heading", name="You stopped")).to_be_visible()
    picture(page, "stopped-en")
    with database.reading() as session:
        assert session.scalars(select(Challenge.close_reason)).one() == "cancelled"
        assert session.scalars(select(CheckInFrame)).all() == []


def test_a_camera_that_is_refused_leads_on_to_the_other_ways(
    base_url: str, browser: OpenBrowser, camera: Path, code: str
) -> None:
    refusing = browser(camera, allow=False)
    page = open_in_english(refusing, base_url, code)
    page.get_by_role("button", name="Open the camera").click()
    expect(page.get_by_role("heading", name="The camera was not allowed")).to_be_visible()
    picture(page, "refused-en")
    page.get_by_role("button", name="Check in with an officer in person").first.click()
    expect(page.get_by_text("This counts as no fault.")).to_be_visible()
    picture(page, "another-way-en")
