"""How the weights do on simulated people who go, labelled: precision, lead, and flags a day.

It says how the weights behave on people made by hand, with chances made by the same hands. It says
nothing of real people. An officer looks at whoever is listed the next day and finds nothing, so
that somebody is listed again only for what is new.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.simulator.lives import NEVER, Going, Lives, live
from models.movement import BASELINE_DAYS, oddities
from models.risk_score import BANDS, DAY_S, Band, Facts, Weights, joined, score

AHEAD_DAYS = 14  # a flag is about a going that comes within so many days,
AFTER_DAYS = 3  # or came so shortly before that nobody was sure yet
AT = (10, 50, 100, 500)
FIRST_DAY = BASELINE_DAYS + 14
START_S = datetime.fromisoformat("2026-01-01T16:00:00+00:00").timestamp()


@dataclass(frozen=True)
class Flag:
    """Somebody listed on a day, and how many days later they were gone; None: not within reach."""

    person: int
    day: int
    points: float
    red: bool
    gone_in: int | None


@dataclass(frozen=True)
class Backtest:
    """What came of one run; `first` is, for each who went, when they were first listed."""

    people: int
    days: int
    flags: Sequence[Flag]
    first: dict[Going, list[int | None]]

    @property
    def a_day(self) -> float:
        """Flags per 100 people a day."""
        return 100 * len(self.flags) / (self.people * self.days)

    def precision(self, most: int | None = None) -> float | None:
        """Of the flags with most points, the share that was about somebody who went."""
        ranked = sorted(self.flags, key=lambda it: -it.points)[:most]
        right = sum(it.gone_in is not None for it in ranked)
        return right / len(ranked) if ranked else None

    def lead(self, going: Going | None = None) -> dict[str, float | None]:
        """Who went: how many, the share listed before, and how many days (median, least tenth)."""
        them = [it for how, days in self.first.items() if going in {None, how} for it in days]
        before = [it for it in them if it is not None and it > 0]
        return {
            "went": len(them),
            "listed_before": len(before) / len(them) if them else None,
            "listed_at_all": sum(it is not None for it in them) / len(them) if them else None,
            "median_days": float(np.median(before)) if before else None,
            "tenth_days": float(np.percentile(before, 10)) if before else None,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the shape that `risk backtest --json` prints."""
        return {
            "people": self.people,
            "days": self.days,
            "flags": len(self.flags),
            "flags_per_100_people_a_day": self.a_day,
            "precision": self.precision(),
            **{f"precision_at_{most}": self.precision(most) for most in AT},
            "all": self.lead(),
            **{going.value: self.lead(going) for going in Going},
        }


def run(weights: Weights, people: int, days: int, seed: int) -> Backtest:
    """Let people live, and list them day by day; the first six weeks only teach their ways."""
    lives = live(np.random.default_rng(seed), people, days)
    flags = list(_listed(weights, facts_of(lives, weights), lives))
    first = {going: _first(lives, flags, going) for going in Going}
    return Backtest(people, days - FIRST_DAY, flags, first)


def facts_of(lives: Lives, weights: Weights) -> Facts:
    """Everything that happened as facts at noon; what was unusual in a day at its end."""
    parts = [_facts(weights, name, it, 0.5) for name, it in lives.happened.items()]
    for name, odd in _unusual(lives).items():
        parts.append(_facts(weights, name, odd, 1.0))
    return joined(parts)


def _facts(weights: Weights, item: str, happened: NDArray[np.bool_], hour: float) -> Facts:
    who, day = np.nonzero(happened)
    place = np.full(len(who), weights.names.index(item), np.int64)
    at_s = (START_S + (day + hour) * DAY_S).astype(np.float64)
    return Facts(who.astype(np.int64), place, at_s, day.astype(np.int64))


def _unusual(lives: Lives) -> dict[str, NDArray[np.bool_]]:
    """What `models.movement` finds in each day, beside the four weeks before."""
    names = ("new_place", "other_night", "unusually_far")
    shape = lives.night.shape[:2]
    found = {name: np.zeros(shape, dtype=bool) for name in names}
    worn = np.flatnonzero(lives.worn)
    for day in range(BASELINE_DAYS, shape[1]):
        window = slice(day - BASELINE_DAYS, day + 1)
        odd = oddities(lives.night[worn, window], lives.far[worn, window])
        for name, metres in zip(names, odd, strict=True):
            found[name][worn, day] = ~np.isnan(metres)
    return found


def _listed(weights: Weights, facts: Facts, lives: Lives) -> Iterator[Flag]:
    looked_s = np.full(len(lives.gone), -np.inf)
    for day in range(FIRST_DAY, lives.night.shape[1]):
        now_s = START_S + (day + 1) * DAY_S
        known = (facts.at_s <= now_s) & (facts.at_s > now_s - weights.window_days * DAY_S)
        unseen = facts.at_s > looked_s[facts.case]
        scores = score(facts.only(known & unseen), weights, now_s)
        for row in np.flatnonzero(scores.band > 0):
            person = int(scores.case[row])
            gone = int(lives.gone[person])
            if gone != NEVER and day > gone + AFTER_DAYS:
                continue  # somebody searches already
            about = gone != NEVER and gone - AHEAD_DAYS <= day
            red = scores.band[row] == BANDS.index(Band.RED)
            points = float(scores.total[row])
            yield Flag(person, day, points, bool(red), gone - day if about else None)
            looked_s[person] = now_s


def _first(lives: Lives, flags: Sequence[Flag], going: Going) -> list[int | None]:
    """Of each who went so: how many days before, at most; None where nobody was told."""
    lead: dict[int, int] = {}
    for flag in flags:
        if flag.gone_in is not None:
            lead[flag.person] = max(flag.gone_in, lead.get(flag.person, flag.gone_in))
    went = [who for who, how in enumerate(lives.going) if how is going]
    return [lead.get(who) for who in went if lives.gone[who] >= FIRST_DAY + AHEAD_DAYS]
