"""What waits between the thread that reads the network and the one that handles batches."""

import threading
import time
from collections import deque

from devices.buffered import Burst

BATCH_MAX = 2000  # messages, give or take a burst
MESSAGES_MAX = 20_000
BYTES_MAX = 64 * 1024 * 1024
LINGER_S = 0.002  # silence that ends a batch: brokers with small windows wait for our acks
GATHER_S = 0.02  # the longest a batch may gather
IDLE_S = 0.1


class Inbox:
    """A queue between two threads, taken in batches.

    Its bounds are advice to the reading thread, which asks `has_room` before it reads on.
    Each counter has one writer, so none needs a lock.
    """

    def __init__(self) -> None:
        self._bursts: deque[Burst] = deque()
        self._arrived = threading.Event()
        self._messages_in = self._messages_out = 0
        self._bytes_in = self._bytes_out = 0

    @property
    def messages(self) -> int:
        """How many messages wait."""
        return self._messages_in - self._messages_out

    def has_room(self) -> bool:
        """Whether one more burst may come."""
        waiting_bytes = self._bytes_in - self._bytes_out
        return self.messages < MESSAGES_MAX and waiting_bytes < BYTES_MAX

    def put(self, burst: Burst) -> None:
        """Add a burst; the reading thread's."""
        self._bursts.append(burst)
        self._messages_in += len(burst.messages)
        self._bytes_in += burst.size_bytes
        if not self._arrived.is_set():  # setting costs a lock, and a flood needs it once
            self._arrived.set()

    def take(self) -> list[Burst]:
        """What arrived until a short silence, a full batch or the gathering time; or nothing."""
        if not self._arrived.wait(IDLE_S):
            return []
        self._arrived.clear()
        deadline = time.monotonic() + GATHER_S
        seen = 0
        while seen < self.messages < BATCH_MAX and time.monotonic() < deadline:
            seen = self.messages
            time.sleep(LINGER_S)
        batch: list[Burst] = []
        taken = 0
        while self._bursts and taken < BATCH_MAX:
            batch.append(self._bursts.popleft())
            taken += len(batch[-1].messages)
        self._messages_out += taken
        self._bytes_out += sum(burst.size_bytes for burst in batch)
        if self._bursts:
            self._arrived.set()
        return batch
