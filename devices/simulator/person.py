"""Where people are: at home, at work, on a stroll, between them, or gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from math import cos, pi, sin
from random import Random

from devices.datum import Point
from devices.simulator.ground import moved, towards

LOCAL = timezone(timedelta(hours=8))
WALK_MPS, RIDE_MPS, DRIVE_MPS = 1.3, 8.0, 15.0


class Habit(StrEnum):
    """How somebody's day goes."""

    WORKER = "worker"
    NIGHT_SHIFT = "night_shift"
    HOMEBODY = "homebody"


@dataclass(frozen=True, slots=True)
class Dweller:
    """Somebody who wears `device`; a homebody needs no work."""

    device: str
    home: Point
    work: Point | None = None
    habit: Habit = Habit.WORKER


class Person:
    """The true position of one dweller, moved by `live`."""

    def __init__(self, dweller: Dweller, dice: Random, life: datetime) -> None:
        self._home = dweller.home
        self._work = dweller.work or dweller.home
        self._habit = dweller.habit
        self._late_h = dice.uniform(-0.75, 0.75)
        far_m, bearing = dice.uniform(200, 800), dice.uniform(0, 2 * pi)
        self._stroll = moved(dweller.home, (far_m * cos(bearing), far_m * sin(bearing)))
        self._destination: Point | None = None
        self._pace_mps = WALK_MPS if dweller.habit is Habit.HOMEBODY else RIDE_MPS
        self.position = self._goal(life)
        self.speed_mps = 0.0

    @property
    def is_home(self) -> bool:
        """Whether exactly at home, where chargers are."""
        return self.position == self._home

    def depart(self, destination: Point) -> None:
        """Leave for good."""
        self._destination = destination
        self._pace_mps = DRIVE_MPS

    def live(self, life: datetime, seconds: float) -> None:
        """Spend `seconds` of life going where the hour says."""
        goal = self._goal(life)
        self.speed_mps = 0.0 if self.position == goal else self._pace_mps
        self.position = towards(self.position, goal, self.speed_mps * seconds)

    def _goal(self, life: datetime) -> Point:
        if self._destination:
            return self._destination
        local = life.astimezone(LOCAL)
        hour = (local.hour + local.minute / 60 - self._late_h) % 24
        match self._habit:
            case Habit.WORKER:
                return self._work if 8 <= hour < 18 else self._home  # noqa: PLR2004 (office hours)
            case Habit.NIGHT_SHIFT:
                return self._home if 6 <= hour < 20 else self._work  # noqa: PLR2004 (its inverse)
        strolling = 9 <= hour < 10.5 or 16 <= hour < 17  # noqa: PLR2004 (morning market, evening walk)
        return self._stroll if strolling else self._home
