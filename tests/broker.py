"""A real broker for tests that speak MQTT: `from tests.broker import broker, free_port`."""

import socket
from collections.abc import Iterator

import pytest

from devices import broker as embedded
from devices.broker import EmbeddedBroker


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
