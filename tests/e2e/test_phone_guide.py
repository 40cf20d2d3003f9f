"""What guides a person before the camera costs little and outlives a fault on the way."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask, request
from playwright.sync_api import Page, expect
from sqlalchemy import select
from werkzeug.exceptions import BadGateway

from correction_service.db import Database
from correction_service.face.verifier import Busy
from models.checkin import CheckIn
from tests.e2e.conftest import FacePhotos, OpenBrowser
from tests.e2e.phones import base_url, code, open_in_english, picture
from tests.faces import mjpeg

__all__ = ["base_url", "code"]

MOST_BYTES = 400_000
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize(
        "database_url", ["sqlite"], indirect=True
    ),  # nothing of it is asked here
]


@dataclass(frozen=True)
class Sent:
    """One request of the check-in as the server was told it."""

    endpoint: str
    length: int
    action: str | None


@pytest.fixture
def sent(app: Flask) -> list[Sent]:
    """What the page sends of itself; the first aim and the first challenge fail on our side."""
    requests: list[Sent] = []
    faults: dict[str, Exception] = {"checkins.aim": Busy(1), "checkins.challenge": BadGateway()}

    @app.before_request
    def note() -> None:
        if request.blueprint == "checkins" and request.method != "GET":
            endpoint = str(request.endpoint)
            length, action = request.content_length or 0, request.form.get("action")
            requests.append(Sent(endpoint, length, action))
            if endpoint in faults:
                raise faults.pop(endpoint)

    return requests


@pytest.fixture
def camera(face_photos: FacePhotos, tmp_path: Path) -> Path:
    """Somebody who does nothing of what is asked, so that every step lasts its whole time."""
    return mjpeg(tmp_path / "person.mjpeg", face_photos.person[1:2], seconds=2)


def begin_seated(page: Page) -> None:
    page.get_by_role("button", name="Open the camera").click()
    expect(page.locator(".instruction")).to_contain_text("Good.")
    page.get_by_role("button", name="I am ready").click()


def times(database: Database) -> list[int]:
    with database.reading() as session:
        return [frame["at_ms"] for frame in session.scalars(select(CheckIn)).one().frames]


def test_a_fault_of_ours_ends_no_check_in_and_all_that_it_sends_stays_small(
    base_url: str, browser: OpenBrowser, camera: Path, code: str, sent: list[Sent]
) -> None:
    page = open_in_english(browser(camera), base_url, code)
    begin_seated(page)
    expect(page.get_by_role("heading", name="Something failed on our side")).to_be_visible()
    expect(
        page.get_by_text("sent again by itself in 3 seconds").locator("visible=true")
    ).to_be_visible()
    assert not page.get_by_text("nothing is held against you").locator("visible=true").count()
    picture(page, "fault-en")
    expect(page.get_by_role("button", name="Stop here")).to_be_visible()
    picture(page, "guided-en")
    expect(page.locator(".result .receipt strong")).to_be_visible(timeout=60_000)
    assert [each.endpoint for each in sent].count("checkins.frame") == 12
    assert len({each.action for each in sent if each.endpoint == "checkins.aim"}) > 2
    assert sum(each.length for each in sent) <= MOST_BYTES


def test_a_page_that_stood_a_while_after_a_reload_goes_on_with_true_times(
    base_url: str, database: Database, browser: OpenBrowser, camera: Path, code: str
) -> None:
    page = open_in_english(browser(camera), base_url, code)
    begin_seated(page)
    page.locator(".instruction", has_text=re.compile("[←→↓]|closer")).wait_for()
    page.reload()
    expect(page.get_by_role("heading", name="not finished yet")).to_be_visible()
    page.wait_for_timeout(6000)  # longer than the rest of a step: the clock of the page runs on
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".result .receipt strong")).to_be_visible(timeout=60_000)
    taken = times(database)
    assert len(taken) == 12
    assert taken == sorted(taken)
    assert max(later - sooner for sooner, later in pairwise(taken)) > 6000
