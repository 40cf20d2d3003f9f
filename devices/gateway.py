"""The reference gateway: store, forward, forget only on receipt; and pass commands on.

A broker's acknowledgement is not durable, so a reading stays in the backlog until the service
says that it is committed or finally refused. It is sent again when the connection was lost after
the broker took it, or when no receipt comes; the service takes a duplicate for success.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTMessageInfo,
)
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import topics
from devices.answers import Answer
from devices.backlog import Backlog, DiskFull, Owed
from devices.link import MqttSettings, client, topic_of
from devices.messages import (
    Command,
    CommandResult,
    Event,
    Fix,
    GatewayState,
    GatewayStatus,
    ResultState,
)
from devices.receipts import CHUNK_MAX_BYTES, decode_receipt
from devices.topics import Kind, Topic
from devices.window import Window
from devices.wire import WireError, decode_command

log = logging.getLogger(__name__)

WINDOW = 5000  # readings sent and not yet receipted; receipts may come only once a second
RESEND_AFTER = timedelta(seconds=30)  # of silence, or behind what was receipted
BATCH_MAX = 500  # fixes in a list, as the contract allows

Obey = Callable[[str, Command], ResultState]


class Gateway:
    """One gateway of the contract. Readings go in by `keep`, and `pump` moves everything.

    `keep`, `pump` and `close` belong to one thread; the network has its own. Of the clock only
    the expiry of commands depends; it may jump. `batch` fixes at most go in one message, each up
    to 18 kB, which the smallest brokers take.
    """

    def __init__(
        self,
        name: str,
        settings: MqttSettings,
        backlog: Backlog,
        obey: Obey,
        *,
        resend_after: timedelta = RESEND_AFTER,
        window: int = WINDOW,
        batch: int = 1,
    ) -> None:
        if not topics.is_name(name):
            raise ValueError(f"a gateway's name must be 1-64 of A-Z a-z 0-9 . _ -, not {name!r}")
        if not 1 <= batch <= BATCH_MAX:
            raise ValueError(f"batch must be 1-{BATCH_MAX} fixes a message, not {batch}")
        self.name = name
        self.backlog = backlog
        self.connected = False
        self._obey = obey
        self._batch = batch
        self._heard: deque[tuple[int, MQTTMessage]] = deque()
        self._window = Window(window, resend_after.total_seconds())
        self._settled: list[int] = []  # receipted and not yet forgotten
        self._last_sent = 0
        self._reconnected = False
        self._connection = 0
        self._acknowledging = threading.Lock()
        self._client = client(settings, lasting=True, manual_ack=True)
        self._client.on_pre_connect = self._before_connecting
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.loop_start()

    def keep(self, readings: Iterable[Fix | Event]) -> None:
        """Take readings over from bracelets; once this returns they survive anything.

        Raises DiskFull, and has taken none of them, where the disk has no room.
        """
        self.backlog.add(readings)

    def pump(self, now: datetime) -> None:
        """Act on what was heard, send again what is owed and due, then what is new."""
        self._act_on_heard(now)
        self._forget()
        if not self.connected:
            return
        if self._reconnected:
            self._reconnected = False
            self._send_again(self._window.reconnected(time.monotonic()))
            for answer in self.backlog.answers.wanted(now):
                self._say_answer(answer, now)
        self._send_again(self._window.due(time.monotonic()))
        self._try_aside()
        self._send_new()

    def close(self) -> None:
        """Say goodbye and disconnect; the backlog stays on disk."""
        self._say(Kind.STATUS, _status(GatewayState.OFFLINE), retain=True)
        self._client.disconnect()
        self._client.loop_stop()
        self.backlog.close()

    def _send_again(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        owed = self.backlog.among(ids)
        self._window.release(set(ids) - {it.id for it in owed})  # those made room for others
        deque(self._send(owed), maxlen=0)

    def _try_aside(self) -> None:
        ids = self._window.again(time.monotonic())
        if not ids:
            return
        owed = self.backlog.among(ids)
        self._window.release(set(ids) - {it.id for it in owed})  # those made room for others
        deque(self._send(self._window.admitted(owed)), maxlen=0)

    def _send_new(self) -> None:
        queue = self.backlog.after(self._last_sent, self._window.room)
        fresh = self._window.admitted(queue)
        sent = list(self._send(fresh))
        done = queue if len(sent) == len(fresh) else sent  # what waits aside holds up nobody
        if done:
            self._last_sent = done[-1].id

    def _send(self, owed: Sequence[Owed]) -> Iterator[Owed]:
        """Hand these to the client in order, until it takes no more; those that it took."""
        for group in _messages(owed, self._batch):
            message = self._publish(group)
            if message.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return  # its queue is full, or the connection has gone: the client never tells more
            self._window.sent(group, message, time.monotonic())
            yield from group

    def _publish(self, group: Sequence[Owed]) -> MQTTMessageInfo:
        first = group[0]
        if len(group) > 1:
            return self._say(Kind.BATCH, b"[" + b",".join(it.payload for it in group) + b"]")
        kind = Kind.EVENT if first.is_event else Kind.FIX
        return self._say(kind, first.payload, device=first.device)

    def _act_on_heard(self, now: datetime) -> None:
        """Deal with messages in order; one that the disk refuses to hold waits for the next time.

        They are acknowledged after, so a command survives the gateway's own death.
        """
        while self._heard:
            connection, message = self._heard[0]
            try:
                self._act_on(topics.parse(topic_of(message)), bytes(message.payload), now)
            except DiskFull as fault:
                log.error("a command waits: %s", fault)  # noqa: TRY400 - no traceback for a full disk
                return
            except WireError:
                pass  # nothing a gateway could do about it, and it will be sent again or expire
            self._heard.popleft()
            with self._acknowledging:
                if connection == self._connection:
                    self._client.ack(message.mid, message.qos)

    def _act_on(self, topic: Topic | None, payload: bytes, now: datetime) -> None:
        match topic:
            case Topic(kind=Kind.RECEIPT):
                named = self._window.receipted(decode_receipt(payload), time.monotonic())
                self._settled += named
            case Topic(kind=Kind.COMMAND, device=str(device)):
                self._answer(device, decode_command(payload), now)

    def _forget(self) -> None:
        if not self._settled:
            return
        try:
            self.backlog.forget(self._settled)
        except DiskFull as fault:
            log.error("what is committed stays in the backlog: %s", fault)  # noqa: TRY400 - as above
        else:
            self._settled = []

    def _answer(self, device: str, command: Command, now: datetime) -> None:
        """Obey once, however often the broker delivers; answer every time."""
        answers = self.backlog.answers
        if answers.begin(device, command.id, command.expires):
            late = command.expires <= now
            answers.settle(command.id, ResultState.EXPIRED if late else self._obey(device, command))
        self._say_answer(answers.of(command.id), now)

    def _say_answer(self, answer: Answer, now: datetime) -> None:
        if answer.state is not None:
            result = CommandResult(id=answer.id, state=answer.state, time=now)
            self._say(Kind.RESULT, msgspec.json.encode(result), device=answer.device)

    def _say(
        self, kind: Kind, payload: bytes, *, device: str | None = None, retain: bool = False
    ) -> MQTTMessageInfo:
        topic = str(Topic(self.name, kind, device))
        return self._client.publish(topic, payload, qos=1, retain=retain)

    def _before_connecting(self, client: Client, _userdata: object) -> None:
        will = str(Topic(self.name, Kind.STATUS))
        client.will_set(will, _status(GatewayState.OFFLINE), qos=1, retain=True)

    def _connected(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("the broker refused this gateway: %s", reason)
            return
        client.subscribe([(topics.receipt(self.name), 1), (topics.command(self.name, "+"), 1)])
        self._say(Kind.STATUS, _status(GatewayState.ONLINE), retain=True)

    def _subscribed(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        """Only now would a receipt arrive; anything sent before might be answered unheard."""
        self.connected = self._reconnected = not any(reason.is_failure for reason in reasons)
        if not self.connected:
            log.error("the broker lets this gateway hear no receipts: check its access control")

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        with self._acknowledging:
            self._connection += 1
        self.connected = False

    def _message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._heard.append((self._connection, message))


def _messages(owed: Sequence[Owed], batch: int) -> Iterator[list[Owed]]:
    """In order: each event alone, fixes up to `batch` together, no longer than a broker takes."""
    group: list[Owed] = []
    size = 1
    for it in owed:
        full = len(group) == batch or size + len(it.payload) + 1 > CHUNK_MAX_BYTES
        if group and (full or it.is_event or group[0].is_event):
            yield group
            group, size = [], 1
        group.append(it)
        size += len(it.payload) + 1
    if group:
        yield group


def _status(state: GatewayState) -> bytes:
    return msgspec.json.encode(GatewayStatus(state=state, time=datetime.now(UTC)))
