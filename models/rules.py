"""Which rule of the zone engine is in force when, and within which bounds its figures may be set.

Each fix is judged under the rule in force at its own time, so that live, late and replayed fixes
are judged alike on both sides of a change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np

from models.containment import Change, Sights, Zoning
from models.containment import observe as observe_under
from models.errors import Invalid
from models.rule import RULE, Rule


class Bounds(NamedTuple):
    """The least and the most that a figure may be; `whole` ones are counts or seconds."""

    least: float
    most: float
    whole: bool = False


# Evidence is kept up to 12. Beyond these bounds a rule would decide from single
# fixes, or hardly ever.
BOUNDS: dict[str, Bounds] = {
    "decided": Bounds(2.0, 12.0),
    "lasting": Bounds(4.0, 12.0),
    "cleared": Bounds(0.0, 8.0),
    "approached": Bounds(1.0, 8.0),
    "far_m": Bounds(500.0, 20_000.0),
    "sure": Bounds(1.0, 5.0),
    "sure_moving_s": Bounds(0, 1800, whole=True),
    "sure_s": Bounds(60, 3600, whole=True),
    "steady": Bounds(1, 20, whole=True),
    "stale_s": Bounds(600, 7200, whole=True),
}
# Pairs of which the first may not be more than the second.
ORDERED = (
    ("cleared", "decided", "A return is believed below the evidence that settles a departure."),
    ("approached", "decided", "An approach is told before the evidence settles anything."),
    ("decided", "lasting", "Who stays put needs at least as much evidence as who is on the move."),
    ("sure_moving_s", "sure_s", "Who stays put is watched at least as long."),
)


def figures_of(rule: Rule) -> dict[str, float]:
    """The figures of a rule by name, without its version."""
    return {name: getattr(rule, name) for name in BOUNDS}


def ruled(figures: Mapping[str, float], version: str = RULE.version) -> Rule:
    """The rule with these figures, the others as the engine has them; unchecked."""
    known = {name: bounds for name, bounds in BOUNDS.items() if name in figures}
    typed = {name: _typed(figures[name], bounds) for name, bounds in known.items()}
    return RULE._replace(version=version, **typed)  # type: ignore[arg-type] # each by its bounds


def checked(figures: Mapping[str, float]) -> Rule:
    """The same, or `Invalid`, which names the figure that is out of bounds or of order."""
    for name, number in figures.items():
        _check(name, number)
    rule = ruled(figures)
    for low, high, sentence in ORDERED:
        if getattr(rule, low) > getattr(rule, high):
            raise Invalid(sentence, field=low)
    return rule


def _check(name: str, number: float) -> None:
    bounds = BOUNDS.get(name)
    if bounds is None:
        raise Invalid("The rule has no such figure.", field=name)
    facts = {"least": f"{bounds.least:g}", "most": f"{bounds.most:g}"}
    if not bounds.least <= number <= bounds.most:
        raise Invalid("This figure is from %(least)s to %(most)s.", field=name, **facts)
    if bounds.whole and number != int(number):
        raise Invalid(
            "This figure is a whole number from %(least)s to %(most)s.", field=name, **facts
        )


def _typed(number: float, bounds: Bounds) -> float:
    return int(number) if bounds.whole else float(number)


class Rules:
    """Rules, each in force from a moment until the next begins; before the first the engine's own.

    Of two that begin at once the later one counts.
    """

    def __init__(self, begun: Iterable[tuple[datetime, Rule]] = ()) -> None:
        ordered = sorted(begun, key=lambda it: it[0])
        self._begins = np.array([it.timestamp() for it, _ in ordered], dtype=np.float64)
        self._all = (RULE, *(rule for _, rule in ordered))

    def at(self, moment: datetime) -> Rule:
        """The rule in force at a moment."""
        return self._all[int(np.searchsorted(self._begins, moment.timestamp(), side="right"))]

    def observe(self, zoning: Zoning, sights: Sights) -> list[Change]:
        """Fold as `containment.observe` does, each fix under the rule of its own time."""
        turns = np.searchsorted(self._begins, sights.at, side="right")
        if not len(turns) or turns.min() == turns.max():  # nearly always
            return observe_under(zoning, sights, self._all[turns[0]] if len(turns) else RULE)
        changes: list[Change] = []
        for turn in np.unique(turns).tolist():
            chosen = np.flatnonzero(turns == turn)
            part = Sights(*(column[chosen] for column in sights))  # type: ignore[arg-type] # each keeps its type
            changes += [
                replace(change, fix=int(chosen[change.fix]))
                for change in observe_under(zoning, part, self._all[turn])
            ]
        return changes
