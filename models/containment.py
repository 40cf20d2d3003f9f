"""Where a wearer is, as far as the evidence goes: a fold over fixes, in order of their own time.

The rule for now: five of the last seven usable fixes on one side decide. Fixes too coarse for the
border are no evidence; after half an hour without evidence the state is UNKNOWN, which is neither
breach nor silence. Everything is columns: one element of a `PLACE` and of a `MEMORY` array for
each zone, and `observe` folds a whole batch of fixes of many wearers at once. Live, late and
replayed fixes go through this one function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.ground import DOUBT, Floats, Grounds, Ints, Places, in_force, sides
from models.zone import ZoneState

RULE = "5of7@2"
EDITION = b"\x02"  # of what a memory means; goes before packed memories
AGREEING, WINDOW = 5, 7
STALE_S = 30 * 60
NOT_IN_FORCE, NO_EVIDENCE = "not_in_force", "no_evidence"  # why a state became UNKNOWN
STATES = (ZoneState.UNKNOWN, ZoneState.INSIDE, ZoneState.OUTSIDE)
UNKNOWN, INSIDE, OUTSIDE = range(3)
SOURCES = ("gnss", "wifi", "lbs")
# What a fix may be off however small it claims to be: a claim of 7 m was seen 700 m off.
LEAST_ERROR_M = np.array([10.0, 60.0, 500.0])
UNSTATED_ERROR_M = np.array([30.0, 100.0, 1000.0])
ERROR_MAX_M = 65_535

MEMORY = np.dtype(
    [
        ("zone_id", "<i8"),
        ("state", "u1"),  # place in STATES
        ("settled", "u1"),  # the last side that was decided
        ("votes", "u1"),  # usable fixes remembered, newest last
        ("inside", "u1"),  # a bit a vote, the newest lowest
        ("since", "<u4"),  # of the state, seconds since 1970
        ("at", "<u4", (WINDOW,)),
        ("error_m", "<u2", (WINDOW,)),
        ("source", "u1", (WINDOW,)),
    ]
)
Memory = npt.NDArray[np.void]
_BITS = np.array([number.bit_count() for number in range(2**WINDOW)], dtype=np.int8)
_MASK = np.array([2**votes - 1 for votes in range(WINDOW + 1)], dtype=np.uint8)


class Zoning(NamedTuple):
    """The zones of wearers: wearer `w` has `zones[w]` of them, from `first[w]` on."""

    places: Places
    memory: Memory  # parallel to places
    grounds: Grounds
    first: Ints
    zones: Ints


class Sights(NamedTuple):
    """What the fold reads of fixes; equally long columns, sorted by wearer and time."""

    wearer: Ints  # place in the zoning's `first` and `zones`
    at: Ints  # seconds since 1970, by the device's clock
    lat: Floats  # degrees, WGS-84
    lon: Floats
    error_m: Floats
    source: npt.NDArray[np.integer[Any]]  # place in SOURCES


@dataclass(frozen=True, slots=True)
class Change:
    """A decision of fix number `fix` about zone number `place`: the state from `since` on.

    `crossed` says that the wearer was not already settled on this side: an UNKNOWN in between
    does not make a second departure.
    """

    fix: int
    place: int
    state: ZoneState
    since: int
    crossed: bool
    evidence: dict[str, Any]


def blank(zone_ids: Ints) -> Memory:
    """Memories of zones of which nothing is known."""
    memory = np.zeros(len(zone_ids), dtype=MEMORY)
    memory["zone_id"] = zone_ids
    return memory


def pack(memory: Memory) -> bytes:
    """Memories of one wearer as bytes, behind the edition of the rule that made them."""
    return EDITION + memory.tobytes() if len(memory) else b""


def pack_all(memory: Memory) -> npt.NDArray[np.void]:
    """Memories of many wearers with as many zones each, (n, zones), as n opaque values."""
    count, zones = memory.shape
    if not zones:
        return np.zeros(count, dtype="V0")
    size = len(EDITION) + zones * MEMORY.itemsize
    packed = np.empty((count, size), dtype=np.uint8)
    packed[:, : len(EDITION)] = np.frombuffer(EDITION, np.uint8)
    packed[:, len(EDITION) :] = memory.view(np.uint8).reshape(count, -1)
    return packed.view(f"V{size}").ravel()


def unpack(packed: bytes) -> Memory:
    """Memories of one wearer; what another rule remembered means nothing here and is dropped."""
    readable = packed[:1] == EDITION and len(packed) % MEMORY.itemsize == 1
    return np.frombuffer(packed[1:] if readable else b"", dtype=MEMORY)


def error_m(accuracy_m: Floats, source: npt.NDArray[np.integer[Any]]) -> Floats:
    """How far off fixes may be: what they claim (NaN: nothing), never better than their source."""
    claimed = np.maximum(accuracy_m, LEAST_ERROR_M[source])
    errors: Floats = np.where(np.isnan(accuracy_m), UNSTATED_ERROR_M[source], claimed)
    return errors


def observe(zoning: Zoning, sights: Sights) -> list[Change]:
    """Fold fixes into the memories, in place; the changes of state in order of rounds.

    Every fix is later than those that the memories have seen. The n-th fixes of all wearers make
    one round, so a batch costs as many rounds as its busiest wearer has fixes.
    """
    memory = zoning.memory
    opaque = memory.view(f"V{MEMORY.itemsize}")
    many = zoning.zones[sights.wearer]
    fix = np.repeat(np.arange(len(many)), many)
    place = np.arange(len(fix)) - np.repeat(np.cumsum(many) - many, many)
    place += zoning.first[sights.wearer[fix]]
    judged = zoning.places.take(place)  # of structured arrays ten times as fast as an index
    where = sights.lat[fix], sights.lon[fix], sights.error_m[fix]
    inside = sides(judged, zoning.grounds, *where)
    asked = in_force(judged, sights.at[fix])
    changes: list[Change] = []
    for pairs in _rounds(sights.wearer, fix):
        held = memory.take(place[pairs])
        turn = _Turn(held, pairs, fix[pairs], place[pairs], sights)
        changes += turn.fold(inside[pairs], asked[pairs])
        opaque[place[pairs]] = held.view(opaque.dtype)
    return changes


def _rounds(wearer: Ints, fix: Ints) -> Iterator[Ints]:
    """Pairs of the first fixes of all wearers, then of their second ones, and so on."""
    if not len(fix):
        return
    begins = np.flatnonzero(np.diff(wearer, prepend=-1))
    turn = (np.arange(len(wearer)) - np.repeat(begins, np.diff(begins, append=len(wearer))))[fix]
    order = np.argsort(turn, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(turn[order])) + 1)


@dataclass(slots=True)
class _Turn:
    """One round: at most one fix for each zone. `held` are its memories, changed in place."""

    held: Memory
    pairs: Ints
    fix: Ints
    place: Ints
    sights: Sights

    def fold(self, inside: npt.NDArray[np.int8], asked: npt.NDArray[np.bool_]) -> list[Change]:
        held, at = self.held, self.sights.at[self.fix]
        last = held["at"][:, -1].astype(np.int64)
        stale = asked & (held["votes"] > 0) & (at - last > STALE_S)
        changes = self._forget(~asked, at, NOT_IN_FORCE)
        held["settled"][~asked] = UNKNOWN
        changes += self._forget(stale, last + STALE_S, NO_EVIDENCE)
        self._vote(np.flatnonzero(asked & (inside != DOUBT)), inside, at)
        return changes + self._decide(asked & (inside != DOUBT))

    def _forget(self, gone: npt.NDArray[np.bool_], since: Ints, why: str) -> list[Change]:
        held = self.held
        lost = np.flatnonzero(gone & (held["state"] != UNKNOWN))
        held["votes"][gone] = 0
        held["state"][lost] = UNKNOWN
        held["since"][lost] = since[lost]
        return [self._change(it, crossed=False, evidence={"why": why}) for it in lost]

    def _vote(self, who: Ints, inside: npt.NDArray[np.int8], at: Ints) -> None:
        held = self.held
        fix = self.fix[who]
        error = np.minimum(np.rint(self.sights.error_m[fix]), ERROR_MAX_M)
        for name, said in (
            ("at", at[who]),
            ("error_m", error),
            ("source", self.sights.source[fix]),
        ):
            window = held[name]
            if len(who) == len(held):  # nearly always, and much quicker
                window[:, :-1] = window[:, 1:]
            else:
                window[who, :-1] = window[who, 1:]
            window[who, -1] = said
        held["inside"][who] = (held["inside"][who] << 1 | inside[who].astype(np.uint8)) & _MASK[-1]
        held["votes"][who] = np.minimum(held["votes"][who] + 1, WINDOW)

    def _decide(self, voted: npt.NDArray[np.bool_]) -> list[Change]:
        held = self.held
        within = _BITS[held["inside"] & _MASK[held["votes"]]]
        outside = held["votes"] - within >= AGREEING
        state = np.where(within >= AGREEING, INSIDE, np.where(outside, OUTSIDE, held["state"]))
        turned = np.flatnonzero(voted & (state != held["state"]))
        crossed = held["settled"][turned] != state[turned]
        held["state"][turned] = held["settled"][turned] = state[turned]
        changes = []
        for it, over in zip(turned, crossed, strict=True):
            agreeing = _agreeing(held[it])
            held["since"][it] = held["at"][it, agreeing[0]]
            evidence = _quality(held[it], agreeing)
            changes.append(self._change(it, crossed=bool(over), evidence=evidence))
        return changes

    def _change(self, at: np.intp, *, crossed: bool, evidence: dict[str, Any]) -> Change:
        held = self.held[at]
        said = {"rule": RULE, **evidence}
        state, since = STATES[held["state"]], int(held["since"])
        return Change(int(self.fix[at]), int(self.place[at]), state, since, crossed, said)


def _agreeing(memory: np.void) -> list[int]:
    """Places in the window, oldest first, of the votes that carry the decision."""
    votes, side = int(memory["votes"]), int(memory["state"] == INSIDE)
    bits = int(memory["inside"])
    return [WINDOW - 1 - back for back in reversed(range(votes)) if bits >> back & 1 == side]


def _quality(memory: np.void, agreeing: list[int]) -> dict[str, Any]:
    """How good the evidence is: fixes, their sources, the best and the worst error in metres."""
    sources: dict[str, int] = {}
    for place in agreeing:
        name = SOURCES[memory["source"][place]]
        sources[name] = sources.get(name, 0) + 1
    errors = [int(memory["error_m"][place]) for place in agreeing]
    return {
        "fixes": len(agreeing),
        "of": WINDOW,
        "sources": sources,
        "error_m": [min(errors), max(errors)],
    }
