"""Where a wearer is, as far as the evidence goes: a fold over fixes, in order of their own time.

The evidence of single fixes adds up (`evidence`). Enough of it decides where the fixes beyond a
border show somebody on the move, for a reflection or a lie stays where it is for minutes; who is
out and stays put is believed after twice as long. To leave a home area or a curfew residence, the
smoothed position (`motion`) must lie surely beyond, too. An exclusion zone warns of an approach
before it is sure. A position by cell towers is evidence only of having gone far. After half an
hour without evidence the state is UNKNOWN, which is neither breach nor silence.

Everything is columns: one element of a `PLACE` and of a `MEMORY` array for each zone, and
`observe` folds a whole batch of fixes of many wearers at once. Live, late and replayed fixes go
through this one function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models import evidence, motion
from models.area import METRES_A_DEGREE
from models.evidence import ERROR_MAX_M, LBS, SOURCES
from models.ground import (
    EXCLUDES,
    KINDS,
    Floats,
    Grounds,
    Ints,
    Places,
    broken_by,
    in_force,
    trespass_m,
)
from models.memory import E7, HALF_MAX, INSIDE, MEMORY, OUTSIDE, STATES, UNKNOWN, Memory
from models.rule import RULE, Rule
from models.zone import ZoneState

SUM_MAX = 12.0
MOVED_M, MOVED_ERRORS, MOVED_TIMES = 30.0, 2.0, 2  # between fixes beyond, how often;
OUTWARD_M, OUTWARD_SHARE = 300.0, 0.8  # straight out, as only vehicles do, counts twice
CELL_FAR_M = 5000.0  # cells are kilometres wide
OFTEN = 255
NOT_IN_FORCE, NO_EVIDENCE = "not_in_force", "no_evidence"  # why a state became UNKNOWN
WITHDREW = "withdrew"  # why an approach is over
WRONG = np.array([STATES.index(broken_by(kind)) for kind in range(len(KINDS))], dtype=np.uint8)
RIGHT = np.uint8(INSIDE + OUTSIDE) - WRONG


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
    """A decided change: `fix` is its place among the sights, `place` among the places.

    An `approach` is no change of state: what was seen of an exclusion zone is not sure yet.
    """

    fix: int
    place: int
    state: ZoneState
    since: int
    crossed: bool
    evidence: dict[str, Any]
    approach: bool = False


def observe(zoning: Zoning, sights: Sights, rule: Rule = RULE) -> list[Change]:
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
    beyond_m = trespass_m(judged, zoning.grounds, sights.lat[fix], sights.lon[fix])
    asked = in_force(judged, sights.at[fix])
    changes: list[Change] = []
    for pairs in _rounds(sights.wearer, fix):
        held = memory.take(place[pairs])
        parts = held, judged.take(pairs), zoning.grounds, fix[pairs], place[pairs]
        turn = _Turn(*parts, sights, rule)
        changes += turn.fold(beyond_m[pairs], asked[pairs])
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
    places: Places
    grounds: Grounds
    fix: Ints
    place: Ints
    sights: Sights
    rule: Rule

    def fold(self, beyond_m: Floats, asked: npt.NDArray[np.bool_]) -> list[Change]:
        held, at, stale_s = self.held, self.sights.at[self.fix], self.rule.stale_s
        heard = held["heard"].astype(np.int64)
        stale = asked & (heard > 0) & (at - heard > stale_s)
        changes = self._forget(~asked, at, NOT_IN_FORCE)
        held["settled"][~asked] = UNKNOWN
        changes += self._forget(stale, heard + stale_s, NO_EVIDENCE)
        exact = self.sights.source[self.fix] != LBS
        usable = asked & (exact | (beyond_m > CELL_FAR_M))
        settled = (held["state"] == RIGHT[self.places["kind"]]) & (held["total"] <= 0)
        stirred = np.flatnonzero(usable & ~(settled & (beyond_m <= 0)))
        if stirred.size:
            self._weigh(stirred, beyond_m[stirred])
            changes += self._decide(stirred, beyond_m[stirred] > 0)
            self._forget_traces(stirred)
        self._rest(np.flatnonzero(usable & (beyond_m <= 0)))
        held["heard"][usable] = at[usable]
        return changes

    def _forget_traces(self, who: Ints) -> None:
        """Of what came to nothing, nothing stays: equal lives have equal memories."""
        held = self.held
        right = held["state"][who] == RIGHT[self.places["kind"][who]]
        over = who[right & (held["total"][who] <= 0)]
        for name in _TRACES:
            held[name][over] = 0

    def _rest(self, who: Ints) -> None:
        """Who is on the right side is where the newest fix says: smoothing begins there."""
        held, fix = self.held, self.fix[who]
        held["lat"][who] = np.rint(self.sights.lat[fix] * E7)
        held["lon"][who] = np.rint(self.sights.lon[fix] * E7)
        error = evidence.spread_m(self.sights.error_m[fix], self.sights.source[fix])
        held["error_m"][who] = np.minimum(error, HALF_MAX)
        held["speed_var"][who] = held["sure"][who] = 0

    def _forget(self, gone: npt.NDArray[np.bool_], since: Ints, why: str) -> list[Change]:
        held = self.held
        if not gone.any():
            return []
        lost = np.flatnonzero(gone & (held["state"] != UNKNOWN))
        for name in ("total", "sure", "steady", "warned", "heard", "error_m"):
            held[name][gone] = 0
        held["state"][lost] = UNKNOWN
        held["since"][lost] = since[lost]
        return [self._change(it, crossed=False, evidence={"why": why}) for it in lost]

    def _weigh(self, who: Ints, beyond_m: Floats) -> None:
        """Add the evidence of fixes, and move the smoothed positions of who may be leaving."""
        held, fix = self.held, self.fix[who]
        at, source = self.sights.at[fix], self.sights.source[fix]
        error = self.sights.error_m[fix]
        heard = held["heard"][who].astype(np.int64)
        seconds = np.where(heard > 0, at - heard, self.rule.stale_s).astype(np.float64)
        before = held["total"][who]
        total = evidence.added(before, beyond_m, error, seconds, source)
        held["total"][who] = np.clip(total, 0.0, SUM_MAX)
        right = beyond_m <= 0
        held["back"][who] = np.where(right & (held["steady"][who] > 0), held["back"][who], at)
        held["steady"][who] = np.where(right, _once_more(held["steady"][who]), 0)
        self._count(who, beyond_m, before <= 0, error)
        kind = self.places["kind"][who]
        leaves = ~right & (kind != EXCLUDES) & (held["state"][who] != WRONG[kind])
        if leaves.any():
            self._smooth(who[leaves], seconds[leaves])
            self._assure(who[leaves])

    def _count(
        self, who: Ints, beyond_m: Floats, fresh: npt.NDArray[np.bool_], error: Floats
    ) -> None:
        """Count the fixes beyond since the sum was nothing, with their errors."""
        held, wrong = self.held, beyond_m > 0
        begun = who[wrong & fresh]
        held["left"][begun] = self.sights.at[self.fix[begun]]
        held["fixes"][begun] = 0
        held["best_m"][begun], held["worst_m"][begun] = ERROR_MAX_M, 0
        held["moved"][begun] = 0
        more = who[wrong]
        self._travel(more, error[wrong], beyond_m[wrong])
        metres = np.minimum(np.rint(error[wrong]), ERROR_MAX_M).astype(np.uint16)
        source = self.sights.source[self.fix[more]]
        held["fixes"][more, source] = _once_more(held["fixes"][more, source])
        held["best_m"][more] = np.minimum(held["best_m"][more], metres)
        held["worst_m"][more] = np.maximum(held["worst_m"][more], metres)

    def _travel(self, who: Ints, error: Floats, beyond_m: Floats) -> None:
        """Count how often fixes beyond moved on, or were farther out than errors go.

        A reflection or a lie stays where it is for minutes; who leaves is on the move.
        """
        held, fix = self.held, self.fix[who]
        lat, lon = np.rint(self.sights.lat[fix] * E7), np.rint(self.sights.lon[fix] * E7)
        north_m = (lat - held["fix_lat"][who]) / E7 * METRES_A_DEGREE
        east_m = (lon - held["fix_lon"][who]) / E7 * METRES_A_DEGREE
        east_m *= np.cos(np.radians(self.sights.lat[fix]))
        again = held["fixes"][who].sum(axis=1) > 0
        way_m = np.hypot(north_m, east_m)
        moved = way_m > np.maximum(MOVED_ERRORS * error, MOVED_M)
        far = beyond_m > np.maximum(MOVED_ERRORS * error, self.rule.far_m)
        outward_m = beyond_m - held["beyond_m"][who]
        outward = moved & (outward_m >= np.maximum(OUTWARD_SHARE * way_m, OUTWARD_M))
        for shows in (again & (moved | far), again & outward):
            held["moved"][who[shows]] = _once_more(held["moved"][who[shows]])
        anew = moved | ~again
        held["fix_lat"][who[anew]], held["fix_lon"][who[anew]] = lat[anew], lon[anew]
        held["beyond_m"][who[anew]] = np.minimum(beyond_m[anew], ERROR_MAX_M)

    def _smooth(self, who: Ints, seconds: Floats) -> None:
        held, fix = self.held, self.fix[who]
        lat, lon = self.sights.lat[fix], self.sights.lon[fix]
        error = evidence.spread_m(self.sights.error_m[fix], self.sights.source[fix])
        known, smoothed = held["error_m"][who] > 0, held["speed_var"][who] > 0
        from_lat = np.where(known, held["lat"][who] / E7, lat)
        from_lon = np.where(known, held["lon"][who] / E7, lon)
        east_m = METRES_A_DEGREE * np.cos(np.radians(from_lat))
        was = motion.begun(np.where(known, held["error_m"][who], error).astype(np.float64))
        was = was._replace(
            **{name: np.where(smoothed, held[name][who], getattr(was, name)) for name in _KEPT}
        )
        told = motion.seen(
            motion.passed(was, np.where(known, seconds, 0.0)),
            (lat - from_lat) * METRES_A_DEGREE,
            (lon - from_lon) * east_m,
            error,
        )
        held["lat"][who] = np.rint((from_lat + told.north_m / METRES_A_DEGREE) * E7)
        held["lon"][who] = np.rint((from_lon + told.east_m / east_m) * E7)
        held["error_m"][who] = np.minimum(np.sqrt(told.place_var), HALF_MAX)
        for name in _KEPT:
            held[name][who] = np.clip(getattr(told, name), -HALF_MAX, HALF_MAX)

    def _assure(self, who: Ints) -> None:
        """Note since when the smoothed position is beyond the border beyond reasonable doubt."""
        held = self.held
        lat, lon = held["lat"][who] / E7, held["lon"][who] / E7
        beyond_m = trespass_m(self.places.take(who), self.grounds, lat, lon)
        sure = beyond_m > self.rule.sure * held["error_m"][who]
        since = np.where(held["sure"][who] > 0, held["sure"][who], self.sights.at[self.fix[who]])
        held["sure"][who] = np.where(sure, since, 0)

    def _decide(self, who: Ints, beyond: npt.NDArray[np.bool_]) -> list[Change]:
        held, rule = self.held, self.rule
        total, state = held["total"][who], held["state"][who]
        kind = self.places["kind"][who]
        wrong, right = WRONG[kind], RIGHT[kind]
        lost = (state != wrong) & beyond & (total >= rule.decided) & self._believable(who)
        found = (state != right) & ~beyond & (total <= rule.cleared)
        found &= held["steady"][who] >= rule.steady
        return [
            *self._warn(who, (state != wrong) & beyond & ~lost),
            *self._settle(who[lost], wrong[lost], "left"),
            *self._settle(who[found], right[found], "back"),
        ]

    def _believable(self, who: Ints) -> npt.NDArray[np.bool_]:
        """Whether the fixes beyond show somebody on the move, or have lasted."""
        held, rule = self.held, self.rule
        excludes = self.places["kind"][who] == EXCLUDES
        moves = held["moved"][who] >= MOVED_TIMES
        since = held["sure"][who].astype(np.int64)
        sure_s = np.where(since > 0, self.sights.at[self.fix[who]] - since, -1)
        moving = moves & (excludes | (sure_s >= rule.sure_moving_s))
        lasting = np.where(excludes, held["total"][who] >= rule.lasting, sure_s >= rule.sure_s)
        believable: npt.NDArray[np.bool_] = moving | lasting
        return believable

    def _settle(self, at: Ints, side: npt.NDArray[np.uint8], since: str) -> list[Change]:
        """Set the state; only a crossing where the other side was settled before."""
        held = self.held
        crossed = held["settled"][at] != side
        held["state"][at] = held["settled"][at] = side
        held["since"][at] = held[since][at]
        held["warned"][at] = 0
        return [
            self._change(it, crossed=bool(over), evidence=self._quality(it, since))
            for it, over in zip(at, crossed, strict=True)
        ]

    def _warn(self, who: Ints, nearing: npt.NDArray[np.bool_]) -> list[Change]:
        """Tell of approaches to exclusion zones at once, and when there is nothing left of one."""
        held, warned, total = self.held, self.held["warned"][who] > 0, self.held["total"][who]
        excludes = self.places["kind"][who] == EXCLUDES
        near = nearing & excludes & ~warned & (total >= self.rule.approached)
        gone = warned & (total <= 0)
        held["warned"][who[near]], held["warned"][who[gone]] = 1, 0
        return [
            *(self._approach(it, {"why": WITHDREW}) for it in who[gone]),
            *(self._approach(it, self._quality(it, "left")) for it in who[near]),
        ]

    def _change(self, at: np.intp, *, crossed: bool, evidence: dict[str, Any]) -> Change:
        held = self.held[at]
        said = {"rule": self.rule.version, **evidence}
        state, since = STATES[held["state"]], int(held["since"])
        return Change(int(self.fix[at]), int(self.place[at]), state, since, crossed, said)

    def _approach(self, at: np.intp, evidence: dict[str, Any]) -> Change:
        held = self.held[at]
        said = {"rule": self.rule.version, **evidence}
        place, fix = int(self.place[at]), int(self.fix[at])
        since = int(self.sights.at[fix] if evidence.get("why") else held["left"])
        return Change(fix, place, STATES[held["state"]], since, False, said, approach=True)  # noqa: FBT003

    def _quality(self, at: np.intp, since: str) -> dict[str, Any]:
        """How good the evidence is: fixes, their sources, best and worst error in metres."""
        held = self.held[at]
        if since == "back":
            return {"fixes": int(held["steady"])}
        counts = dict(zip(SOURCES, held["fixes"].tolist(), strict=False))
        return {
            "fixes": sum(counts.values()),
            "sources": {name: count for name, count in counts.items() if count},
            "error_m": [int(held["best_m"]), int(held["worst_m"])],
        }


def _once_more(count: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One more of what is kept in a byte."""
    return np.minimum(count, OFTEN - 1) + np.uint8(1)


_TRACES = (
    *("steady", "left", "back", "fixes", "best_m", "worst_m", "moved", "beyond_m"),
    *("fix_lat", "fix_lon", "north_mps", "east_mps", "cross_var"),
)
_KEPT = ("north_mps", "east_mps", "cross_var", "speed_var")
