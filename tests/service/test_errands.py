"""What bracelets are asked: through the broker, under an order only, with an end and a record."""

import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from correction_service import errands, gateways, orders
from correction_service.audit import SYSTEM
from correction_service.commands.devices import device
from correction_service.db import Database
from correction_service.settings import Settings
from devices.broker import EmbeddedBroker
from devices.link import MqttSettings
from devices.messages import Command, CommandKind
from devices.mqtt import Inbound, Outcome, Traffic, listen
from models.audit import AuditRecord
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from tests.broker import broker  # noqa: F401 - a fixture
from tests.county import NOW
from tests.devices.wires import until
from tests.tracked import DEVICE, GATEWAY, Tracked

QUARTER = timedelta(minutes=15)


def test_a_command_reaches_the_gateway_and_leaves_a_record(
    database: Database,
    settings: Settings,
    tracked: Tracked,
    broker: EmbeddedBroker,  # noqa: F811
) -> None:
    heard: list[Inbound] = []
    stop, traffic = threading.Event(), Traffic()

    def handle(batch: list[Inbound]) -> Outcome:
        heard.extend(batch)
        return Outcome()

    told = MqttSettings(host="127.0.0.1", port=broker.port, client_id=GATEWAY)
    wanted = {"stop": stop, "traffic": traffic, "subscriptions": ["correction/v1/gw-1/+/command"]}
    gateway = threading.Thread(target=listen, args=(told, handle), kwargs=wanted)
    gateway.start()
    try:
        until(lambda: traffic.connected)
        ours = settings.model_copy(update={"mqtt_port": broker.port})
        words = ["command", DEVICE, "message", "请联系司法所", "--minutes", "30"]
        answer = CliRunner().invoke(device, words, obj=ours)
        assert answer.output == "given to the broker; it expires in 30 minutes\n"
        until(lambda: bool(heard))
    finally:
        stop.set()
        gateway.join()
    (message,) = heard
    assert message.topic == f"correction/v1/{GATEWAY}/{DEVICE}/command"
    command = msgspec.json.decode(message.payload, type=Command)
    assert (command.command, command.args) == (CommandKind.MESSAGE, {"text": "请联系司法所"})
    assert QUARTER < command.expires - datetime.now(UTC) <= 2 * QUARTER
    with database.reading() as session:
        looks = select(AuditRecord.subject_id).where(AuditRecord.action == "ask_message")
        assert session.scalars(looks).all() == [str(tracked.device)]


def test_an_unknown_bracelet_is_asked_nothing(settings: Settings, tracked: Tracked) -> None:
    answer = CliRunner().invoke(device, ["command", "B9", "locate"], obj=settings)
    assert isinstance(answer.exception, NotFound)


def test_nothing_is_asked_without_an_order_a_gateway_or_a_sense(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for kind, text in ((CommandKind.LOCATE, "?"), (CommandKind.MESSAGE, " ")):
            with pytest.raises(Invalid, match="has a text"):
                errands.ask(session, DEVICE, kind, text, now=NOW, lasts=QUARTER)
        with pytest.raises(Invalid, match="140"):
            errands.ask(session, DEVICE, CommandKind.MESSAGE, "长" * 141, now=NOW, lasts=QUARTER)
        assert errands.ask(session, DEVICE, CommandKind.LOCATE, now=NOW, lasts=QUARTER).payload
        gateways.close(session, GATEWAY)
        with pytest.raises(Refused, match="gateway is closed"):
            errands.ask(session, DEVICE, CommandKind.LOCATE, now=NOW, lasts=QUARTER)
        gateways.reopen(session, GATEWAY)
        orders.lift_all(session, session.get_one(Case, tracked.case), NOW)
        with pytest.raises(Refused, match="under an order"):
            errands.ask(session, DEVICE, CommandKind.LOCATE, now=NOW, lasts=QUARTER)
