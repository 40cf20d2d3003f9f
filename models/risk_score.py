"""Who may be slipping away: evidence that adds up in named families, each point fading by itself.

Pure: facts and weights in, points out. A fact gives its item's points, halved with every half-life
that has passed; an item counts once a day, a family up to its cap. A band needs points *and* two
families that speak, because any one oddity is common among people who stay where they are. History
adds points and never speaks: what is past cannot confirm what is present.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_S = 86_400.0
LEAST = 0.01  # points below this are forgotten


class Family(StrEnum):
    """Where evidence comes from; families fail for different reasons."""

    CHECK_INS = "check_ins"
    DEVICE = "device"
    MOVEMENT = "movement"
    LEAVE = "leave"
    CONTACT = "contact"
    HISTORY = "history"


class Band(StrEnum):
    """What the evidence comes to. NONE is no proof that all is well."""

    NONE = "none"
    AMBER = "amber"
    RED = "red"


FAMILIES = tuple(Family)
BANDS = tuple(Band)
MUTE = frozenset({Family.HISTORY})


@dataclass(frozen=True)
class Item:
    """What one kind of fact weighs, how it fades, and what else may explain it."""

    id: str
    family: Family
    points: float
    half_life_days: float
    quality: str
    innocent: tuple[str, ...]
    source: Mapping[str, str]
    mark: str


@dataclass(frozen=True)
class Weights:
    """One version of the weights; `trained` says whether anybody fitted them to what happened."""

    version: str
    trained: bool
    items: Mapping[str, Item]
    caps: Mapping[Family, float]
    speaks_at: float  # points from which a family is a voice
    voices: int  # families that must agree
    amber: float
    red: float
    window_days: int  # older facts are not read
    source: Mapping[str, str]
    mark: str

    @property
    def names(self) -> tuple[str, ...]:
        """Items in the order that `Facts.item` counts by."""
        return tuple(self.items)


@dataclass(frozen=True)
class Facts:
    """A row a fact: whose, which item (place in `Weights.names`), when since 1970, which row."""

    case: Ints
    item: Ints
    at_s: Floats
    ref: Ints

    def __len__(self) -> int:
        return len(self.case)

    def only(self, which: NDArray[np.bool_] | Ints) -> "Facts":
        """The chosen rows."""
        return Facts(self.case[which], self.item[which], self.at_s[which], self.ref[which])


def joined(parts: Sequence[Facts]) -> Facts:
    """Several sources as one."""
    return Facts(
        np.concatenate([np.empty(0, np.int64), *(part.case for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.item for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.at_s for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.ref for part in parts)]),
    )


@dataclass(frozen=True)
class Scores:
    """A row a case that has any fact: `families` is (cases, families), `each` is by fact."""

    case: Ints
    families: Floats
    band: Ints  # place in BANDS
    each: Floats

    @property
    def total(self) -> Floats:
        """Points of all families."""
        total: Floats = self.families.sum(axis=1)
        return total


def score(facts: Facts, weights: Weights, now_s: float) -> Scores:
    """Add up what speaks at `now_s`, in seconds since 1970; facts of the future weigh nothing."""
    each = _faded(facts, weights, now_s) * _first_of_day(facts)
    cases, row = np.unique(facts.case, return_inverse=True)
    family_of = np.array([FAMILIES.index(it.family) for it in weights.items.values()], np.int64)
    place = row * len(FAMILIES) + family_of[facts.item]
    sums = np.bincount(place, each, len(cases) * len(FAMILIES)).reshape(-1, len(FAMILIES))
    families = np.minimum(sums, [weights.caps[family] for family in FAMILIES])
    return Scores(cases, families, _bands(families, weights), each)


def _faded(facts: Facts, weights: Weights, now_s: float) -> Floats:
    items = weights.items.values()
    points = np.array([it.points for it in items], np.float64)[facts.item]
    half_s = np.array([it.half_life_days * DAY_S for it in items], np.float64)[facts.item]
    age_s = now_s - facts.at_s
    faded: Floats = np.where(age_s < 0, 0.0, points * np.exp2(-np.maximum(age_s, 0) / half_s))
    return np.where(faded < LEAST, 0.0, faded)


def _first_of_day(facts: Facts) -> NDArray[np.bool_]:
    """The newest fact of each item, case and day (UTC): a storm counts once."""
    day = np.floor(facts.at_s / DAY_S)
    order = np.lexsort((-facts.at_s, day, facts.item, facts.case))
    keys = (facts.case[order], facts.item[order], day[order])
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([np.diff(key) != 0 for key in keys], axis=0)
    first = np.zeros(len(order), dtype=bool)
    first[order[new]] = True
    return first


def _bands(families: Floats, weights: Weights) -> Ints:
    loud = np.array([family not in MUTE for family in FAMILIES])
    voices = ((families >= weights.speaks_at) & loud).sum(axis=1)
    total = families.sum(axis=1)
    agreed = voices >= weights.voices
    band = np.where(agreed & (total >= weights.amber), BANDS.index(Band.AMBER), 0)
    return np.where(agreed & (total >= weights.red), BANDS.index(Band.RED), band).astype(np.int64)
