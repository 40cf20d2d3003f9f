"""The connection of a listener: paho on buffered sockets, driven by one thread of its own.

Only this thread touches paho and the socket, so nothing here needs a lock: what the handling
thread has for the broker it leaves in `settle`. While the inbox is full the line stops reading,
and TCP holds the broker back; it goes on sending pings, so the broker keeps the connection.
"""

import logging
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import packets, topics
from devices.buffered import BufferedClient, BufferedSocket, Burst
from devices.inbox import Inbox
from devices.link import RECONNECT_S, MqttSettings, Outbound, client_as

log = logging.getLogger(__name__)

TURN_S = 0.1
READ_PAUSE_S = 0.001  # a broker sends message by message: a pause reads many at once
SILENCE_S = 1.0  # then everything the broker sent is read, and paho may ask whether it lives
GOODBYE_S = 1.0
FILTERS_MAX = 50  # topics in one packet


@dataclass(slots=True)
class Traffic:
    """Counters of one listener, for its process to export; each has one writer."""

    connected: bool = False  # and subscribed as it should be
    connections: int = 0
    received: int = 0
    acknowledged: int = 0
    acks_outdated: int = 0
    retained_ignored: int = 0
    handle_failures: int = 0
    replies_dropped: int = 0
    waiting: int = 0  # messages in the inbox
    held_back: int = 0  # times that a full inbox stopped the reading


