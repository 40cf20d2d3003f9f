"""What the live service would have made of recorded fixes: the same fold, late fixes and all.

All bracelets go in lock step, each through its own script, so that a fold is one of many.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from correction_service.tracking.fix_files import Fixes
from correction_service.tracking.replay_scripts import Run, script
from correction_service.zones.zone_watch import breach_of
from devices.wire import CLOCK_AHEAD_MAX_S
from models.area import GeoJson
from models.containment import WITHDREW, Change, Sights, Zoning, observe
from models.evidence import error_m
from models.grid import EPOCH, moment
from models.ground import Drawn, Grounds, Ints, broken_by
from models.incident_kinds import MEANINGS
from models.memory import Memory, blank
from models.rule import RULE, Rule
from models.zone import ZoneKind, ZoneState

MARGIN_M = 50.0  # of a zone that says nothing else
NOTHING = "none"  # severity of what opens no incident
APPROACH = "approach"  # to an exclusion zone: not sure yet


@dataclass(frozen=True, slots=True)
class Told:
    """A change of state that the service would have acted on."""

    device: str
    state: ZoneState
    since: datetime  # by the device's clock
    decided: datetime  # by the service's
    severity: str


class Replayed(NamedTuple):
    """What was told, in order of decisions, and how many rows the gate would have refused."""

    told: list[Told]
    refused: int


class Stay(NamedTuple):
    """A change of the present view, and the place of the fix that decided it."""

    change: Change
    place: int


@dataclass(slots=True)
class Walk:
    """One bracelet on its way: where its fixes lie in the columns, and what is known so far."""

    name: str
    begin: int
    runs: Iterator[Run]
    view: list[Stay] = field(default_factory=list)
    cut: int = 0  # how many stays a refold leaves as they are
    before: list[Stay] = field(default_factory=list)  # the last of those, and what was known since
    checkpoints: dict[int, Memory] = field(default_factory=dict)
    reached: int = -1  # the newest block that has a checkpoint


def zoning(zones: Sequence[Drawn], shape: Callable[[int], GeoJson], each: int = 1) -> Zoning:
    """Zones of which nothing is known yet; `each` of them in a row are one wearer's."""
    grounds = Grounds()
    places = grounds.places(zones, shape)
    first = np.arange(0, len(zones), each, dtype=np.int64)
    return Zoning(places, blank(places["zone_id"]), grounds, first, np.full(len(first), each))


def drawn(kind: ZoneKind, hours: str | None = None, margin_m: float = MARGIN_M) -> Drawn:
    """A zone that is a shape, in force from the first moment on."""
    return Drawn(1, kind, 1, None, None, None, margin_m, hours, EPOCH, None)


def replay(zone: Drawn, geometry: GeoJson, fixes: Fixes, rule: Rule = RULE) -> Replayed:
    """Fold the fixes of every bracelet through one zone under a rule."""
    fixes, refused = _sorted(fixes)
    begins = np.flatnonzero(np.diff(fixes.device, prepend=-1))
    ends = np.append(begins[1:], len(fixes.device))
    walks = [
        Walk(fixes.names[fixes.device[begin]], begin, _runs(fixes.received[begin:end]))
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]
    told = list(_lock_step(zoning([zone] * len(walks), lambda _: geometry), fixes, walks, rule))
    told.sort(key=lambda it: it.decided)
    return Replayed(told, refused)


def _sorted(fixes: Fixes) -> tuple[Fixes, int]:
    """By bracelet and time, each fix once, without those whose clock is too far ahead."""
    lawful = fixes.time <= fixes.received + CLOCK_AHEAD_MAX_S * 1_000_000
    order = np.lexsort((fixes.received, fixes.time, fixes.device))
    found = fixes.taken(order[lawful[order]])
    new = np.ones(len(found.device), dtype=bool)
    identity = (found.device, found.time, found.lat, found.lon)
    new[1:] = np.any([np.diff(column) != 0 for column in identity], axis=0)
    return found.taken(np.flatnonzero(new)), int((~lawful).sum())


def _runs(received: Ints) -> Iterator[Run]:
    """The script of fixes in order of time that came at these moments."""
    place = np.argsort(received, kind="stable")
    return script(place, received[place])


