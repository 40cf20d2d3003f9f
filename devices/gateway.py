"""The reference gateway: store, forward, forget only on receipt; and pass commands on.

A broker's acknowledgement is not durable, so a reading stays in the backlog until the service
says that it is committed or finally refused, and is sent again when that takes too long or the
connection was lost. The service takes a duplicate for success.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import topics
from devices.backlog import Backlog
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
from devices.receipts import decode_receipt
from devices.topics import Kind, Topic
from devices.wire import WireError, decode_command

WINDOW = 500  # readings sent and not yet receipted
RESEND_AFTER = timedelta(seconds=30)  # then everything unreceipted goes again
ANSWERS_KEPT = 1000

Obey = Callable[[str, Command], ResultState]


class Gateway:
    """One gateway of the contract. Readings go in by `keep`, and `pump` moves everything.

    `keep`, `pump` and `close` belong to one thread; the network has its own.
    """

    def __init__(
        self,
        name: str,
        settings: MqttSettings,
        backlog: Backlog,
        obey: Obey,
        *,
        resend_after: timedelta = RESEND_AFTER,
    ) -> None:
        if not topics.is_name(name):
            raise ValueError(f"a gateway's name must be 1-64 of A-Z a-z 0-9 . _ -, not {name!r}")
        self.name = name
        self.backlog = backlog
        self.connected = False
        self._obey = obey
        self._heard: deque[tuple[str, bytes]] = deque()
        self._resend_after = resend_after
        self._sent: dict[int, datetime] = {}  # by backlog id, oldest first
        self._last_sent = 0
        self._answers: OrderedDict[str, ResultState] = OrderedDict()
        self._reconnected = False
        self._client = client(settings, lasting=True)
        self._client.on_pre_connect = self._before_connecting
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.loop_start()

    def keep(self, readings: Iterable[Fix | Event]) -> None:
        """Take readings over from bracelets; once this returns they survive anything."""
        self.backlog.add(readings)

    def pump(self, now: datetime) -> None:
        """Act on what was heard, then send what is new, or all that is owed if that is due."""
        while self._heard:
            self._act_on(*self._heard.popleft(), now)
        if self._reconnected or self._is_overdue(now):
            self._reconnected = False
            self._sent.clear()
            self._last_sent = 0
        if self.connected:
            self._send_new(now)

    def close(self) -> None:
        """Say goodbye and disconnect; the backlog stays on disk."""
        self._say(Kind.STATUS, _status(GatewayState.OFFLINE), retain=True)
        self._client.disconnect()
        self._client.loop_stop()
        self.backlog.close()

    def _is_overdue(self, now: datetime) -> bool:
        oldest = next(iter(self._sent.values()), now)
        return now - oldest >= self._resend_after

    def _send_new(self, now: datetime) -> None:
        for owed in self.backlog.after(self._last_sent, WINDOW - len(self._sent)):
            kind = Kind.EVENT if owed.is_event else Kind.FIX
            self._say(kind, owed.payload, device=owed.device)
            self._sent[owed.id] = now
            self._last_sent = owed.id

    def _act_on(self, name: str, payload: bytes, now: datetime) -> None:
        topic = topics.parse(name)
        try:
            match topic:
                case Topic(kind=Kind.RECEIPT):
                    for forgotten in self.backlog.forget(decode_receipt(payload)):
                        self._sent.pop(forgotten, None)
                case Topic(kind=Kind.COMMAND, device=str(device)):
                    self._answer(device, decode_command(payload), now)
        except WireError:
            return  # nothing a gateway could do about it, and it will be sent again or expire

    def _answer(self, device: str, command: Command, now: datetime) -> None:
        """Obey once, however often the broker delivers; answer every time."""
        state = self._answers.get(command.id)
        if state is None:
            late = command.expires <= now
            state = ResultState.EXPIRED if late else self._obey(device, command)
            self._answers[command.id] = state
            if len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        result = CommandResult(id=command.id, state=state, time=now)
        self._say(Kind.RESULT, msgspec.json.encode(result), device=device)

    def _say(
        self, kind: Kind, payload: bytes, *, device: str | None = None, retain: bool = False
    ) -> None:
        self._client.publish(str(Topic(self.name, kind, device)), payload, qos=1, retain=retain)

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

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.connected = False

    def _message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._heard.append((topic_of(message), bytes(message.payload)))


def _status(state: GatewayState) -> bytes:
    return msgspec.json.encode(GatewayStatus(state=state, time=datetime.now(UTC)))
