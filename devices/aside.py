"""Readings owed and on disk, but not under way: what the service never answers, and what waits.

An unanswered one is tried again every hour and over each new connection; one whose number another
reading bears waits until that is answered. Only their backlog ids are kept here: a gateway that
starts anew begins with its whole backlog.
"""

import math
from itertools import islice

AGAIN_AFTER_S = 3600.0
LOOK_EVERY_S = 1.0
SHARE = 10  # of the window, tried at one time: one in so many


class Aside:
    """Backlog ids, the longest aside first. Those tried take a tenth of the window at most.

    Moments are seconds of a clock that never jumps.
    """

    def __init__(self, window: int) -> None:
        self._trials_max = max(1, window // SHARE)
        self._waiting: dict[int, tuple[float, int]] = {}  # id -> not before, times overtaken
        self._trials: set[int] = set()
        self._look_at_s = -math.inf

    def put(self, key: int, overtaken: int, now_s: float) -> None:
        """Set an unanswered reading aside."""
        self._waiting[key] = (now_s + AGAIN_AFTER_S, overtaken)

    def wait(self, key: int) -> None:
        """Let a reading wait that has not been sent; one that is aside already stays as it is."""
        self._waiting.setdefault(key, (-math.inf, 0))

    def due(self, now_s: float, room: int) -> list[int]:
        """Those whose time has come, looked for once a second."""
        if now_s < self._look_at_s or not self._waiting:
            return []
        self._look_at_s = now_s + LOOK_EVERY_S
        most = min(room, self._trials_max - len(self._trials))
        ready = (key for key, (not_before_s, _) in self._waiting.items() if not_before_s <= now_s)
        return list(islice(ready, max(0, most)))

    def taken(self, key: int) -> int:
        """Say how often this was overtaken before; it is under way now."""
        if (it := self._waiting.pop(key, None)) is None:
            return 0
        self._trials.add(key)
        return it[1]

    def forget(self, key: int) -> None:
        """This is neither aside nor tried any more."""
        self._waiting.pop(key, None)
        self._trials.discard(key)

    def hurry(self) -> None:
        """Try everything as soon as there is room."""
        self._look_at_s = -math.inf
        for key, (_, overtaken) in self._waiting.items():
            self._waiting[key] = (-math.inf, overtaken)
