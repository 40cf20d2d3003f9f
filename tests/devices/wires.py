"""What tests on a real broker share: waiting, listening, publishing."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from devices.link import MqttSettings, Outbound
from devices.mqtt import Handle, Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from devices.topics import UPLINK


class Heard:
    """A handler that remembers, and answers as it is told."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.payloads: list[str] = []
        self.messages: list[Inbound] = []
        self.outcome = outcome or Outcome()

    def __call__(self, batch: list[Inbound]) -> Outcome:
        self.messages += batch
        self.payloads += [message.payload.decode() for message in batch]
        return self.outcome if batch else Outcome()


def until(reached: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def settings_for(port: int, name: str = "listener") -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, client_id=name)


@contextmanager
def listening(
    port: int, handle: Handle, *, name: str = "listener", topics: Sequence[str] = UPLINK
) -> Iterator[Traffic]:
    stop, traffic = threading.Event(), Traffic()
    thread = threading.Thread(
        target=listen,
        args=(settings_for(port, name), handle),
        kwargs={"stop": stop, "subscriptions": topics, "traffic": traffic},
    )
    thread.start()
    try:
        until(lambda: traffic.connected)
        yield traffic
    finally:
        stop.set()
        thread.join()


def publish(port: int, topic: str, *payloads: str, retain: bool = False) -> None:
    with Publisher(settings_for(port, "publisher")) as publisher:
        for payload in payloads:
            publisher.publish(Outbound(topic, payload.encode(), retain=retain))
