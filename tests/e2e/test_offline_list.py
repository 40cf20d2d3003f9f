"""A list opened from a stick in a real browser without a network, filled in, and taken back."""

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.activity import Attendance, AttendanceState, AttendanceWay
from models.user import Role
from tests.county import County
from tests.e2e.conftest import OpenBrowser
from tests.pages import SignedInClient
from tests.service.test_learning import invited

pytestmark = pytest.mark.browser
PASSPHRASE = "correct horse battery"


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_room_without_network_takes_its_list_and_gives_it_back(
    officer: FlaskClient,
    database: Database,
    county: County,
    browser: OpenBrowser,
    tmp_path: Path,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        activity, seat = attendance.activity_id, attendance.id
    stick = tmp_path / "list.html"
    made = officer.post(f"/learning/{activity}/offline", data={"passphrase": PASSPHRASE})
    stick.write_bytes(made.data)

    page = browser().new_page(accept_downloads=True)
    page.context.set_offline(True)
    amiss: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(stick.as_uri())
    page.fill("#passphrase", "something else")
    page.click("#door button")
    expect(page.locator("#wrong")).to_contain_text("does not open")
    page.fill("#passphrase", PASSPHRASE)
    page.click("#door button")
    expect(page.locator("#rows")).to_contain_text("T000001")
    page.check("#rows input[type=checkbox]")
    page.fill("#rows input[inputmode]", "100")
    with page.expect_download() as saved:
        page.click("#list button")
    data = Path(saved.value.path()).read_bytes()
    assert amiss == []
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []

    sent = {"file": (io.BytesIO(data), "list.json")}
    told = officer.post(f"/learning/{activity}/load", data=sent, follow_redirects=True).text
    assert "1 taken over, 0 known already." in told
    with database.reading() as session:
        found = session.get_one(Attendance, seat)
        assert (found.state, found.way) == (AttendanceState.ATTENDED, AttendanceWay.OFFLINE)
        assert found.minutes == 100
