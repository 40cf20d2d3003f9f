"""Commands down: publish one and know that the broker has it."""

import threading
import time
from types import TracebackType
from typing import Self

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import topics
from devices.link import MqttSettings, Outbound, client
from devices.messages import Command


def command(gateway: str, device: str, asked: Command) -> Outbound:
    """The message that asks one device of one gateway for something."""
    return Outbound(topics.command(gateway, device), msgspec.json.encode(asked))


class Publisher:
    """A connection for publishing with QoS 1. It connects, and reconnects, by itself."""

    def __init__(self, settings: MqttSettings) -> None:
        self._address = f"{settings.host}:{settings.port}"
        self._up = threading.Event()
        self._client = client(settings, lasting=False)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_publish = self._published
        self._news = threading.Condition()
        self._acknowledged: set[int] = set()
        self._client.loop_start()

    def publish(self, message: Outbound, timeout_s: float = 10.0) -> None:
        """Return once the broker has acknowledged the message.

        Raises TimeoutError where it has not within `timeout_s`; the message may then still reach
        it later, so what matters must be idempotent or expire.
        """
        deadline = time.monotonic() + timeout_s
        if not self._up.wait(timeout_s):
            raise TimeoutError(f"no connection to the broker at {self._address}")
        sent = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise TimeoutError(f"too much waits for the broker at {self._address}")
        with self._news:  # what paho's own message says of a lost connection, it never takes back
            acknowledged = self._news.wait_for(
                lambda: sent.mid in self._acknowledged, max(deadline - time.monotonic(), 0)
            )
            self._acknowledged.discard(sent.mid)
        if not acknowledged:
            raise TimeoutError(f"the broker at {self._address} did not acknowledge")

    def close(self) -> None:
        """Disconnect; what is unacknowledged is given up."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _connected(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not reason.is_failure:
            self._up.set()

    def _published(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        with self._news:
            self._acknowledged.add(mid)
            self._news.notify_all()

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._up.clear()
