"""Mosquitto with the account files that we write: a gateway speaks and hears as itself alone."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from correction_service.audit import SYSTEM
from correction_service.commands.devices import gateway as command
from correction_service.db import Database
from correction_service.hardware import gateways
from correction_service.settings import Settings
from devices.link import MqttSettings, Outbound
from devices.mqtt import Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from devices.topics import UPLINK
from tests.broker import free_port
from tests.county import County
from tests.devices.wires import until

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
NOT_HERE = ("certfile", "keyfile", "tls_version", "persistence_location", "log_")
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


@dataclass(frozen=True)
class Doors:
    """The ports where gateways and where the service come in."""

    gateways: int
    service: int


@pytest.fixture
def doors(settings: Settings, secrets: dict[str, str], tmp_path: Path) -> Iterator[Doors]:
    """The deployed mosquitto without TLS, under the files that `gateway files` writes."""
    names = ("mqtt_username", "mqtt_password", "mqtt_command_username", "mqtt_command_password")
    update = dict(zip(names, SERVICE + ASKER, strict=True))
    ours = Settings.model_validate({**settings.model_dump(), **update})
    written = CliRunner().invoke(command, ["files", str(tmp_path)], obj=ours)
    assert written.exit_code == 0, written.output
    found = Doors(free_port(), free_port())
    (tmp_path / "mosquitto.conf").write_text(deployed(tmp_path, found))
    broker = subprocess.Popen([str(MOSQUITTO), "-c", str(tmp_path / "mosquitto.conf")])
    try:
        until(lambda: accepts(found.gateways) and accepts(found.service))
        yield found
    finally:
        broker.terminate()
        broker.wait()


def deployed(folder: Path, doors: Doors) -> str:
    """The file of deploy/ with its places in `folder`, on loopback."""
    text = DEPLOYED.read_text(encoding="utf-8").replace("/etc/mosquitto/correction", str(folder))
    text = text.replace("listener 8883\n", f"listener {doors.gateways} 127.0.0.1\n")
    text = text.replace("listener 1883 127.0.0.1\n", f"listener {doors.service} 127.0.0.1\n")
    kept = [line for line in text.splitlines() if not line.startswith(NOT_HERE)]
    own = [
        f"persistence_location {folder}/",
        "user root",  # as root it would become an account that cannot read this folder
        "log_type none",
    ]
    return "\n".join([*kept, *own, ""])


@pytest.fixture
def port(doors: Doors) -> int:
    """Where the service comes in: an account may have several client ids."""
    return doors.service


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


def test_a_gateway_that_calls_itself_ingest_does_not_take_its_session(
    doors: Doors, secrets: dict[str, str]
) -> None:
    ingest = account(doors.service, *SERVICE, "correction-ingest")
    impostor = account(doors.gateways, "gw-1", secrets["gw-1"], ingest.client_id)
    with hearing(ingest, UPLINK) as heard:
        with Publisher(impostor) as first:
            first.publish(Outbound("correction/v1/gw-1/B1/fix", b"its own"))
            until(lambda: heard == ["its own"])
            with Publisher(account(doors.gateways, "gw-2", secrets["gw-2"], "gw-1")) as second:
                second.publish(Outbound("correction/v1/gw-2/B2/fix", b"another's"))
            first.publish(Outbound("correction/v1/gw-1/B1/fix", b"still here"))
            until(lambda: len(heard) == 3)
        listener = replace(ingest, client_id="correction-ingest-2")
        with hearing(listener, ["correction/v1/gw-1/B1/fix"]) as other:
            with Publisher(account(doors.gateways, "gw-1", secrets["gw-1"])) as gateway:
                gateway.publish(Outbound("correction/v1/gw-1/B1/fix", b"to both"))
            until(lambda: len(heard) == 4 and other == ["to both"])
    assert heard == ["its own", "another's", "still here", "to both"]


def test_without_the_right_secret_nobody_comes_in(port: int) -> None:
    for name in ("gw-1", "stranger", ""):
        with (
            Publisher(account(port, name, "wrong", "intruder")) as intruder,
            pytest.raises(TimeoutError),
        ):
            intruder.publish(Outbound("correction/v1/gw-1/B1/fix", b"x"), timeout_s=0.5)
