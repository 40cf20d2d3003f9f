"""The service's end of the wire, as small as it can be: store, then receipt."""

from devices import topics
from devices.link import Outbound
from devices.messages import CommandResult, Event, Fix, GatewayStatus, Reason, Rejection
from devices.mqtt import Inbound, Outcome
from devices.receipts import receipt
from devices.wire import decode


class Service:
    """Remembers every reading that it was sent, refuses some by device, receipts all but some."""

    def __init__(
        self,
        *,
        refused: frozenset[str] = frozenset(),
        unanswered: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self.readings: list[Fix | Event] = []
        self.statuses: list[GatewayStatus] = []
        self.results: list[CommandResult] = []
        self.silent = False
        self._refused = refused
        self._unanswered = unanswered

    @property
    def stored(self) -> list[tuple[str, int]]:
        return [(it.device, it.seq) for it in self.readings if it.device not in self._refused]

    def __call__(self, batch: list[Inbound]) -> Outcome:
        return Outcome([reply for message in batch for reply in self._take(message)])

    def _take(self, message: Inbound) -> list[Outbound]:
        decoded = decode(message.topic, message.payload)
        self.statuses += [decoded.status] if decoded.status else []
        self.results += [decoded.result] if decoded.result else []
        here: list[Fix | Event] = [*decoded.fixes, *decoded.events]
        self.readings += here
        if self.silent:
            return []
        committed: dict[str, list[tuple[int, int]]] = {}
        for it in here:
            if it.device not in self._refused and (it.device, it.seq) not in self._unanswered:
                committed.setdefault(it.device, []).append((it.seq, it.seq))
        refused = [
            Rejection(device=it.device, seq=it.seq, reason=Reason.NO_ORDER)
            for it in here
            if it.device in self._refused
        ]
        topic = topics.receipt(decoded.gateway)
        return [Outbound(topic, payload) for payload in receipt(committed, refused)]
