"""Where a wearer is, as far as the evidence goes: a fold over fixes, in order of their own time.

`observe` is the whole interface. It asks each fix on which side of each area it lies, keeps what
it must remember in a packed `Memory`, and returns the changes of decided state. The rule for now:
five of the last seven usable fixes on one side decide. Fixes too coarse for the border are no
evidence; after half an hour without evidence the state is UNKNOWN, which is neither breach nor
silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import shapely

from models.area import Area, Ground
from models.zone import ZoneState

RULE = "5of7@1"
AGREEING, WINDOW = 5, 7
STALE_S = 30 * 60
NOT_IN_FORCE, NO_EVIDENCE = "not_in_force", "no_evidence"  # why a state became UNKNOWN
# What a fix may be off however small it claims to be: a claim of 7 m was seen 700 m off.
LEAST_ERROR_M = {"gnss": 10.0, "wifi": 60.0, "lbs": 500.0}
UNSTATED_ERROR_M = {"gnss": 30.0, "wifi": 100.0, "lbs": 1000.0}


class Sighting(Protocol):
    """What the engine reads of a fix: WGS-84 degrees and its own time."""

    @property
    def time(self) -> datetime:
        """When, by the device's clock."""

    @property
    def lat(self) -> float:
        """Degrees north."""

    @property
    def lon(self) -> float:
        """Degrees east."""

    @property
    def accuracy_m(self) -> float | None:
        """What the device claims."""

    @property
    def source(self) -> str:
        """`gnss`, `wifi` or `lbs`."""


class Vote(msgspec.Struct, array_like=True, frozen=True):
    """A usable fix: when (seconds since 1970), on which side, how found and how exactly."""

    at: float
    inside: bool
    source: str
    error_m: float


class Memory(msgspec.Struct, array_like=True):
    """What is known of one wearer and one zone; `settled` is the last side that was decided."""

    zone_id: int
    state: ZoneState = ZoneState.UNKNOWN
    settled: ZoneState = ZoneState.UNKNOWN
    since: float = 0.0
    votes: list[Vote] = []


class _Packed(msgspec.Struct, array_like=True):
    rule: str
    memories: list[Memory]


Memories = dict[int, Memory]


def pack(memories: Memories) -> bytes:
    """Memories by zone as bytes, with the rule that made them."""
    return msgspec.msgpack.encode(_Packed(RULE, list(memories.values())))


def unpack(packed: bytes) -> Memories:
    """Memories by zone; what another rule remembered means nothing to this one and is dropped."""
    if not packed:
        return {}
    try:
        read = msgspec.msgpack.decode(packed, type=_Packed)
    except msgspec.DecodeError:
        return {}
    return {memory.zone_id: memory for memory in read.memories} if read.rule == RULE else {}


@dataclass(frozen=True)
class Change:
    """A decision: the state from `since` on, and the fix that decided it.

    `crossed` says that the wearer was not already settled on this side: an UNKNOWN in between
    does not make a second departure.
    """

    area: Area
    state: ZoneState
    since: datetime
    decided_at: datetime
    crossed: bool
    by: Sighting
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Watch:
    """One wearer: areas to judge, what is remembered (updated in place), new fixes in time order.

    Every fix is later than those that the memories have seen.
    """

    areas: Sequence[Area]
    memories: Memories
    fixes: Sequence[Sighting]


def observe(watches: Sequence[Watch]) -> list[list[Change]]:
    """Fold new fixes into the memories; changes of state by watch, in order of time."""
    pairs = [(area, fix) for watch in watches for area in watch.areas for fix in watch.fixes]
    sides = iter(_sides(pairs)) if pairs else iter(())
    found = []
    for watch in watches:
        changes: list[Change] = []
        for area in watch.areas:
            memory = watch.memories.setdefault(area.zone_id, Memory(area.zone_id))
            for fix in watch.fixes:
                changes += _fold(memory, area, fix, next(sides))
        found.append(sorted(changes, key=lambda change: change.decided_at))
    return found


def error_m(fix: Sighting) -> float:
    """How far off a fix may be: what it claims, but never better than its source."""
    if fix.accuracy_m is None:
        return UNSTATED_ERROR_M[fix.source]
    return max(fix.accuracy_m, LEAST_ERROR_M[fix.source])


