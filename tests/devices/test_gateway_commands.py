"""Commands at a gateway: obeyed once, answered every time, over its own death too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.broker import EmbeddedBroker
from devices.messages import Command, CommandKind, ResultState
from devices.publisher import Publisher, command
from tests.devices.gateways import pumping, running
from tests.devices.service import Service
from tests.devices.wires import listening, settings_for, until


def test_a_command_is_obeyed_once_and_answered(broker: EmbeddedBroker, tmp_path: Path) -> None:
    obeyed: list[tuple[str, Command]] = []

    def obey(device: str, asked: Command) -> ResultState:
        obeyed.append((device, asked))
        return ResultState.DONE

    soon = datetime.now(UTC) + timedelta(minutes=5)
    locate = Command(id="c1", command=CommandKind.LOCATE, expires=soon)
    late = Command(id="c2", command=CommandKind.VIBRATE, expires=soon - timedelta(hours=1))
    service = Service()
    with (
        listening(broker.port, service),
        running(broker.port, tmp_path, obey) as gateway,
        Publisher(settings_for(broker.port, "console")) as publisher,
    ):
        until(lambda: gateway.connected)
        for asked in (locate, late, locate):
            publisher.publish(command("gw-1", "dev-1", asked))
        until(pumping(gateway, lambda: len(service.results) == 3))
    assert obeyed == [("dev-1", locate)]
    assert [(it.device, it.id, it.state) for it in service.results] == [
        ("dev-1", "c1", ResultState.DONE),
        ("dev-1", "c2", ResultState.EXPIRED),
        ("dev-1", "c1", ResultState.DONE),
    ]


def test_a_gateway_started_again_obeys_no_command_twice(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    obeyed: list[str] = []

    def obey(device: str, asked: Command) -> ResultState:
        obeyed.append(asked.id)
        return ResultState.REFUSED

    soon = datetime.now(UTC) + timedelta(minutes=5)
    asked = command("gw-1", "dev-1", Command(id="c1", command=CommandKind.LOCATE, expires=soon))
    service = Service()
    with (
        listening(broker.port, service),
        Publisher(settings_for(broker.port, "console")) as publisher,
    ):
        with running(broker.port, tmp_path, obey) as gateway:
            until(lambda: gateway.connected)
            publisher.publish(asked)
            until(pumping(gateway, lambda: len(service.results) == 1))
        with running(broker.port, tmp_path, obey) as gateway:
            until(pumping(gateway, lambda: len(service.results) == 2))  # said again by itself
            publisher.publish(asked)
            until(pumping(gateway, lambda: len(service.results) == 3))
    assert obeyed == ["c1"]
    assert {it.state for it in service.results} == {ResultState.REFUSED}


def test_a_command_that_a_gateway_died_over_is_not_obeyed_again(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    obeyed: list[str] = []

    def obey(device: str, asked: Command) -> ResultState:
        obeyed.append(asked.id)
        if asked.id == "c1":
            raise KeyboardInterrupt
        return ResultState.DONE

    soon = datetime.now(UTC) + timedelta(minutes=5)
    service = Service()
    with (
        listening(broker.port, service),
        running(broker.port, tmp_path, obey) as gateway,
        Publisher(settings_for(broker.port, "console")) as publisher,
    ):
        until(lambda: gateway.connected)
        for name in ("c1", "c2"):
            asked = Command(id=name, command=CommandKind.LOCATE, expires=soon)
            publisher.publish(command("gw-1", "dev-1", asked))
        with pytest.raises(KeyboardInterrupt):
            until(pumping(gateway, lambda: False))
        until(pumping(gateway, lambda: len(service.results) == 1))
    assert obeyed == ["c1", "c2"]
    assert [it.id for it in service.results] == ["c2"]
