"""What two rules would have raised, side by side, and what officers found of it: counts only."""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from math import ceil
from typing import Any, NamedTuple

from correction_service.zones.what_if_folds import Opening
from models.incident import FALSE_ALARMS, Cause, IncidentKind

SAME_STORM_S = 1800.0  # apart at most, as after half an hour nobody knows
SAME_MOMENT_S = 30.0


class Finding(StrEnum):
    """What officers made of the incident of that time."""

    FALSE = "false"
    TRUE = "true"
    OPEN = "open"
    NONE = "none"  # there was no incident


class Recorded(NamedTuple):
    """An incident that was really opened; moments in seconds since 1970."""

    zone_id: int
    kind: IncidentKind
    since: float
    last: float
    cause: Cause | None

    @property
    def finding(self) -> Finding:
        """What officers made of it."""
        if self.cause is None:
            return Finding.OPEN
        return Finding.FALSE if self.cause in FALSE_ALARMS else Finding.TRUE


def compared(
    present: Sequence[Opening], proposed: Sequence[Opening], recorded: Sequence[Recorded]
) -> dict[str, Any]:
    """By kind of incident: what each rule opens by finding, what vanishes, is new, or is later."""
    opened = {it.kind for it in (*present, *proposed)}
    kinds = sorted(opened | {it.kind for it in recorded})
    return {
        kind.value: _of_kind(
            [it for it in present if it.kind is kind],
            [it for it in proposed if it.kind is kind],
            [it for it in recorded if it.kind is kind],
        )
        for kind in kinds
    }


def _of_kind(
    present: Sequence[Opening], proposed: Sequence[Opening], recorded: Sequence[Recorded]
) -> dict[str, Any]:
    incidents: dict[int, list[Recorded]] = defaultdict(list)
    for incident in recorded:
        incidents[incident.zone_id].append(incident)
    before, after = _by_zone(present), _by_zone(proposed)
    vanish: list[Finding] = []
    later, earlier = [], 0
    for it in present:
        same = _met(it, after[it.zone_id])
        if same is None:
            vanish.append(_finding(it, incidents[it.zone_id]))
        elif same.decided > it.decided + SAME_MOMENT_S:
            later.append(same.decided - it.decided)
        else:
            earlier += same.decided < it.decided - SAME_MOMENT_S
    return {
        "recorded": _counted([it.finding for it in recorded]),
        "present": _counted([_finding(it, incidents[it.zone_id]) for it in present]),
        "proposed": _counted([_finding(it, incidents[it.zone_id]) for it in proposed]),
        "vanish": _counted(vanish),
        "new": sum(_met(it, before[it.zone_id]) is None for it in proposed),
        "earlier": earlier,
        "later": len(later),
        "later_p50_s": _ranked(later, 0.5),
        "later_p90_s": _ranked(later, 0.9),
    }


def _by_zone(openings: Sequence[Opening]) -> dict[int, list[Opening]]:
    found = defaultdict(list)
    for it in openings:
        found[it.zone_id].append(it)
    return found


def _met(of: Opening, among: Sequence[Opening]) -> Opening | None:
    """The first opening of the same storm."""
    met = (it for it in among if of.meets(it.since, it.ended, SAME_STORM_S))
    return min(met, key=lambda it: it.decided, default=None)


def _finding(of: Opening, incidents: Sequence[Recorded]) -> Finding:
    met = (it.finding for it in incidents if of.meets(it.since, it.last, SAME_STORM_S))
    return next(met, Finding.NONE)


def _counted(findings: Sequence[Finding]) -> dict[str, int]:
    return {it.value: findings.count(it) for it in Finding} | {"all": len(findings)}


def _ranked(times: Sequence[float], share: float) -> float | None:
    """A percentile by nearest rank."""
    return sorted(times)[ceil(share * len(times)) - 1] if times else None
