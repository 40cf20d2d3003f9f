"""Simulated days as columns: the simulator's people and sensors, at the full grain of the grid.

A fix a minute with whole seconds, as receivers report; drift to 1e-7 degrees; a Doppler speed with
noise; a course that means nothing while somebody stands; a radio that takes its time; outages that
lose some fixes and bring others late.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import atan2, degrees, log
from random import Random

import numpy as np

from devices.datum import Point
from devices.messages import Fix, Source, Strap
from devices.simulator.coverage import Coverage, Outages
from devices.simulator.ground import between, moved
from devices.simulator.person import Dweller, Habit, Person
from devices.simulator.sensor import Sensor
from models.fix import SOURCES
from models.grid import STEPS, micros
from models.packing import NAMES, Numbers

MINUTE_S = 60.0
LIES_PER_DAY = 6.0
DRAIN_A_MINUTE, CHARGE_A_MINUTE = 1 / 2160, 1 / 120
DELAY_S, DELAY_SPREAD = 0.7, 0.5  # median, and of its logarithm
ZUNYI = (27.72, 106.92)
FAR_M = 3000.0


def simulated_day(seed: int, start: datetime, minutes: int = 1440) -> dict[str, Numbers]:
    """The columns of one bracelet from `start` on, in order of time and seq."""
    dice = Random(seed)  # noqa: S311 - a simulation
    coverage = Coverage("b", Outages(), dice, lambda _truth: None)
    rows = [
        _row(arrived, now, _delay_s(dice, arrived.source))
        for fix, now in _fixes(dice, start, minutes)
        for arrived in coverage.carry([fix], now, MINUTE_S)
        if isinstance(arrived, Fix)
    ]
    rows.sort(key=lambda row: row[:2])
    across = np.array(rows, np.int64).reshape(len(rows), len(NAMES))
    return {name: np.ascontiguousarray(across[:, place]) for place, name in enumerate(NAMES)}


def _fixes(dice: Random, start: datetime, minutes: int) -> Iterator[tuple[Fix, datetime]]:
    """Each fix, and the moment at which it was measured, of which it tells the whole second."""
    person = Person(_dweller(dice), dice, start)
    sensor = Sensor(dice, LIES_PER_DAY)
    battery, charging = dice.uniform(0.3, 1), False
    seq, phase_s, before = dice.randrange(10**6), dice.uniform(0, MINUTE_S), person.position
    for minute in range(minutes):
        now = start + timedelta(seconds=phase_s + MINUTE_S * minute)
        person.live(now, MINUTE_S)
        still = person.speed_mps == 0
        reading = sensor.measure(MINUTE_S, indoors=still)
        lat, lon = moved(person.position, reading.error)
        battery += CHARGE_A_MINUTE if charging else -DRAIN_A_MINUTE
        charging = battery < 0.2 or (charging and battery < 1)
        battery = min(battery, 1.0)
        seq += 1 if dice.random() < 0.99 else 2
        yield (
            Fix(
                device="b",
                seq=seq,
                time=now.replace(microsecond=0),
                lat=lat,
                lon=lon,
                accuracy_m=reading.accuracy_m,
                source=reading.source,
                speed_mps=abs(dice.gauss(person.speed_mps, 0.1 if still else 0.8)),
                heading_deg=_course(dice, before, person.position),
                battery=battery,
                strap=Strap.CLOSED,
                worn=True,
            ),
            now,
        )
        before = person.position


def _dweller(dice: Random) -> Dweller:
    home, work = (
        moved(ZUNYI, (dice.uniform(-FAR_M, FAR_M), dice.uniform(-FAR_M, FAR_M))) for _ in range(2)
    )
    return Dweller("b", home, work, dice.choice(list(Habit)))


def _course(dice: Random, before: Point, after: Point) -> float:
    if before == after:
        return dice.uniform(0, 360)
    north_m, east_m = between(before, after)
    return (degrees(atan2(east_m, north_m)) + dice.gauss(0, 8)) % 360


def _delay_s(dice: Random, source: Source) -> float:
    search_s = 0.0 if source is Source.GNSS else dice.uniform(0, 3)
    return search_s + dice.lognormvariate(log(DELAY_S), DELAY_SPREAD)


def _row(fix: Fix, now: datetime, delay_s: float) -> tuple[int, ...]:
    received_us = micros(now + timedelta(seconds=delay_s))
    steps = [round(getattr(fix, name) * STEPS[name]) for name in STEPS]
    words = (SOURCES.index(fix.source.value), 0, 0, 1)
    return (micros(fix.time), fix.seq, received_us // 1000 * 1000, *steps, *words)
