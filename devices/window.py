"""The readings that a gateway has sent and that no receipt has named yet.

A receipt names a device and a number, but a bracelet that lost its memory counts from the start
again, so two readings can bear one number. Only one of a number is under way at a time: a receipt
then means that one.

What must go again is not told by age: after an outage a queue of minutes may stand at the broker,
and sending its readings again would make it longer. Messages arrive in order, so a reading is lost
when a later one was receipted, by more than a margin. Where no receipt comes at all, a few readings
ask whether the service is there.

What the service never answers, however often others overtake it, goes aside: it takes no room and
no number, and asks again now and then.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from paho.mqtt.client import MQTTMessageInfo

from devices.aside import Aside
from devices.backlog import Owed
from devices.receipts import Receipt

PROBE = 10  # readings that ask
OVERTAKEN_MAX = 20  # times; then the service has no answer to it, and others need its place


@dataclass(slots=True)
class _Sent:
    first_s: float  # over this connection; a receipt may answer this copy
    last_s: float
    device: str
    seq: int
    message: MQTTMessageInfo
    overtaken: int  # times sent again because later ones were receipted


class Window:
    """At most `size` readings under way, by backlog id, the longest waiting first.

    Moments are seconds of a clock that never jumps.
    """

    def __init__(self, size: int, resend_after_s: float) -> None:
        self._size = size
        self._resend_after_s = resend_after_s
        self._sent: dict[int, _Sent] = {}
        self._numbers: dict[str, dict[int, int]] = {}  # device -> seq -> backlog id
        self._receipted_up_to_s = -math.inf  # by the first sending of what was receipted
        self._quiet_since_s = -math.inf  # the last receipt, or the last time we asked
        self._asked: frozenset[int] = frozenset()
        self._answered = False
        self._aside = Aside(size)

    @property
    def room(self) -> int:
        """How many more may be sent."""
        return self._size - len(self._sent)

    def admitted(self, owed: Iterable[Owed]) -> list[Owed]:
        """Those of these that may go now; one whose number is under way waits aside."""
        taken: list[Owed] = []
        numbers: set[tuple[str, int]] = set()
        for it in owed:
            number = (it.device, it.seq)
            if it.id in self._sent:
                continue
            if number in numbers or it.seq in self._numbers.get(it.device, ()):
                self._aside.wait(it.id)
            else:
                numbers.add(number)
                taken.append(it)
        return taken

    def again(self, now_s: float) -> list[int]:
        """What was set aside and may be tried now, as far as `admitted` lets it."""
        return self._aside.due(now_s, self.room)

    def sent(self, owed: Iterable[Owed], message: MQTTMessageInfo, at_s: float) -> None:
        """These went, for the first time or again, in this message."""
        for it in owed:
            before = self._sent.pop(it.id, None)
            first_s = before.first_s if before else at_s
            overtaken = self._overtaken(before) if before else self._aside.taken(it.id)
            self._sent[it.id] = _Sent(first_s, at_s, it.device, it.seq, message, overtaken)
            self._numbers.setdefault(it.device, {})[it.seq] = it.id

    def receipted(self, receipt: Receipt, at_s: float) -> list[int]:
        """Which readings under way a receipt names, committed or finally refused: now no more."""
        named = self._named(receipt)
        if named:
            self._quiet_since_s = at_s
            first_s = max(self._sent[key].first_s for key in named)
            self._receipted_up_to_s = max(self._receipted_up_to_s, first_s)
            self._answered = True
            if not self._asked.issuperset(named):
                self._asked = frozenset()
            self.release(named)
        return named

    def release(self, ids: Iterable[int]) -> None:
        """These are no longer under way, nor aside."""
        for key in ids:
            self._aside.forget(key)
            if (gone := self._sent.pop(key, None)) is not None:
                numbers = self._numbers[gone.device]
                del numbers[gone.seq]
                if not numbers:
                    del self._numbers[gone.device]

    def reconnected(self, now_s: float) -> list[int]:
        """What must go again over a new connection: all that a broker took and may have lost.

        What it has not taken the client sends again by itself.
        """
        self._aside.hurry()
        for it in self._sent.values():
            it.first_s = it.last_s = now_s
        return [key for key, it in self._sent.items() if it.message.is_published()]

    def due(self, now_s: float) -> list[int]:
        """What must go again because no receipt names it."""
        lost = self._taken_before(self._lost_before_s)
        if lost:
            return self._worth_it(lost, now_s)
        long_ago_s = now_s - self._resend_after_s
        if self._quiet_since_s > long_ago_s:
            return []
        waiting = self._taken_before(long_ago_s)
        if not waiting:
            return []
        alone = bool(self._asked) and self._answered  # what asked was receipted, and nothing else
        due = waiting if alone else waiting[:PROBE]
        self._quiet_since_s, self._asked, self._answered = now_s, frozenset(due), False
        return due

    @property
    def _lost_before_s(self) -> float:
        return self._receipted_up_to_s - self._resend_after_s

    def _overtaken(self, it: _Sent) -> int:
        return it.overtaken + (it.last_s < self._lost_before_s)

    def _worth_it(self, lost: list[int], now_s: float) -> list[int]:
        """What of this goes again; the rest was overtaken too often and is set aside."""
        hopeless = [key for key in lost if self._sent[key].overtaken >= OVERTAKEN_MAX]
        for key in hopeless:
            overtaken = self._sent[key].overtaken
            self.release([key])
            self._aside.put(key, overtaken, now_s)
        return lost if not hopeless else [key for key in lost if key in self._sent]

    def _taken_before(self, at_s: float) -> list[int]:
        ids: list[int] = []
        for key, it in self._sent.items():
            if it.last_s >= at_s:
                break
            if it.message.is_published():
                ids.append(key)
        return ids

    def _named(self, receipt: Receipt) -> list[int]:
        spans = [
            (device, low, high)
            for device, found in receipt.committed.items()
            for low, high in found
        ]
        spans += [(it.device, it.seq, it.seq) for it in receipt.rejected if it.seq is not None]
        return [key for span in spans for key in self._within(*span)]

    def _within(self, device: str, low: int, high: int) -> list[int]:
        numbers = self._numbers.get(device, {})
        if high - low < len(numbers):
            return [numbers[seq] for seq in range(low, high + 1) if seq in numbers]
        return [key for seq, key in numbers.items() if low <= seq <= high]