def _sides(pairs: Sequence[tuple[Area, Sighting]]) -> list[bool | None]:
    """Whether each fix lies inside its area; None where its error reaches across the border.

    Boxes first, then one call for all polygons; distances only for fixes coarser than the margin.
    """
    grounds = [area.ground for area, _ in pairs]
    row = {ground: number for number, ground in enumerate(dict.fromkeys(grounds))}
    at = np.array([row[ground] for ground in grounds])
    x, y = _metres(list(row), at, [fix for _, fix in pairs])
    judging = np.array([ground.judging for ground in row])
    west, south, east, north = shapely.bounds(judging)[at].T
    near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    inside = np.zeros(len(pairs), dtype=bool)
    inside[near] = shapely.contains_xy(judging[at[near]], x[near], y[near])
    errors = np.array([error_m(fix) for _, fix in pairs])
    coarse = np.flatnonzero(errors > np.array([ground.margin_m for ground in row])[at])
    lines = np.array([ground.judging_line for ground in row])[at[coarse]]
    places = shapely.points(x[coarse], y[coarse])
    unsure = np.zeros(len(pairs), dtype=bool)
    unsure[coarse] = shapely.dwithin(lines, places, errors[coarse])  # type: ignore[call-overload] # its stubs know a single distance only
    return [None if doubt else bool(side) for side, doubt in zip(inside, unsure, strict=True)]


def _metres(
    grounds: Sequence[Ground], at: npt.NDArray[np.int_], fixes: Sequence[Sighting]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Positions in metres, each in the plane of its own area."""
    planes = np.array([(it.plane.lon, it.plane.lat, *it.plane.metres_a_degree) for it in grounds])[
        at
    ]
    lon, lat = (np.array([getattr(fix, name) for fix in fixes]) for name in ("lon", "lat"))
    return (lon - planes[:, 0]) * planes[:, 2], (lat - planes[:, 1]) * planes[:, 3]


def _fold(memory: Memory, area: Area, fix: Sighting, inside: bool | None) -> Iterator[Change]:  # noqa: FBT001 - one side of three
    at = fix.time.timestamp()
    if not area.in_force(fix.time):
        yield from _forget(memory, area, fix, since=at, why=NOT_IN_FORCE)
        memory.settled = ZoneState.UNKNOWN
        return
    if memory.votes and at - memory.votes[-1].at > STALE_S:
        stale_at = memory.votes[-1].at + STALE_S
        yield from _forget(memory, area, fix, since=stale_at, why=NO_EVIDENCE)
    if inside is None:
        return
    memory.votes = [*memory.votes[1 - WINDOW :], Vote(at, inside, fix.source, error_m(fix))]
    state = _decided(memory.votes)
    if state is not None and state is not memory.state:
        agreeing = [vote for vote in memory.votes if vote.inside == inside]
        crossed, memory.settled = memory.settled is not state, state
        yield _change(
            memory,
            area,
            fix,
            state=state,
            since=agreeing[0].at,
            crossed=crossed,
            evidence=_quality(agreeing),
        )


def _decided(votes: Sequence[Vote]) -> ZoneState | None:
    inside = sum(vote.inside for vote in votes)
    if inside >= AGREEING:
        return ZoneState.INSIDE
    return ZoneState.OUTSIDE if len(votes) - inside >= AGREEING else None


def _forget(
    memory: Memory, area: Area, fix: Sighting, *, since: float, why: str
) -> Iterator[Change]:
    memory.votes = []
    if memory.state is not ZoneState.UNKNOWN:
        lost = ZoneState.UNKNOWN
        yield _change(
            memory, area, fix, state=lost, since=since, crossed=False, evidence={"why": why}
        )


def _change(
    memory: Memory,
    area: Area,
    fix: Sighting,
    *,
    state: ZoneState,
    since: float,
    crossed: bool,
    evidence: dict[str, Any],
) -> Change:
    memory.state, memory.since = state, since
    moment = datetime.fromtimestamp(since, UTC)
    return Change(area, state, moment, fix.time, crossed, fix, {"rule": RULE, **evidence})


def _quality(votes: Sequence[Vote]) -> dict[str, Any]:
    """How good the evidence is: fixes, their sources, the best and the worst error in metres."""
    sources: dict[str, int] = {}
    for vote in votes:
        sources[vote.source] = sources.get(vote.source, 0) + 1
    errors = [round(vote.error_m) for vote in votes]
    return {
        "fixes": len(votes),
        "of": WINDOW,
        "sources": sources,
        "error_m": [min(errors), max(errors)],
    }


def broken(areas: Mapping[int, Area], memories: Memories) -> list[Area]:
    """The areas whose demand the wearer's state breaks now."""
    return [
        areas[memory.zone_id]
        for memory in memories.values()
        if memory.zone_id in areas and memory.state is areas[memory.zone_id].broken_by
    ]
