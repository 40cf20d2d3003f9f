"""Listen to gateways over MQTT: a message is acknowledged only after it has been dealt with.

Two threads: paho's network thread puts what arrives in an inbox, and the caller's thread takes
batches from it, so a slow database never delays a ping. The broker keeps what is not acknowledged
and sends it again after a crash, so `handle` must take duplicates for success.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import topics
from devices.link import MqttSettings, Outbound, client, topic_of

log = logging.getLogger(__name__)

BATCH_MAX = 2000
INBOX_MAX = 20_000  # then the network thread waits, and TCP holds the broker back
LINGER_S = 0.002  # silence that ends a batch: brokers with small windows wait for our acks
GATHER_S = 0.02  # the longest a batch may gather
RETRY_S = (0.1, 10.0)
STOP_CHECK_S = 0.1


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message as it arrived."""

    topic: str
    payload: bytes
    retained: bool
    received_at: datetime
    qos: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to: replies to publish once its messages are acknowledged."""

    replies: Sequence[Outbound] = ()


@dataclass(slots=True)
class Traffic:
    """Counters of one listener, for its process to export; only the listener writes them."""

    connected: bool = False  # and subscribed
    connections: int = 0
    received: int = 0
    acknowledged: int = 0
    acks_outdated: int = 0
    retained_ignored: int = 0
    handle_failures: int = 0
    replies_dropped: int = 0


Handle = Callable[[list[Inbound]], Outcome]


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message with what its acknowledgement needs: ids mean nothing on another connection."""

    connection: int
    mid: int
    message: Inbound


class _Inbox:
    """A bounded queue between two threads, taken in batches."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._waiting: deque[_Arrival] = deque()
        self._arrived = threading.Event()

    def put(self, arrival: _Arrival) -> None:
        while len(self._waiting) >= INBOX_MAX and not self._stop.is_set():
            time.sleep(LINGER_S)
        self._waiting.append(arrival)
        if not self._arrived.is_set():  # setting costs a lock, and a burst needs it once
            self._arrived.set()

    def take(self) -> list[_Arrival]:
        """What arrived until a short silence, a full batch or the gathering time; or nothing."""
        if not self._arrived.wait(STOP_CHECK_S):
            return []
        self._arrived.clear()
        deadline = time.monotonic() + GATHER_S
        seen = 0
        while seen < len(self._waiting) < BATCH_MAX and time.monotonic() < deadline:
            seen = len(self._waiting)
            time.sleep(LINGER_S)
        batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
        if self._waiting:
            self._arrived.set()
        return batch


def listen(
    settings: MqttSettings,
    handle: Handle,
    *,
    stop: threading.Event,
    subscriptions: Sequence[str] = topics.UPLINK,
    traffic: Traffic | None = None,
) -> None:
    """Feed `handle` batches in order of arrival until `stop` is set; blocks, and runs it here.

    While `handle` raises, the same batch is tried again with growing pauses and nothing is
    acknowledged, so an outage of the database loses nothing. It must therefore park what it can
    never store. Retained telemetry is counted and acknowledged unread: a broker replays it to
    every new subscriber; a retained gateway status is news and passes.
    """
    _Listener(settings, handle, stop, subscriptions, traffic or Traffic()).run()


class _Listener:
    def __init__(
        self,
        settings: MqttSettings,
        handle: Handle,
        stop: threading.Event,
        subscriptions: Sequence[str],
        traffic: Traffic,
    ) -> None:
        self._handle = handle
        self._stop = stop
        self._subscriptions = subscriptions
        self._traffic = traffic
        self._inbox = _Inbox(stop)
        self._connection = 0
        self._acknowledging = threading.Lock()
        self._client = client(settings, lasting=True, manual_ack=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived

    def run(self) -> None:
        self._client.loop_start()
        try:
            while not self._stop.is_set():
                batch = self._inbox.take()
                if batch:
                    self._deal_with(batch)
        finally:
            self._stop.set()  # frees the network thread from a full inbox
            self._client.disconnect()
            self._client.loop_stop()

    def _deal_with(self, batch: list[_Arrival]) -> None:
        fresh = [arrival.message for arrival in batch if not _is_replayed(arrival.message)]
        self._traffic.retained_ignored += len(batch) - len(fresh)
        outcome = self._handled(fresh) if fresh else Outcome()
        if outcome is None:
            return
        self._acknowledge(batch)
        for reply in outcome.replies:
            sent = self._client.publish(reply.topic, reply.payload, qos=1, retain=reply.retain)
            if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                self._traffic.replies_dropped += 1

    def _handled(self, messages: list[Inbound]) -> Outcome | None:
        """The outcome, however many tries it takes; None when stopped before one succeeded."""
        pause_s, longest_s = RETRY_S
        while True:
            try:
                return self._handle(messages)
            except Exception as fault:  # noqa: BLE001 (whatever it is, the batch must survive it)
                self._traffic.handle_failures += 1
                # The text of a database error can hold rows, so only its kind is logged.
                log.error("batch of %d failed: %s", len(messages), type(fault).__name__)  # noqa: TRY400
            if self._stop.wait(pause_s):
                return None
            pause_s = min(2 * pause_s, longest_s)

    def _acknowledge(self, batch: list[_Arrival]) -> None:
        """Acknowledge in order, but only on the connection that brought the message.

        The lock keeps a lost connection from being replaced between the question and the ack;
        paho throws away what is still unsent before it reconnects.
        """
        with self._acknowledging:
            current = [it for it in batch if it.connection == self._connection]
            for arrival in current:
                self._client.ack(arrival.mid, arrival.message.qos)
        self._traffic.acknowledged += len(current)
        self._traffic.acks_outdated += len(batch) - len(current)

    def _connected(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("broker refused the connection: %s", reason)
            return
        self._traffic.connections += 1
        client.subscribe([(name, 1) for name in self._subscriptions])

    def _subscribed(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._traffic.connected = not any(reason.is_failure for reason in reasons)
        if not self._traffic.connected:
            log.error("broker refused a subscription: check its access control for this client")

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._acknowledging:
            self._connection += 1
        self._traffic.connected = False
        log.warning("connection to the broker ended: %s", reason)

    def _arrived(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._traffic.received += 1
        now = datetime.now(UTC)
        payload = bytes(message.payload)
        inbound = Inbound(topic_of(message), payload, message.retain, now, message.qos)
        self._inbox.put(_Arrival(self._connection, message.mid, inbound))


def _is_replayed(message: Inbound) -> bool:
    """Whether this is retained telemetry, of which nobody knows how often it was already read."""
    if not message.retained:
        return False
    topic = topics.parse(message.topic)
    return topic is None or topic.kind is not topics.Kind.STATUS
