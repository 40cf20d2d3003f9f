"""Real brokers for tests that speak MQTT: `from tests.broker import broker, free_port`."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices import broker as embedded
from devices.broker import EmbeddedBroker

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((embedded.HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, on a free port of loopback."""
    with embedded.start(free_port()) as running:
        yield running


@contextmanager
def mosquitto(folder: Path, *lines: str) -> Iterator[int]:
    """The port of a mosquitto as we deploy it, without accounts and TLS, with further lines."""
    port = free_port()
    deployed = Path(__file__).parents[1] / "deploy" / "mosquitto" / "mosquitto.conf"
    kept = [line for line in deployed.read_text().splitlines() if line.startswith("max_")]
    own = [
        f"listener {port} {embedded.HOST}",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "user root",  # as root it would become an account that cannot read this folder
        "log_type none",
    ]
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join([*own, *kept, *lines]))
    with subprocess.Popen([str(MOSQUITTO), "-c", str(configuration)]) as running:
        try:
            _wait_for(port)
            yield port
        finally:
            running.terminate()


def _wait_for(port: int) -> None:
    while True:
        try:
            socket.create_connection((embedded.HOST, port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
