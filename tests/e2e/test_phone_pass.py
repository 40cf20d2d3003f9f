"""A living head before a phone's camera does what it is asked; a photo of it, turned alike, cannot.

Both are drawn in space from a photo. What is asked is read from the page, as people do.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest
from flask import Flask, request
from playwright.sync_api import Page, expect
from sqlalchemy import select

from correction_service.access import Service
from correction_service.db import Database
from correction_service.face.actions import Action
from correction_service.face.aim import Aimer
from correction_service.face.images import Pixels, decode
from correction_service.face.liveness import CueName, CueVerdict
from models.checkin import CheckIn, CheckInDuty, DutyState, Liveness, Outcome
from tests.e2e.conftest import FacePhotos, OpenBrowser
from tests.e2e.phones import activate, base_url, code, open_in_english, phone, picture
from tests.e2e.viewfinder import Viewfinder
from tests.face.attacks import bursts, heads, plans, scenes
from tests.face.attacks.cameras import Camera
from tests.face.attacks.heads import Anatomy, Likeness
from tests.face.attacks.plans import Habit, Moment
from tests.face.attacks.scenes import Place, Scene

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

__all__ = ["base_url", "code"]

ASKED = (Action.TURN_LEFT, Action.NOD, Action.TURN_RIGHT)
IN_CHINESE = dict(zip(("请向左转头", "请点一下头", "请向右转头"), ASKED, strict=True))
IN_ENGLISH = dict(zip(("to your left", "Lower your head", "to your right"), ASKED, strict=True))
PLAINLY = Habit(turn_deg=36, nod_deg=20, sway=0.02)
PICTURES = 6  # of each posture, no two the same
MOST_SENT_BYTES = 400_000
Choice = TypeVar("Choice")
Postures = Mapping[Action | None, Iterator[Pixels]]
pytestmark = [
    pytest.mark.browser,
    # The heads take seconds to draw, and what they show is not the database's.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


class LoadedDice(random.Random):
    """Dice that fall on what was drawn beforehand, one action after another."""

    def __init__(self) -> None:
        """Fall on the first action first."""
        super().__init__(0)
        self._falls = iter(ASKED)

    def choice(self, seq: "SupportsLenAndGetItem[Choice]") -> Choice:
        """Fall on one of those that may be asked."""
        fall = next(self._falls)
        return next(seq[i] for i in range(len(seq)) if seq[i] == fall)


@pytest.fixture(autouse=True)
def _known_beforehand(app: Flask, face_photos: FacePhotos) -> None:
    """Let the service ask what can be shown, and have what advises loaded before it is needed."""
    service: Service = app.extensions["correction"]
    app.extensions["correction"] = replace(service, dice=LoadedDice())
    aimer: Aimer = app.extensions["aimer"]
    aimer.look(face_photos.stranger.read_bytes())


@pytest.fixture
def sent_bytes(app: Flask) -> list[int]:
    """The length of every picture sent, and of what came beside them, as it reaches the server."""
    lengths: list[int] = []

    @app.before_request
    def count() -> None:
        if "/checkins/" in request.path and request.content_length:
            lengths.append(request.content_length)

    return lengths


@pytest.fixture
def viewfinder(tmp_path: Path) -> Viewfinder:
    return Viewfinder(tmp_path / "camera.y4m")


def postures(photo: Path, sitter: Callable[[Likeness, Place], Scene]) -> Postures:
    """Take pictures, over and over, of a sitter who looks straight or does one thing."""
    dice, camera = np.random.default_rng(7), Camera()
    person = heads.likeness(decode(photo.read_bytes()))
    scene = sitter(person, Place(person.around))

    def taken(action: Action | None) -> Iterator[Pixels]:
        still = [plans.resting(Moment(0, 0), PLAINLY, dice) for _ in range(PICTURES)]
        held = [plans.doing(each, action, 1.0, PLAINLY) for each in still] if action else still
        return cycle([decode(each.data) for each in bursts.filmed(scene, held, camera, dice)])

    return {action: taken(action) for action in (None, *ASKED)}


def follow(
    page: Page, viewfinder: Viewfinder, shown: Postures, words: Mapping[str, Action]
) -> list[Action]:
    """Do what the page says until it has seen enough; return what that was."""
    instruction = page.locator(".instruction")
    done: list[Action] = []
    while instruction.is_visible():
        said = instruction.text_content() or ""
        action = next((each for sentence, each in words.items() if sentence in said), None)
        viewfinder.show(next(shown[action]))
        if action and action not in done:
            done.append(action)
            picture(page, f"step-{action}-{page.evaluate('document.documentElement.lang')}")
        page.wait_for_timeout(150)
    return done


def test_a_person_who_does_what_is_asked_has_checked_in(
    *, base_url: str, database: Database, browser: OpenBrowser, viewfinder: Viewfinder, code: str,
    face_photos: FacePhotos, sent_bytes: list[int],
) -> None:  # fmt: skip
    person = postures(face_photos.person[0], lambda who, at: scenes.living(who, Anatomy(), at))
    viewfinder.show(next(person[None]))
    page = phone(browser(viewfinder.path), "zh-CN").new_page()
    activate(page, base_url, code)
    page.get_by_role("button", name="继续").click()
    page.get_by_role("link", name="现在签到").click()
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator(".instruction")).to_contain_text("很好")
    page.get_by_role("button", name="我准备好了").click()
    assert follow(page, viewfinder, person, IN_CHINESE) == list(ASKED)
    receipt = page.locator(".result .receipt strong")
    expect(receipt).to_have_text(re.compile(r"^\w{4}-\w{4}$"), timeout=60_000)
    picture(page, "pass-zh")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.outcome, made.liveness, made.reasons) == (Outcome.MATCH, Liveness.LIVE, [])
        assert made.actions == list(ASKED)
        assert len(sent_bytes) > len(made.frames) == 12  # some were to be advised on
        assert session.scalars(select(CheckInDuty.state)).one() is DutyState.DONE
    assert page.locator(".result h1").text_content() == "人脸比对一致。"
    expect(page.get_by_text("签到完成，现在不需要再做什么。")).to_be_visible()
    assert sum(sent_bytes) <= MOST_SENT_BYTES


def test_a_photo_on_paper_turned_in_the_same_way_has_not(
    *, base_url: str, database: Database, browser: OpenBrowser, viewfinder: Viewfinder, code: str,
    face_photos: FacePhotos,
) -> None:  # fmt: skip
    printed = postures(face_photos.person[0], lambda who, at: scenes.paper(who.head, at))
    viewfinder.show(next(printed[None]))
    page = open_in_english(browser(viewfinder.path), base_url, code)
    page.get_by_role("button", name="Open the camera").click()
    page.get_by_role("button", name="I am ready").click()
    assert follow(page, viewfinder, printed, IN_ENGLISH) == list(ASKED)
    expect(page.get_by_role("heading", name="an officer will look at it")).to_be_visible(
        timeout=60_000
    )
    picture(page, "paper-en")
    with database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert made.outcome is Outcome.MATCH
        assert made.liveness in {Liveness.CANNOT_TELL, Liveness.NOT_LIVE}
        told = {cue["name"]: cue["verdict"] for cue in made.cues}
        assert CueVerdict.FOR not in {told[CueName.PARALLAX], told[CueName.SURFACE]}
        assert session.scalars(select(CheckInDuty.state)).one() is DutyState.DUE
