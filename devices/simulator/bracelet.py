"""One bracelet on one person: what it measures, notices and says."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from devices.datum import Point
from devices.messages import Event, EventKind, Fix, Strap
from devices.simulator.ground import moved
from devices.simulator.person import Person
from devices.simulator.sensor import Sensor

BATTERY_LOW = 0.2
BATTERY_EMPTY = 0.01
DRAIN_PER_S = 1 / (36 * 3600)
CHARGE_PER_S = 1 / (2 * 3600)
SPEED_MAX_MPS = 1000.0  # the contract's limit; a sped-up simulation could pass it


class Bracelet:
    """A device on an ankle. `interval_s` is the shortest and longest pause between fixes."""

    def __init__(
        self,
        device: str,
        person: Person,
        sensor: Sensor,
        *,
        dice: Random,
        interval_s: tuple[float, float],
        started: datetime,
    ) -> None:
        self.device = device
        self.person = person
        self.interval_s = interval_s
        self._sensor = sensor
        self._dice = dice
        # Without memory its counter begins at the clock, so that no run repeats another's.
        self._seq = int(started.timestamp())
        self._last_fix = started
        self._next_fix = started + timedelta(seconds=dice.uniform(0, interval_s[1]))
        self._battery = dice.uniform(0.3, 1.0)
        self._charging = False
        self._cut_at: Point | None = None

    def says(self, now: datetime, elapsed_s: float, speed: float) -> Iterator[Fix | Event]:
        """What is due: events of the battery, and a fix when the interval is over."""
        yield from self._power(now, elapsed_s)
        if now >= self._next_fix:
            yield self._fix(now, speed)

    @property
    def is_cut(self) -> bool:
        """Whether the strap was cut, after which the bracelet stays where it fell."""
        return self._cut_at is not None

    def cut_strap(self, now: datetime) -> Event:
        """Be cut off here and now."""
        self._cut_at = self.person.position
        return self._event(now, EventKind.STRAP_OPEN)

    def locate(self) -> None:
        """Say a fix at the next opportunity."""
        self._next_fix = self._last_fix

    def _fix(self, now: datetime, speed: float) -> Fix:
        still = self.is_cut or self.person.speed_mps == 0
        reading = self._sensor.measure((now - self._last_fix).total_seconds(), indoors=still)
        self._last_fix = now
        self._next_fix = now + timedelta(seconds=self._dice.uniform(*self.interval_s))
        lat, lon = moved(self._cut_at or self.person.position, reading.error)
        speed_mps = 0.0 if still else min(SPEED_MAX_MPS, self.person.speed_mps * speed)
        return Fix(
            device=self.device,
            seq=self._counted(),
            time=now,
            lat=round(lat, 6),
            lon=round(lon, 6),
            accuracy_m=round(reading.accuracy_m, 1),
            source=reading.source,
            speed_mps=round(speed_mps, 1),
            battery=round(self._battery, 2),
            strap=Strap.OPEN if self.is_cut else Strap.CLOSED,
            worn=not self.is_cut,
        )

    def _power(self, now: datetime, elapsed_s: float) -> Iterator[Event]:
        if self._charging:
            self._battery = min(1.0, self._battery + CHARGE_PER_S * elapsed_s)
            self._charging = self._battery < 1
            return
        before = self._battery
        self._battery = max(BATTERY_EMPTY, before - DRAIN_PER_S * elapsed_s)
        if self._battery < BATTERY_LOW <= before:
            yield self._event(now, EventKind.BATTERY_LOW)
        if self._battery < BATTERY_LOW and self.person.is_home:
            self._charging = True
            yield self._event(now, EventKind.CHARGING)

    def _event(self, now: datetime, kind: EventKind) -> Event:
        return Event(device=self.device, seq=self._counted(), time=now, event=kind)

    def _counted(self) -> int:
        self._seq += 1
        return self._seq
