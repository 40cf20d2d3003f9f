"""Listen to gateways over MQTT: a message is acknowledged only after it has been dealt with.

Two threads: the line's reads the network into an inbox, and the caller's takes batches from it,
so a slow database never delays a ping. The broker keeps what is not acknowledged and sends it
again after a crash, so `handle` must take duplicates for success.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devices import topics
from devices.buffered import Burst
from devices.inbox import Inbox
from devices.line import Line, Traffic
from devices.link import Inbound, MqttSettings, Outbound

__all__ = ["Handle", "Inbound", "Outcome", "Traffic", "listen"]

log = logging.getLogger(__name__)

RETRY_S = (0.1, 10.0)
LEFT_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to: replies to publish once its messages are acknowledged."""

    replies: Sequence[Outbound] = ()


Handle = Callable[[list[Inbound]], Outcome]


def listen(
    settings: MqttSettings,
    handle: Handle,
    *,
    stop: threading.Event,
    subscriptions: Sequence[str] = topics.UPLINK,
    traffic: Traffic | None = None,
    last_words: Callable[[], Sequence[Outbound]] = tuple,
    leave: bool = False,
) -> None:
    """Feed `handle` batches in order of arrival until `stop` is set; blocks, and runs it here.

    While nothing arrives it is called with an empty list at least ten times a second, so that it
    can say what has become due; what it raises then is counted, and the next call comes as ever.
    While it raises on messages, the same batch is tried again with growing pauses and nothing is
    acknowledged, so an outage of the database loses nothing. It must therefore park what it can
    never store. A full inbox stops the reading and so, by TCP, the broker; the connection stands.

    Retained telemetry is counted and acknowledged unread: a broker replays it to every new
    subscriber; a retained gateway status is news and passes. After the last batch `last_words`
    is asked once for replies that are still owed.

    A listener that stops is expected back: the broker goes on keeping messages for its client id,
    its part of a share too. To `leave` is to give the subscriptions up, handle what was kept, and
    return once nothing has come for LEFT_AFTER_S.
    """
    traffic = traffic or Traffic()
    inbox = Inbox()
    line = Line(settings, subscriptions, inbox, traffic, leave=leave)
    _Listener(handle, stop, inbox, line, traffic, leave=leave).run(last_words)


class _Listener:
    def __init__(
        self,
        handle: Handle,
        stop: threading.Event,
        inbox: Inbox,
        line: Line,
        traffic: Traffic,
        *,
        leave: bool,
    ) -> None:
        self._handle = handle
        self._stop = stop
        self._inbox = inbox
        self._line = line
        self._traffic = traffic
        self._leaving = leave
        self._quiet_since = time.monotonic()

    def run(self, last_words: Callable[[], Sequence[Outbound]]) -> None:
        with ThreadPoolExecutor(1, "mqtt") as pool:
            network = pool.submit(self._line.run)
            try:
                while not (self._stop.is_set() or network.done() or self._has_left()):
                    self._deal_with(self._inbox.take())
                self._line.settle((), last_words())
            finally:
                self._line.end()
            network.result()  # a fault of that thread is this process's

    def _has_left(self) -> bool:
        return self._leaving and time.monotonic() - self._quiet_since > LEFT_AFTER_S

    def _deal_with(self, bursts: list[Burst]) -> None:
        if bursts or not self._traffic.connected:
            self._quiet_since = time.monotonic()
        arrived = [message for burst in bursts for message in burst.messages]
        fresh = [it for it in arrived if not it.retained or _is_news(it)]
        self._traffic.retained_ignored += len(arrived) - len(fresh)
        outcome = self._handled(fresh)
        if outcome is not None:
            self._line.settle(bursts, outcome.replies)

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
            if not messages:
                return Outcome()
            if self._stop.wait(pause_s):
                return None
            pause_s = min(2 * pause_s, longest_s)


def _is_news(retained: Inbound) -> bool:
    """Whether it is a status; of other retained messages nobody knows how often they were read."""
    topic = topics.parse(retained.topic)
    return topic is not None and topic.kind is topics.Kind.STATUS