class Line:
    """Connects, again after every loss, until `end`; what arrives goes to the inbox."""

    def __init__(
        self,
        settings: MqttSettings,
        subscriptions: Sequence[str],
        inbox: Inbox,
        traffic: Traffic,
        *,
        leave: bool = False,
    ) -> None:
        self._five = settings.version == "5"
        self._ping_after_s = settings.keepalive_s / 2
        self._wanted = () if leave else tuple(subscriptions)
        self._unwanted = sorted({*topics.UPLINK, *subscriptions} - {*self._wanted})
        self._inbox = inbox
        self._traffic = traffic
        self._settled: deque[tuple[Sequence[Burst], Sequence[Outbound]]] = deque()
        self._awake, self._wake = socket.socketpair()
        self._awake.settimeout(0)
        self._wake.settimeout(0)
        self._ending = False
        self._unanswered: set[int | None] = set()  # SUBSCRIBE and UNSUBSCRIBE packets
        self._pause_s, self._connect_at = RECONNECT_S[0], 0.0
        self._held = False
        self._client = client_as(BufferedClient, settings, lasting=True, manual_ack=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_unsubscribe = self._unsubscribed
        self._client.on_disconnect = self._disconnected

    def settle(self, bursts: Sequence[Burst], replies: Sequence[Outbound]) -> None:
        """Have these acknowledged and then these published; from any thread."""
        if bursts or replies:
            self._settled.append((bursts, replies))
            self._nudge()

    def end(self) -> None:
        """Have `run` send what is settled, say goodbye and return; from any thread."""
        self._ending = True
        self._nudge()

    def run(self) -> None:
        """Drive the connection until `end`; the network's thread."""
        try:
            while not self._ending:
                self._turn()
            self._part()
        finally:
            self._awake.close()
            self._wake.close()

    def _turn(self) -> None:
        wire = self._client.buffered()
        if wire is None:
            self._connect_when_due()
            wire = self._client.buffered()
        reading = self._may_read()
        heard = self._wait(wire, reading=reading)
        self._settle()
        if wire is None:
            return
        if heard:
            self._read(wire)
        self._keep_alive(wire, reading=reading)
        self._write(wire)
        if heard and not wire.more:
            time.sleep(READ_PAUSE_S)

    def _connect_when_due(self) -> None:
        if self._ending or time.monotonic() < self._connect_at:
            return
        self._connect_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, RECONNECT_S[1])
        try:
            self._client.reconnect()
        except OSError as fault:
            log.warning("no connection to the broker: %s", type(fault).__name__)

    def _may_read(self) -> bool:
        self._traffic.waiting = self._inbox.messages
        held = not self._inbox.has_room()
        self._traffic.held_back += held and not self._held
        self._held = held
        return not held

    def _wait(self, wire: BufferedSocket | None, *, reading: bool) -> bool:
        """Sleep until there is something to do, at most TURN_S; whether it is something to read."""
        asked = select.poll()  # which, unlike select, takes any number of open files
        asked.register(self._awake, select.POLLIN)
        if wire and (reading or wire.unsent):
            asked.register(wire, reading * select.POLLIN | wire.unsent * select.POLLOUT)
        at_once = wire is not None and (wire.ended or (reading and wire.more))
        ready = dict(asked.poll(0 if at_once else 1000 * TURN_S))
        if self._awake.fileno() in ready:
            self._awake.recv(4096)
        heard = wire is not None and ready.get(wire.fileno(), 0) & ~select.POLLOUT != 0
        return at_once or (reading and heard)

    def _settle(self) -> None:
        """Acknowledge in order, on the connection that brought the message or not at all."""
        while self._settled:
            bursts, replies = self._settled.popleft()
            for burst in bursts:
                if burst.came_by.ended:
                    self._traffic.acks_outdated += len(burst.ids)
                else:
                    burst.came_by.send(packets.pubacks(burst.ids))
                    self._traffic.acknowledged += len(burst.ids)
            for reply in replies:
                sent = self._client.publish(reply.topic, reply.payload, qos=1, retain=reply.retain)
                if sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                    self._traffic.replies_dropped += 1

    def _read(self, wire: BufferedSocket) -> None:
        """Messages to the inbox, every other packet to paho, in the order of arrival."""
        try:
            wire.fill()
            while not wire.ended:
                self._put(wire.take_publishes(five=self._five))
                if not wire.holds_packet():
                    return
                self._client.loop_read()
        except packets.Malformed as fault:
            log.error("the broker sent no MQTT: %s", fault)  # noqa: TRY400 (nothing to trace)
            wire.close()
        self._client.loop_read()  # paho finds the end, and says so in on_disconnect

    def _put(self, burst: Burst) -> None:
        if burst.messages:
            self._traffic.received += len(burst.messages)
            self._inbox.put(burst)

    def _keep_alive(self, wire: BufferedSocket, *, reading: bool) -> None:
        """Ping the broker; ask whether it lives only once all that it sent before is read.

        Behind a backlog its answer waits longer than paho would, and proves nothing.
        """
        now = time.monotonic()
        if reading and now - wire.heard_at >= SILENCE_S:
            self._client.loop_misc()
        elif self._traffic.connected and now - wire.sent_at >= self._ping_after_s:
            wire.send(packets.PINGREQ)

    def _write(self, wire: BufferedSocket) -> None:
        if self._client.want_write():
            self._client.loop_write()
        wire.flush()

    def _part(self) -> None:
        deadline = time.monotonic() + GOODBYE_S
        self._settle()
        while (wire := self._client.buffered()) and time.monotonic() < deadline:
            self._write(wire)
            if wire.ended or not wire.unsent:
                break
            unsent = select.poll()
            unsent.register(wire, select.POLLOUT)
            unsent.poll(1000 * TURN_S)
        self._client.disconnect()
        self._traffic.connected = False

    def _nudge(self) -> None:
        try:
            self._wake.send(b"\0")
        except BlockingIOError:  # it is full of nudges
            return
        except OSError:  # `run` has returned
            return

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
        self._pause_s = RECONNECT_S[0]
        self._unanswered.clear()
        for some in _parts(self._unwanted):  # a session keeps what it once had
            _, packet_id = client.unsubscribe(some)
            if not self._wanted:  # who leaves waits for the answer, which some brokers never give
                self._unanswered.add(packet_id)
        for some in _parts(self._wanted):
            self._unanswered.add(client.subscribe([(name, 1) for name in some])[1])

    def _subscribed(
        self,
        _client: Client,
        _userdata: object,
        packet_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker refused a subscription: check its access control for this client")
            return  # and stay unconnected in our figures
        self._answered(packet_id)

    def _unsubscribed(
        self,
        _client: Client,
        _userdata: object,
        packet_id: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._answered(packet_id)

    def _answered(self, packet_id: int) -> None:
        self._unanswered.discard(packet_id)
        self._traffic.connected = not self._unanswered

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._traffic.connected = False
        log.warning("connection to the broker ended: %s", reason)


def _parts(names: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(names), FILTERS_MAX):
        yield list(names[at : at + FILTERS_MAX])
