"""A person, a bracelet and its radio, and what befalls them."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from msgspec.structs import replace
from shapely.geometry.base import BaseGeometry

from devices.messages import Event, Fix
from devices.simulator.bracelet import Bracelet
from devices.simulator.coverage import DAY_S, Coverage, Outages
from devices.simulator.ground import contains, way_out
from devices.simulator.person import Dweller, Person
from devices.simulator.sensor import Sensor
from devices.simulator.truth import Happening, Tell, Truth


@dataclass(frozen=True, slots=True)
class Chances:
    """What befalls one wearer by chance, in times a day of the clock."""

    outages: Outages = field(default_factory=Outages)
    lies: float = 6.0
    strap_cuts: float = 0.0
    departures: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One step: clock and life at its end, and how much of each has passed."""

    now: datetime
    life: datetime
    elapsed_s: float
    speed: float


class Wearer:
    """One member of the fleet; nothing it does depends on another's dice."""

    def __init__(
        self,
        dweller: Dweller,
        *,
        dice: Random,
        chances: Chances,
        interval_s: tuple[float, float],
        boundary: BaseGeometry,
        started: datetime,
        tell: Tell,
    ) -> None:
        self._dice = dice
        self._chances = chances
        self._boundary = boundary
        self._tell = tell
        self._person = Person(dweller, dice, started)
        self.bracelet = Bracelet(
            dweller.device,
            self._person,
            Sensor(dice, chances.lies),
            dice=dice,
            interval_s=interval_s,
            started=started,
        )
        self._coverage = Coverage(dweller.device, chances.outages, dice, tell)
        self._departure: Truth | None = None
        self._noticed: list[Fix | Event] = []

    def step(self, moment: Moment) -> list[Fix | Event]:
        """Live on, and say what arrives by the end of the step."""
        self._person.live(moment.life, moment.elapsed_s * moment.speed)
        if self._happens(self._chances.strap_cuts, moment):
            self.cut_strap(moment.now)
        if self._happens(self._chances.departures, moment):
            self.depart(moment.now)
        self._watch_crossing(moment.now)
        said = [*self._noticed, *self.bracelet.says(moment.now, moment.elapsed_s, moment.speed)]
        self._noticed.clear()
        return self._coverage.carry(said, moment.now, moment.elapsed_s)

    def depart(self, now: datetime) -> None:
        """Leave for good, by the nearest edge of the boundary and at least 10 km on."""
        if self._departure is None:
            self._person.depart(way_out(self._boundary, self._person.position))
            self._departure = self._told(Happening.DEPARTURE, now)

    def cut_strap(self, now: datetime) -> None:
        """Cut the strap and leave the bracelet where it falls."""
        if not self.bracelet.is_cut:
            self._noticed.append(self.bracelet.cut_strap(now))
            self._told(Happening.STRAP_CUT, now)

    def lose_touch(self, now: datetime) -> None:
        """Go out of coverage for a while."""
        self._coverage.begin(now)

    def _watch_crossing(self, now: datetime) -> None:
        leaving = self._departure
        if leaving is None or leaving.crossed is not None:
            return
        if not contains(self._boundary, self._person.position):
            self._departure = replace(leaving, crossed=now)
            self._tell(self._departure)

    def _told(self, kind: Happening, now: datetime) -> Truth:
        truth = Truth(device=self.bracelet.device, kind=kind, start=now)
        self._tell(truth)
        return truth

    def _happens(self, times_a_day: float, moment: Moment) -> bool:
        return self._dice.random() < times_a_day * moment.elapsed_s / DAY_S
