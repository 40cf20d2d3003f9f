"""Mosquitto with the account files that we write: a gateway speaks and hears as itself alone."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from correction_service import gateways
from correction_service.audit import SYSTEM
from correction_service.commands.devices import gateway as command
from correction_service.db import Database
from correction_service.settings import Settings
from devices.link import MqttSettings, Outbound
from devices.mqtt import Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from devices.topics import UPLINK
from tests.broker import free_port
from tests.county import County
from tests.devices.wires import until

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SERVICE = ("correction", "the service's own password")
ASKER = ("correction-web", "the password of the pages")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto"),
]


@pytest.fixture
def secrets(database: Database, county: County) -> dict[str, str]:
    """Three gateways' secrets by name, and the service's."""
    names = ("gw-1", "gw-2", "traccar")
    with database.transaction(SYSTEM, "test") as session:
        told = {name: gateways.add(session, county.agency, name)[1] for name in names}
    return {**told, SERVICE[0]: SERVICE[1]}


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def port(settings: Settings, secrets: dict[str, str], tmp_path: Path) -> Iterator[int]:
    """A mosquitto under the files that `gateway files` writes."""
    names = ("mqtt_username", "mqtt_password", "mqtt_command_username", "mqtt_command_password")
    update = dict(zip(names, SERVICE + ASKER, strict=True))
    ours = Settings.model_validate({**settings.model_dump(), **update})
    written = CliRunner().invoke(command, ["files", str(tmp_path)], obj=ours)
    assert written.exit_code == 0, written.output
    number = free_port()
    lines = [
        f"listener {number} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {tmp_path}/passwords",
        f"acl_file {tmp_path}/acl",
        "user root",  # as root it would become an account that cannot read this folder
        "log_type none",
    ]
    (tmp_path / "mosquitto.conf").write_text("\n".join(lines))
    broker = subprocess.Popen([str(MOSQUITTO), "-c", str(tmp_path / "mosquitto.conf")])
    try:
        until(lambda: accepts(number))
        yield number
    finally:
        broker.terminate()
        broker.wait()


def account(port: int, name: str, secret: str, client: str = "") -> MqttSettings:
    return MqttSettings(
        host="127.0.0.1", port=port, client_id=client or name, username=name, password=secret
    )


@contextmanager
def hearing(settings: MqttSettings, subscriptions: Sequence[str]) -> Iterator[list[str]]:
    """The payloads that an account hears."""
    heard: list[str] = []
    stop, traffic = threading.Event(), Traffic()

    def handle(batch: list[Inbound]) -> Outcome:
        heard.extend(message.payload.decode() for message in batch)
        return Outcome()

    thread = threading.Thread(
        target=listen,
        args=(settings, handle),
        kwargs={"stop": stop, "subscriptions": subscriptions, "traffic": traffic},
    )
    thread.start()
    try:
        until(lambda: traffic.connected)
        yield heard
    finally:
        stop.set()
        thread.join()


def test_a_gateway_that_speaks_for_another_is_not_heard(port: int, secrets: dict[str, str]) -> None:
    with (
        hearing(account(port, *SERVICE), UPLINK) as heard,
        Publisher(account(port, "gw-1", secrets["gw-1"])) as first,
        Publisher(account(port, "gw-2", secrets["gw-2"])) as second,
    ):
        for kind in ("B1/fix", "B1/event", "batch", "status", "B1/command/result"):
            first.publish(Outbound(f"correction/v1/gw-2/{kind}", b"spoof"))
            first.publish(Outbound(f"correction/v1/gw-1/{kind}", b"own"))
        second.publish(Outbound("correction/v1/gw-2/B1/fix", b"last"))
        until(lambda: len(heard) >= 6)
    assert sorted(heard) == ["last"] + ["own"] * 5


def test_owntracks_and_traccar_are_heard_each_under_its_own_account_only(
    port: int, secrets: dict[str, str]
) -> None:
    with (
        hearing(account(port, *SERVICE), UPLINK) as heard,
        Publisher(account(port, "gw-1", secrets["gw-1"])) as tracker,
        Publisher(account(port, "traccar", secrets["traccar"])) as server,
    ):
        for name in ("gw-2", "traccar"):
            tracker.publish(Outbound(f"owntracks/{name}/B1", b"spoof"))
        tracker.publish(Outbound("traccar/positions", b"spoof"))
        tracker.publish(Outbound("owntracks/gw-1/B1/waypoints", b"nobody asked"))
        tracker.publish(Outbound("owntracks/gw-1/B1", b"location"))
        tracker.publish(Outbound("owntracks/gw-1/B1/event", b"transition"))
        server.publish(Outbound("owntracks/gw-1/B1", b"spoof"))
        server.publish(Outbound("traccar/positions", b"position"))
        until(lambda: len(heard) >= 3)
    assert sorted(heard) == ["location", "position", "transition"]


def test_a_gateway_hears_no_other_and_says_no_receipts(port: int, secrets: dict[str, str]) -> None:
    everything = ("correction/v1/#",)
    with (
        hearing(account(port, "gw-1", secrets["gw-1"], "ear"), everything) as heard,
        Publisher(account(port, "gw-1", secrets["gw-1"])) as itself,
        Publisher(account(port, "gw-2", secrets["gw-2"])) as other,
        Publisher(account(port, *SERVICE)) as service,
    ):
        itself.publish(Outbound("correction/v1/gw-1/receipt", b"forged"))
        other.publish(Outbound("correction/v1/gw-2/B2/fix", b"someone's position"))
        service.publish(Outbound("correction/v1/gw-2/receipt", b"not for you"))
        service.publish(Outbound("correction/v1/gw-1/B1/command", b"command"))
        service.publish(Outbound("correction/v1/gw-1/receipt", b"receipt"))
        until(lambda: len(heard) >= 2)
    assert heard == ["command", "receipt"]


def test_the_account_of_the_pages_asks_and_does_nothing_else(
    port: int, secrets: dict[str, str]
) -> None:
    command = "correction/v1/gw-1/B1/command"
    with (
        hearing(account(port, *SERVICE), UPLINK) as ingest,
        hearing(account(port, "gw-1", secrets["gw-1"]), [command]) as gateway,
        hearing(account(port, *ASKER, "ear"), ["correction/v1/#"]) as ear,
        Publisher(account(port, *ASKER)) as asker,
        Publisher(account(port, "gw-1", secrets["gw-1"], "gw-1-mouth")) as mouth,
    ):
        asker.publish(Outbound("correction/v1/gw-1/B1/fix", b"forged"))
        asker.publish(Outbound(command, b"asked"))
        mouth.publish(Outbound("correction/v1/gw-1/B1/fix", b"own"))
        until(lambda: bool(gateway) and bool(ingest))
    assert (gateway, ingest, ear) == (["asked"], ["own"], [])


def test_without_the_right_secret_nobody_comes_in(port: int) -> None:
    for name in ("gw-1", "stranger", ""):
        with (
            Publisher(account(port, name, "wrong", "intruder")) as intruder,
            pytest.raises(TimeoutError),
        ):
            intruder.publish(Outbound("correction/v1/gw-1/B1/fix", b"x"), timeout_s=0.5)
