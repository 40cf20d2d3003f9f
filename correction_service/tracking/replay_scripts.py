"""In which order the live service would have folded a bracelet's fixes, late ones among them.

Fixes are named by their place in the order of their own time. A late one is folded when the minute
in which it came is over, together with all that is known from the checkpoint before it on: that
gives what the service's replay from its last snapshot gives (`late_folds`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.ground import Ints

BLOCK = 16  # places from one checkpoint to the next
MINUTE = 60_000_000  # microseconds


class Run(NamedTuple):
    """Places of one block to fold, in order; first set the memory back where `back` is."""

    places: Ints
    block: int
    back: bool = False  # to what was remembered when this block began
    refolds: int | None = None  # folds the past anew: when, in microseconds since 1970
    ends: bool = True  # it is the last run of its refold


def script(place: Ints, received: Ints) -> Iterator[Run]:
    """The runs of one bracelet whose fixes came in this order, each as a place, at these moments.

    What came late in one minute is folded at its end, before what comes later.
    """
    newest = np.maximum.accumulate(place)
    late = np.flatnonzero(place < newest)
    due = (received[late] // MINUTE + 1) * MINUTE
    known = np.zeros(len(place), dtype=bool)
    done = 0
    for at in np.unique(due).tolist():
        until = int(np.searchsorted(received, at))
        yield from _live(place[done:until], newest[done:until])
        known[place[done:until]] = True
        oldest = int(place[late[due == at]].min())
        yield from _refold(known, oldest, int(newest[until - 1]), at)
        done = until
    yield from _live(place[done:], newest[done:])


def _live(place: Ints, newest: Ints) -> Iterator[Run]:
    for some in _blocks(place[place == newest]):
        yield Run(some, int(some[0]) // BLOCK)


def _refold(known: npt.NDArray[np.bool_], oldest: int, newest: int, at: int) -> Iterator[Run]:
    begin = oldest // BLOCK * BLOCK
    runs = _blocks(np.flatnonzero(known[begin : newest + 1]) + begin)
    for number, some in enumerate(runs, 1):
        back, ends = number == 1, number == len(runs)
        yield Run(some, int(some[0]) // BLOCK, back=back, refolds=at, ends=ends)


def _blocks(places: Ints) -> list[Ints]:
    if not len(places):
        return []
    return np.split(places, np.flatnonzero(np.diff(places // BLOCK)) + 1)
