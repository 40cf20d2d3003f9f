"""A case from its first day to its last in real Chromium pages, and its evidence after them.

People click and type: the officer, the heads, the procurator, the person on a phone. Machines run
their own code. Days that nobody can wait for are put behind what has happened.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from correction_service import accounts
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from correction_service.hardware import bracelets, gateways
from correction_service.settings import Settings
from models.user import User
from tests.county import County
from tests.e2e.conftest import Live, OpenBrowser
from tests.e2e.desks import PASSWORD
from tests.e2e.stations import absconding, ending, intake, leave, ledger, penalty, positioning
from tests.e2e.stations.seats import Seats

pytestmark = [
    pytest.mark.browser,
    # What the databases do alike is tested beside each use case; this is one long way.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def seats(
    *,
    app: Flask,
    settings: Settings,
    database: Database,
    county: County,
    live: Live,
    browser: OpenBrowser,
) -> Iterator[Seats]:
    """Accounts with passwords, a rulebook, a gateway with one bracelet."""
    password = accounts.hashed(PASSWORD)
    with database.transaction(SYSTEM, "test") as session:
        for user in session.scalars(select(User)):
            user.password_hash = password
        points.install_default(session)
        gateways.add(session, county.agency, "gw-1")
        bracelets.import_file(session, b"id\nB0001", "gw-1")
    opened = Seats(database, settings, browser(), live(app))
    yield opened
    assert opened.amiss == []
    app.extensions["live"].stop()


@pytest.mark.timeout(420)
def test_a_case_goes_from_intake_to_release_and_its_evidence_verifies(
    seats: Seats, tmp_path: Path
) -> None:
    intake.take_in(seats)
    intake.complete_the_checklist(seats)
    phone = intake.give_the_phone(seats)
    leave.ask_for_leave(seats, phone)
    leave.grant_the_leave(seats, phone)
    leave.come_back_late(seats, phone)
    positioning.refuse_a_score_as_ground(seats)
    positioning.order_positioning(seats)
    positioning.fit_the_bracelet(seats)
    absconding.slip_away(seats)
    absconding.see_the_flag(seats)
    absconding.search(seats)
    absconding.find_the_strap_opened(seats)
    penalty.prepare_an_admonition(seats)
    penalty.decide_and_serve_it(seats, phone)
    ledger.confirm_points(seats)
    ledger.object_to_points(seats, phone)
    ending.look_as_procurator(seats)
    ending.release(seats)
    positioning.stop_tracking(seats)
    ending.prove(seats, tmp_path)
