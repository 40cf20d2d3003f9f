"""An MQTT broker that pip installs: for the demo and for tests, on loopback only.

It has no access control, so it must never listen beyond this machine. It keeps everything in
memory: what it accepted is gone when it stops, which is why gateways wait for receipts.
"""

from types import TracebackType
from typing import Self

from iotcore import Broker

HOST = "127.0.0.1"
PAYLOAD_MAX_BYTES = 1_048_576  # a list of 500 fixes is 120 kB; the package's default is 20 kB
IN_FLIGHT_MAX = 100  # unacknowledged messages a subscriber may hold; the package allows no more


class EmbeddedBroker:
    """A running broker: a child process that ends when this one does, however this one ends."""

    def __init__(self, child: Broker) -> None:
        self._child = child
        self.port = child.port

    def stop(self) -> None:
        """End the child and free its port; harmless when repeated."""
        self._child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()


def start(port: int) -> EmbeddedBroker:
    """Start a broker on 127.0.0.1 and return once it accepts connections.

    Raises OSError where the port is taken, RuntimeError where it does not come up in 10 s.
    """
    child = Broker(
        port,
        listen=HOST,
        max_payload_size=PAYLOAD_MAX_BYTES,
        max_inflight_count=IN_FLIGHT_MAX,
    )
    return EmbeddedBroker(child.start())