def _lock_step(zoning: Zoning, fixes: Fixes, walks: Sequence[Walk], rule: Rule) -> Iterator[Told]:
    while turns := [
        (wearer, run)
        for wearer, walk in enumerate(walks)
        if (run := next(walk.runs, None)) is not None
    ]:
        for wearer, run in turns:
            _remember(zoning.memory[wearer : wearer + 1], walks[wearer], run)
        lengths = [len(run.places) for _, run in turns]
        row = np.concatenate([run.places + walks[wearer].begin for wearer, run in turns])
        turn = np.repeat(np.arange(len(turns)), lengths)
        wearers = np.array([wearer for wearer, _ in turns])
        for change in observe(zoning, _sights(fixes, wearers[turn], row), rule):
            wearer, run = turns[turn[change.fix]]
            walk, at = walks[wearer], int(row[change.fix])
            if not change.approach:
                walk.view.append(Stay(change, at - walk.begin))
            if run.refolds is None:  # nobody can be met on a way that is over
                yield _told(zoning, wearer, walk, change, int(fixes.received[at]))
        for wearer, run in turns:
            if run.refolds is not None and run.ends:
                walk = walks[wearer]
                for stay in news(walk.before, walk.view[max(walk.cut - 1, 0) :]):
                    yield _told(zoning, wearer, walk, stay.change, run.refolds)


def _remember(memory: Memory, walk: Walk, run: Run) -> None:
    """Set a bracelet's memory back where a refold begins; keep a checkpoint of each new block."""
    if run.back:
        memory[:] = walk.checkpoints[run.block]
        walk.cut = bisect_left(walk.view, int(run.places[0]), key=lambda it: it.place)
        walk.before = walk.view[max(walk.cut - 1, 0) :]
        del walk.view[walk.cut :]
        walk.reached = run.block
    while walk.reached < run.block:
        walk.reached += 1
        walk.checkpoints[walk.reached] = memory.copy()


def _sights(fixes: Fixes, wearer: Ints, row: Ints) -> Sights:
    source = fixes.source[row]
    return Sights(
        wearer,
        fixes.time[row] // 1_000_000,
        fixes.lat[row],
        fixes.lon[row],
        error_m(fixes.accuracy_m[row], source),
        source,
    )


def news(before: Sequence[Stay], now: Sequence[Stay]) -> list[Stay]:
    """What late fixes changed so that somebody should know; a stay dated anew is no news.

    A stay is new where nothing of the same state was known of that time; after a new one the next
    is told too, and the last where the present is another than was said.
    """
    known = {_identity(it) for it in before}
    spans = list(_spans(before))
    found: list[Stay] = []
    for number, (stay, (state, since, until)) in enumerate(zip(now, _spans(now), strict=True)):
        same = any(it == state and since < end and begin < until for it, begin, end in spans)
        follows = bool(found) and found[-1] is now[number - 1]
        if _identity(stay) not in known and (follows or not same):
            found.append(stay)
    said = found[-1:] or before[-1:]
    if now and (not said or said[0].change.state is not now[-1].change.state):
        found.append(now[-1])
    return found


def _identity(stay: Stay) -> tuple[ZoneState, int, int]:
    return stay.change.state, stay.change.since, stay.place


def _spans(stays: Sequence[Stay]) -> Iterator[tuple[ZoneState, float, float]]:
    """State, begin and end of each stay, in seconds."""
    ends = [*(float(it.change.since) for it in stays[1:]), np.inf]
    for stay, end in zip(stays, ends, strict=False):  # of no stay, no end
        yield stay.change.state, stay.change.since, end


def _told(zoning: Zoning, wearer: int, walk: Walk, change: Change, decided: int) -> Told:
    severity = _severity(zoning.places[wearer], change)
    since = moment(change.since * 1_000_000)
    return Told(walk.name, change.state, since, moment(decided), severity)


def _severity(place: np.void, change: Change) -> str:
    if change.approach:
        return NOTHING if change.evidence.get("why") == WITHDREW else APPROACH
    breaks = change.state is broken_by(place["kind"]) and change.crossed
    return str(MEANINGS[breach_of(place)].severity) if breaks else NOTHING
