"""The page of a bracelet: officers ask, see what came of it, and hear what to do when nothing."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets, errands
from correction_service.settings import Settings
from devices.broker import EmbeddedBroker
from devices.messages import Command, CommandResult, ResultState
from models.command import CommandState, DeviceCommand
from models.device import Device
from models.order import PositioningOrder
from models.user import Role
from tests.broker import broker, free_port  # noqa: F401 - a fixture
from tests.county import County
from tests.devices.wires import until
from tests.pages import SignedInClient
from tests.service.test_errands import gateway
from tests.tracked import DEVICE, GATEWAY, Tracked, fix, heard, take

SECOND = timedelta(seconds=1)


@pytest.fixture
def path(database: Database, tracked: Tracked) -> str:
    """The page, with an order in force by today's clock, which the pages go by."""
    with database.transaction(SYSTEM, "test") as session:
        order = session.get_one(PositioningOrder, tracked.order)
        order.ends_at = datetime.now(UTC) + timedelta(days=30)
    return f"/cases/{tracked.case}/bracelet"


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


@pytest.fixture
def port(settings: Settings, broker: EmbeddedBroker) -> int:  # noqa: F811
    """A real broker's, which the pages know."""
    settings.mqtt_port = broker.port
    return broker.port


@pytest.fixture
def no_broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("correction_service.hardware.couriers.WITHIN_S", 0.2)
    settings.mqtt_port = free_port()


def commands(database: Database) -> list[DeviceCommand]:
    with database.reading() as session:
        found = list(session.scalars(select(DeviceCommand)))
        session.expunge_all()
        return found


def test_an_officer_asks_where_it_is_and_sees_the_answer_and_the_position(
    officer: FlaskClient,
    database: Database,
    county: County,
    path: str,
    port: int,
) -> None:
    with gateway(port) as commands_heard:
        answer = officer.post(path, data={"kind": "locate"}, follow_redirects=True)
        until(lambda: bool(commands_heard))
    assert "The bracelet is asked." in answer.text
    assert "waits for an answer" in answer.text
    again = officer.post(path, data={"kind": "locate"})
    assert again.status_code == 409
    assert "has not answered yet" in again.text
    asked = msgspec.json.decode(commands_heard[0].payload, type=Command)
    (row,) = commands(database)
    assert (row.id, row.asked_by) == (asked.id, county.users[Role.OFFICER])
    later = row.asked_at + 3 * SECOND
    done = CommandResult(id=asked.id, state=ResultState.DONE, time=later)
    take(database, heard(fix(later, accuracy_m=7.4), received=later), now=later)
    with database.transaction(SYSTEM, "test") as session:
        errands.heard(session, GATEWAY, [(DEVICE, done, later)])
    shown = officer.get(f"{path}/asked").text
    assert all(word in shown for word in ("done", "answered after 3 s", "satellites", "±7 m"))
    assert "say where it is" in officer.get(path.removesuffix("/bracelet")).text  # the timeline


def test_without_a_broker_the_page_says_that_nothing_was_asked_and_keeps_the_words(
    officer: FlaskClient, database: Database, path: str, no_broker: None
) -> None:
    answer = officer.post(path, data={"kind": "message", "text": "请联系司法所"})
    assert answer.status_code == 503
    assert "the bracelet was not asked" in answer.text
    assert "请联系司法所</textarea>" in answer.text
    assert "Ask again." in officer.get(f"{path}/asked").text
    assert [row.state for row in commands(database)] == [CommandState.ASKED]


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"kind": "message", "text": "长" * 141}, "140 characters"),
        ({"kind": "message", "text": " "}, "A message has a text"),
        ({"kind": "interval", "seconds": "2"}, "5 to 1800 seconds"),
        ({"kind": "interval", "seconds": "²"}, "5 to 1800 seconds"),
        ({"kind": "configure"}, "Choose one of the list."),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    officer: FlaskClient, database: Database, path: str, form: dict[str, str], refusal: str
) -> None:
    answer = officer.post(path, data=form)
    assert answer.status_code == 422
    assert refusal in answer.text
    assert commands(database) == []


def test_a_procurator_sees_what_was_asked_and_asks_nothing(
    client_of: SignedInClient, officer: FlaskClient, path: str, no_broker: None
) -> None:
    officer.post(path, data={"kind": "vibrate"})
    procurator = client_of(Role.PROCURATOR)
    page = procurator.get(path).text
    assert "vibrate" in page
    assert "Let it vibrate" not in page
    assert procurator.post(path, data={"kind": "vibrate"}).status_code == 403


def test_without_a_bracelet_the_page_says_the_next_step(
    officer: FlaskClient, database: Database, tracked: Tracked, path: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        bracelets.unbind(session, session.get_one(Device, tracked.device), datetime.now(UTC))
    assert "fitted under a positioning order" in officer.get(path).text
    assert officer.post(path, data={"kind": "locate"}).status_code == 409
