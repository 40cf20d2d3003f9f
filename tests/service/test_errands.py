"""What bracelets are asked: through the broker, under an order only, with an end and a record."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import orders
from correction_service.commands.devices import device
from correction_service.db import Database
from correction_service.hardware import errands, gateways
from correction_service.hardware.errands import Wish
from correction_service.settings import Settings
from devices.broker import EmbeddedBroker
from devices.link import MqttSettings
from devices.messages import Command, CommandKind
from devices.mqtt import Inbound, Outcome, Traffic, listen
from models.audit import AuditRecord
from models.case import Case
from models.command import CommandState, DeviceCommand
from models.errors import Invalid, NotFound, Refused
from tests.broker import broker, free_port  # noqa: F401 - a fixture
from tests.county import NOW
from tests.devices.wires import until
from tests.tracked import DEVICE, GATEWAY, Tracked

QUARTER = timedelta(minutes=15)
LOCATE = Wish(CommandKind.LOCATE)


@contextmanager
def gateway(port: int) -> Iterator[list[Inbound]]:
    """What a gateway hears of commands."""
    heard: list[Inbound] = []
    stop, traffic = threading.Event(), Traffic()

    def handle(batch: list[Inbound]) -> Outcome:
        heard.extend(batch)
        return Outcome()

    told = MqttSettings(host="127.0.0.1", port=port, client_id=GATEWAY)
    wanted = {"stop": stop, "traffic": traffic, "subscriptions": ["correction/v1/gw-1/+/command"]}
    thread = threading.Thread(target=listen, args=(told, handle), kwargs=wanted)
    thread.start()
    try:
        until(lambda: traffic.connected)
        yield heard
    finally:
        stop.set()
        thread.join()


def rows(database: Database) -> list[DeviceCommand]:
    with database.reading() as session:
        found = list(session.scalars(select(DeviceCommand)))
        session.expunge_all()
        return found


def test_a_command_reaches_the_gateway_and_leaves_a_record(
    database: Database,
    settings: Settings,
    tracked: Tracked,
    broker: EmbeddedBroker,  # noqa: F811
) -> None:
    ours = settings.model_copy(update={"mqtt_port": broker.port})
    with gateway(broker.port) as heard:
        words = ["command", DEVICE, "message", "请联系司法所", "--minutes", "30"]
        answer = CliRunner().invoke(device, words, obj=ours)
        assert answer.output == "given to the broker; it expires in 30 minutes\n"
        until(lambda: bool(heard))
    (message,) = heard
    assert message.topic == f"correction/v1/{GATEWAY}/{DEVICE}/command"
    command = msgspec.json.decode(message.payload, type=Command)
    assert (command.command, command.args) == (CommandKind.MESSAGE, {"text": "请联系司法所"})
    assert QUARTER < command.expires - datetime.now(UTC) <= 2 * QUARTER
    (row,) = rows(database)
    assert (row.id, row.state, row.expires_at) == (command.id, CommandState.SENT, command.expires)
    with database.reading() as session:
        looks = select(AuditRecord.subject_id).where(AuditRecord.action == "ask_message")
        assert session.scalars(looks).all() == [str(tracked.device)]
    listed = CliRunner().invoke(device, ["commands", DEVICE], obj=ours).output
    assert "\tmessage\tsent\texpires 2" in listed
    assert "请" not in listed


def test_a_command_that_no_broker_took_says_so(
    database: Database, settings: Settings, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("correction_service.hardware.couriers.WITHIN_S", 0.2)
    nobody = settings.model_copy(update={"mqtt_port": free_port()})
    answer = CliRunner().invoke(device, ["command", DEVICE, "vibrate"], obj=nobody)
    assert answer.exit_code == 1
    assert "did not take it; ask again" in answer.output
    assert [row.state for row in rows(database)] == [CommandState.ASKED]


def test_an_unknown_bracelet_is_asked_nothing(settings: Settings, tracked: Tracked) -> None:
    answer = CliRunner().invoke(device, ["command", "B9", "locate"], obj=settings)
    assert isinstance(answer.exception, NotFound)


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        (Wish(CommandKind.LOCATE, "?"), "has a text"),
        (Wish(CommandKind.MESSAGE, " "), "has a text"),
        (Wish(CommandKind.MESSAGE, "长" * 141), "140"),
        (Wish(CommandKind.INTERVAL), "5 to 1800 seconds"),
        (Wish(CommandKind.INTERVAL, interval_s=4), "5 to 1800 seconds"),
        (Wish(CommandKind.INTERVAL, interval_s=1801), "5 to 1800 seconds"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(wish: Wish, refusal: str) -> None:
    with pytest.raises(Invalid, match=refusal):
        wish.args()


def test_an_interval_goes_out_in_seconds(database: Database, tracked: Tracked) -> None:
    with database.transaction(SYSTEM, "test") as session:
        wish = Wish(CommandKind.INTERVAL, interval_s=60)
        asked = errands.ask(session, DEVICE, wish, now=NOW, lasts=QUARTER)
    assert msgspec.json.decode(asked.message.payload)["args"] == {"interval_s": 60}


def test_nothing_is_asked_without_an_order_or_a_gateway(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER).message.payload
        gateways.close(session, GATEWAY)
        with pytest.raises(Refused, match="gateway is closed"):
            errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER)
        gateways.reopen(session, GATEWAY)
        orders.lift_all(session, session.get_one(Case, tracked.case), NOW)
        with pytest.raises(Refused, match="under an order"):
            errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER)


def test_what_is_under_way_is_not_asked_again_until_its_time_is_over(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER)
        errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER)  # no broker took the first
        errands.handed_over(session, first.id, NOW)
        with pytest.raises(Refused, match="has not answered yet"):
            errands.ask(session, DEVICE, LOCATE, now=NOW, lasts=QUARTER)
        errands.ask(session, DEVICE, Wish(CommandKind.VIBRATE), now=NOW, lasts=QUARTER)
        errands.ask(session, DEVICE, LOCATE, now=NOW + QUARTER, lasts=QUARTER)
