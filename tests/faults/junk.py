"""Whoever has an account at the broker and says what no gateway should."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.rig import STRAY
from tests.faults.wearers import HOME

TOPIC = f"correction/v1/gw-stray/{STRAY}/fix"
EVENTS = f"correction/v1/gw-stray/{STRAY}/event"
WAITING_MAX = 5_000  # of ours, so that we do not run away from the broker
PATIENCE_S = 120
LOOK_EVERY = 100
PAUSE_S = 0.01


class Stranger:
    """A connection that publishes as it likes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._said: list[MQTTMessageInfo] = []

    def say(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish, without waiting for anything but our own queue."""
        self._said.append(self._client.publish(topic, payload, qos=qos, retain=retain))
        if len(self._said) >= WAITING_MAX:
            self.wait()

    def wait(self) -> None:
        """Return once the broker has all of it."""
        for message in self._said:
            message.wait_for_publish(PATIENCE_S)
        self._said.clear()

    def storm(self, topic: str, payloads: Iterable[bytes], a_second: int) -> None:
        """Publish these about as fast as said."""
        began = time.monotonic()
        for number, payload in enumerate(payloads):
            self.say(topic, payload)
            ahead = number / a_second - (time.monotonic() - began)
            if number % LOOK_EVERY == 0 and ahead > 0:
                time.sleep(ahead)
        self.wait()


@contextmanager
def stranger(port: int) -> Iterator[Stranger]:
    """Somebody connected to the broker."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    deadline = time.monotonic() + PATIENCE_S
    while not client.is_connected() and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    try:
        yield Stranger(client)
    finally:
        client.disconnect()
        client.loop_stop()


def fixes(count: int, first: int = 0) -> Iterator[bytes]:
    """Valid fixes of the stray bracelet, a millisecond apart, from twelve hours ago on."""
    start = datetime.now(UTC) - timedelta(hours=12)
    for number in range(first, first + count):
        yield fix_at(start + timedelta(milliseconds=number), number)


def fix_at(at: datetime, number: int) -> bytes:
    """One fix of the stray bracelet at home."""
    said = {"seq": number, "time": at.isoformat(), "lat": HOME[0], "lon": HOME[1], "accuracy_m": 8}
    return msgspec.json.encode(said)


def straps(count: int) -> Iterator[bytes]:
    """The strap of the stray bracelet opens so many times, a millisecond apart."""
    start = datetime.now(UTC) - timedelta(hours=1)
    for number in range(count):
        at = (start + timedelta(milliseconds=number)).isoformat()
        yield msgspec.json.encode({"seq": 10**9 + number, "time": at, "event": "strap_open"})
