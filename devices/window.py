"""The readings that a gateway has sent and that no receipt has named yet.

A receipt names a device and a number, but a bracelet that lost its memory counts from the start
again, so two readings can bear one number. Only one of a number is under way at a time: a receipt
then means that one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from paho.mqtt.client import MQTTMessageInfo

from devices.backlog import Owed
from devices.receipts import Receipt


@dataclass(frozen=True, slots=True)
class _Sent:
    at_s: float
    device: str
    seq: int
    message: MQTTMessageInfo


class Window:
    """At most `size` readings under way, by backlog id, the longest waiting first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sent: dict[int, _Sent] = {}
        self._numbers: dict[str, dict[int, int]] = {}  # device -> seq -> backlog id

    @property
    def room(self) -> int:
        """How many more may be sent."""
        return self._size - len(self._sent)

    def admitted(self, owed: Iterable[Owed]) -> list[Owed]:
        """The first of these, up to one whose number is still under way."""
        taken: list[Owed] = []
        numbers: set[tuple[str, int]] = set()
        for it in owed:
            number = (it.device, it.seq)
            if number in numbers or it.seq in self._numbers.get(it.device, ()):
                break
            numbers.add(number)
            taken.append(it)
        return taken

    def sent(self, owed: Iterable[Owed], message: MQTTMessageInfo, at_s: float) -> None:
        """These went, for the first time or again, in this message."""
        for it in owed:
            self._sent.pop(it.id, None)
            self._sent[it.id] = _Sent(at_s, it.device, it.seq, message)
            self._numbers.setdefault(it.device, {})[it.seq] = it.id

    def named(self, receipt: Receipt) -> list[int]:
        """Which readings under way a receipt names, as committed or finally refused."""
        spans = [
            (device, low, high)
            for device, found in receipt.committed.items()
            for low, high in found
        ]
        spans += [(it.device, it.seq, it.seq) for it in receipt.rejected if it.seq is not None]
        return [key for span in spans for key in self._within(*span)]

    def release(self, ids: Iterable[int]) -> None:
        """These are no longer under way."""
        for key in ids:
            if (gone := self._sent.pop(key, None)) is not None:
                numbers = self._numbers[gone.device]
                del numbers[gone.seq]
                if not numbers:
                    del self._numbers[gone.device]

    def unanswered(self, sent_before_s: float = math.inf) -> list[int]:
        """Those that a broker took and may have lost; what it has not taken, the client resends."""
        ids: list[int] = []
        for key, it in self._sent.items():
            if it.at_s >= sent_before_s:
                break
            if it.message.is_published():
                ids.append(key)
        return ids

    def _within(self, device: str, low: int, high: int) -> list[int]:
        numbers = self._numbers.get(device, {})
        if high - low < len(numbers):
            return [numbers[seq] for seq in range(low, high + 1) if seq in numbers]
        return [key for seq, key in numbers.items() if low <= seq <= high]
