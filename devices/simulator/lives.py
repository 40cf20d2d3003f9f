"""Months of many people as columns: what they do each day, and who is gone from which day on.

Ordinary people miss check-ins, fall ill, travel, sleep elsewhere and wear faulty straps. A few go:
some of them loosen first, others leave between two days without a sign. Chances are a day's, by
hand; those of movement were set so that a place over 10 km from any before, an unusual night and an
unusually far day come about as often as they were measured for 49 ordinary people in 3,461 days
(4.5, 4.2 and 3.6 of 100).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from devices.simulator.multitude import Bools, Floats

METRES = 111_195.0
LAT, LON = 27.7, 106.9
Ints = npt.NDArray[np.int64]
USUAL_PLACES = 6
STAYS = 12  # the last day before somebody goes on which a sign can begin
NEVER = -1


class Going(StrEnum):
    """How somebody goes."""

    SLOWLY = "slowly"
    AT_ONCE = "at_once"


class Leaving(NamedTuple):
    """On which days people, (people, days), loosen, and on which they are gone."""

    loose: Bools
    away: Bools


class Chances(NamedTuple):
    """Of ordinary people, a day: what an officer finds innocent within a day is not counted."""

    missed: float = 0.03  # of a check-in that is due
    late: float = 0.05
    ill: float = 0.0015  # begins an illness of 3 to 8 days, in which nobody checks in
    hospital: float = 0.4  # of illnesses: the nights are elsewhere
    undelivered: float = 0.003
    strap: float = 0.0015
    separated: float = 0.001
    power_off: float = 0.003
    home_area: float = 0.001
    curfew: float = 0.004
    overdue: float = 0.0003
    contact: float = 0.0005
    trip: float = 0.048  # a day 10 to 90 km away
    stays: float = 0.3  # of trips: the night as well
    elsewhere: float = 0.024  # a night 1.2 to 6 km from home


@dataclass
class Lives:
    """Happenings by name, each (people, days); nights and far places (people, days, 2) degrees.

    `gone` is the day from which somebody is gone, or NEVER; places of who wears nothing are NaN.
    """

    happened: dict[str, Bools]
    night: Floats
    far: Floats
    worn: Bools
    gone: Ints
    going: list[Going | None] = field(default_factory=list)


def live(
    dice: np.random.Generator,
    people: int,
    days: int,
    *,
    worn_share: float = 0.3,
    gone_share: float = 0.02,
    chances: Chances | None = None,
) -> Lives:
    """Let people live for so many days; who goes does so in the later two thirds of them."""
    chance = chances or Chances()
    gone = np.where(dice.random(people) < gone_share, dice.integers(days // 3, days, people), NEVER)
    slowly = dice.random(people) < 0.6  # noqa: PLR2004 - the share is a guess like all the others
    loosens = np.where(
        gone != NEVER, gone - np.where(slowly, dice.integers(4, STAYS, people), 0), days
    )
    day = np.arange(days)
    loose = (day >= loosens[:, None]) & (gone[:, None] != NEVER)
    away = (day >= gone[:, None]) & (gone[:, None] != NEVER)
    worn = dice.random(people) < worn_share
    ill, hospital = _illness(dice, (people, days), chance)
    leaving = Leaving(loose & ~away, away)
    happened = _happenings(dice, chance, ill, leaving, worn)
    night, far = _places(dice, chance, hospital, leaving)
    night[~worn], far[~worn] = np.nan, np.nan
    going = [
        None if it == NEVER else Going.SLOWLY if slow else Going.AT_ONCE
        for it, slow in zip(gone.tolist(), slowly.tolist(), strict=True)
    ]
    return Lives(happened, night, far, worn, gone, going)


def _illness(
    dice: np.random.Generator, shape: tuple[int, int], chance: Chances
) -> tuple[Bools, Bools]:
    ill, hospital = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    begins = np.argwhere(dice.random(shape) < chance.ill)
    lasts = dice.integers(3, 9, len(begins))
    inside = dice.random(len(begins)) < chance.hospital
    for (who, first), long, bed in zip(begins, lasts, inside, strict=True):
        ill[who, first : first + long] = True
        hospital[who, first : first + long] |= bed
    return ill, hospital


def _happenings(
    dice: np.random.Generator,
    chance: Chances,
    ill: Bools,
    leaving: Leaving,
    worn: Bools,
) -> dict[str, Bools]:
    """Of each kind and day: by the ordinary chance, or by that of who loosens or is gone."""
    shape, (loose, away) = ill.shape, leaving
    due = (np.arange(shape[1]) + dice.integers(0, 7, (shape[0], 1))) % 7 < 2  # noqa: PLR2004 - twice a week
    careless = dice.gamma(1.5, 1 / 1.5, (shape[0], 1))  # some people miss more than others
    bracelet = worn[:, None]

    def comes(ordinary: float | Floats, loosening: float, gone: float) -> Bools:
        odds = np.where(away, gone, np.where(loose, np.maximum(loosening, ordinary), ordinary))
        found: Bools = dice.random(shape) < odds
        return found

    missed = due & (comes(np.minimum(chance.missed * careless, 0.5), 0.45, 1.0) | ill)
    first = away & ~np.roll(away, 1, axis=1)
    cut = first & (dice.random(shape) < 0.5)  # noqa: PLR2004 - half of them cut the strap
    return {
        "checkin_missed": missed,
        "checkin_late": due & ~missed & comes(chance.late, 0.25, 0.0),
        "not_delivered": comes(chance.undelivered, 0.10, 0.3),
        "strap_opened": bracelet & (comes(chance.strap, 0.06, 0.0) | cut),
        "separated": bracelet & comes(chance.separated, 0.04, 0.0),
        "power_off": bracelet & comes(chance.power_off, 0.06, 0.0),
        "left_home_area": bracelet & (comes(chance.home_area, 0.04, 0.0) | (first & ~cut)),
        "out_in_curfew": bracelet & comes(chance.curfew, 0.08, 0.0),
        "leave_overdue": comes(chance.overdue, 0.01, 0.0),
        "contact": bracelet & comes(chance.contact, 0.01, 0.0),
    }


def _places(
    dice: np.random.Generator, chance: Chances, hospital: Bools, leaving: Leaving
) -> tuple[Floats, Floats]:
    """Metres from home become degrees; nobody knows where somebody is who is gone."""
    shape, (loose, away) = hospital.shape, leaving
    usual = _around(dice, dice.lognormal(8.0, 0.6, (shape[0], USUAL_PLACES)))
    chosen = dice.integers(0, USUAL_PLACES, shape)
    far = np.take_along_axis(usual, chosen[:, :, None].repeat(2, axis=2), axis=1)
    night = _around(dice, np.abs(dice.normal(0, 30, shape)))
    trip = dice.random(shape) < np.where(loose, 0.20, chance.trip)
    goal = _around(dice, dice.uniform(10_000, 90_000, shape))
    far = np.where(trip[:, :, None], goal, far)
    stays = trip & (dice.random(shape) < chance.stays)
    near = hospital | (dice.random(shape) < np.where(loose, 0.25, chance.elsewhere))
    night = np.where(near[:, :, None], _around(dice, dice.uniform(1200, 6000, shape)), night)
    night = np.where(stays[:, :, None], goal, night)
    night[away], far[away] = np.nan, np.nan
    return _degrees(night), _degrees(far)


def _around(dice: np.random.Generator, far_m: Floats) -> Floats:
    bearing = dice.uniform(0, 2 * np.pi, far_m.shape)
    return np.stack([far_m * np.cos(bearing), far_m * np.sin(bearing)], axis=-1)


def _degrees(metres: Floats) -> Floats:
    scale = np.array([1 / METRES, 1 / (METRES * np.cos(np.radians(LAT)))])
    degrees: Floats = metres * scale + np.array([LAT, LON])
    return degrees
