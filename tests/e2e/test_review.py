"""A doubtful check-in in a real browser: an officer's no-match, the head's second look."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.checkin import CheckIn, Liveness, Outcome, Way
from models.user import Role
from tests.county import NOW
from tests.desk import Desk
from tests.e2e.desks import Enter, enter, fits, press, screen
from tests.tracked import HUICHUAN

__all__ = ["enter", "screen"]

pytestmark = pytest.mark.browser
CUES = [
    {"name": "parallax", "value": 0.41, "contribution": 2.0, "verdict": "for"},
    {"name": "passive", "value": None, "contribution": 0.0, "verdict": "neutral"},
    {"name": "unseen", "value": 0.2, "contribution": -5.0, "verdict": "against"},
]


@pytest.fixture
def doubtful(database: Database, desk: Desk) -> int:
    """A second check-in in the queue: a match that may be a replay."""
    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(CheckIn, desk.checkin)
        for days, receipt in ((1, "R0000006"), (0, "R0000007")):
            made = CheckIn(
                case_id=desk.case,
                at=NOW - timedelta(days=days, minutes=15),
                way=Way.PHONE,
                outcome=Outcome.MATCH,
                liveness=Liveness.LIVE if days else Liveness.NOT_LIVE,
                score=0.71,
                threshold=0.52,
                reasons=[],
                answers={},
                cues=CUES,
                fingerprints=bytes(32),
                photo_id=None if days else first.photo_id,
                lat=HUICHUAN[0],
                lon=HUICHUAN[1],
                accuracy_m=25.0,
                receipt=receipt,
            )
            session.add(made)
            session.flush()
        return made.id


def test_a_no_match_is_found_by_one_and_confirmed_by_another(
    enter: Enter, desk: Desk, doubtful: int
) -> None:
    officer = enter(Role.OFFICER)
    officer.locator("nav.places").get_by_role("link", name="Check-ins to review").click()
    officer.wait_for_url(f"**/reviews/{desk.checkin}")
    expect(officer.locator(".faces img")).to_have_count(2)
    assert fits(officer)
    press(officer, "2", until=officer.get_by_text("Say what you saw."))
    officer.get_by_label("What you saw").fill("眼距不同")
    officer.get_by_role("button", name="Not the same").click()
    expect(officer.get_by_text("It holds once a second person")).to_be_visible()
    officer.wait_for_url(f"**/reviews/{doubtful}")
    expect(officer.get_by_text("A picture that this person sent before")).to_be_visible()
    expect(officer.locator(".cue-bar")).to_have_count(len(CUES))
    officer.get_by_role("button", name="Compare positions").click()
    expect(officer.get_by_text("from the phone (error of both")).to_be_visible()
    assert fits(officer)
    press(officer, "1", until=officer.get_by_text("Nothing waits for a review."))
    expect(officer.get_by_text("waiting for a second person")).to_be_visible()

    head = enter(Role.COUNTY_HEAD)
    head.locator("nav.places").get_by_role("link", name="Check-ins to review").click()
    expect(head.get_by_text("You are the second person")).to_be_visible()
    head.get_by_label("What you saw").fill("下巴也不同")
    head.get_by_role("button", name="Not the same").click()
    expect(head.get_by_text("Nothing waits for a review.")).to_be_visible()
    head.get_by_role("link", name="How check-ins go").click()
    expect(head.get_by_role("heading", name="How check-ins go")).to_be_visible()
    assert fits(head)
