"""Listen to gateways over MQTT: a message is acknowledged only after it has been dealt with.

Two threads: the line's reads the network into an inbox, and the caller's takes batches from it,
so a slow database never delays a ping. The broker keeps what is not acknowledged and sends it
again after a crash, so `handle` must take duplicates for success.
"""

import logging
import threading
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
    """
    _Listener(settings, handle, stop, subscriptions, traffic or Traffic()).run(last_words)


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
        self._traffic = traffic
        self._inbox = Inbox()
        self._line = Line(settings, subscriptions, self._inbox, traffic)

    def run(self, last_words: Callable[[], Sequence[Outbound]]) -> None:
        with ThreadPoolExecutor(1, "mqtt") as pool:
            network = pool.submit(self._line.run)
            try:
                while not self._stop.is_set() and not network.done():
                    self._deal_with(self._inbox.take())
                self._line.settle((), last_words())
            finally:
                self._line.end()
            network.result()  # a fault of that thread is this process's

    def _deal_with(self, bursts: list[Burst]) -> None:
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
