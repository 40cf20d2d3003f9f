"""What would have been raised under a rule: stored fixes folded as the live service folds them.

Late fixes stand at their own time here, as the past looks once they are folded into it. Whoever
closes incidents is not replayed: one that is over counts as closed, and the next is another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from correction_service.zones.zone_watch import breach_of
from models.area import GeoJson
from models.containment import NOT_IN_FORCE, WITHDREW, Change, Sights, Zoning, observe
from models.evidence import error_m
from models.grid import STEPS
from models.ground import Drawn, Grounds, Ints, broken_by
from models.incident import IncidentKind
from models.memory import blank
from models.packing import NULL, Columns
from models.rule import Rule
from models.zone import ZoneState

FOREVER = np.inf
SECOND = 1_000_000  # microseconds


@dataclass(slots=True)
class Opening:
    """An incident that would be opened; moments in seconds since 1970."""

    zone_id: int
    kind: IncidentKind
    since: float  # by the device's clock
    decided: float  # by the service's
    ended: float = FOREVER

    def meets(self, begin: float, end: float, slack: float) -> bool:
        """Whether it and a time are of the same storm: no more than `slack` seconds apart."""
        return self.since <= end + slack and begin <= self.ended + slack


@dataclass(slots=True)
class Trial:
    """One rule on its way through the days; `zoning` has memories of its own."""

    rule: Rule
    zoning: Zoning
    openings: list[Opening] = field(default_factory=list)
    open: dict[int, Opening] = field(default_factory=dict)  # by place

    def follow(self, sights: Sights, received: Ints) -> None:
        """Fold some more fixes, later than all before; `received` in seconds."""
        for change in observe(self.zoning, sights, self.rule):
            self._take(change, float(received[change.fix]))

    def _take(self, change: Change, decided: float) -> None:
        """Open and end as `zone_watch.answer` does."""
        place, why = self.zoning.places[change.place], change.evidence.get("why")
        breaks = change.state is broken_by(place["kind"])
        if breaks or (change.approach and why != WITHDREW):
            if (change.crossed or change.approach) and change.place not in self.open:
                zone_id, breach = int(place["zone_id"]), breach_of(place)
                made = Opening(zone_id, breach, float(change.since), decided)
                self.open[change.place] = made
                self.openings.append(made)
        elif why in {NOT_IN_FORCE, WITHDREW} or change.state is not ZoneState.UNKNOWN:
            over = self.open.pop(change.place, None)
            if over is not None:
                over.ended = float(change.since)


def trials(
    rules: Iterable[Rule],
    grounds: Grounds,
    zones: Sequence[Sequence[Drawn]],
    shapes: Mapping[int, GeoJson],
) -> list[Trial]:
    """A trial a rule, over the same zones of each wearer, of which nothing is known yet."""
    places = grounds.places([zone for its in zones for zone in its], shapes.__getitem__)
    counts = np.array([len(its) for its in zones], dtype=np.int64)
    first = np.cumsum(counts) - counts
    return [
        Trial(rule, Zoning(places, blank(places["zone_id"]), grounds, first, counts))
        for rule in rules
    ]


def sights_of(wearers: Sequence[Columns]) -> tuple[Sights, Ints]:
    """Packed columns of each wearer, in order of time, as what the fold reads; when they came."""
    lengths = [len(it["time"]) for it in wearers]
    names = ("time", "received", "lat", "lon", "accuracy_m", "source")
    time, received, lat, lon, steps, source = (
        np.concatenate([it[name] for it in wearers]) for name in names
    )
    accuracy_m = np.where(steps == NULL, np.nan, steps / STEPS["accuracy_m"])
    sights = Sights(
        np.repeat(np.arange(len(wearers)), lengths),
        time // SECOND,
        lat / STEPS["lat"],
        lon / STEPS["lon"],
        error_m(accuracy_m, source),
        source,
    )
    return sights, received // SECOND
