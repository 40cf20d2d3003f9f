from datetime import datetime, timedelta
from random import Random

import pytest

from devices.datum import Point
from devices.simulator.ground import distance_m
from devices.simulator.person import LOCAL, Dweller, Habit, Person

HOME, WORK, ABROAD = (27.70, 106.90), (27.72, 106.93), (28.5, 108.0)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=LOCAL)


def day_of(habit: Habit, step_s: int = 60) -> dict[float, Point]:
    """Positions through one day, by hour."""
    person = Person(Dweller("dev", HOME, WORK, habit), Random(1), MIDNIGHT)  # noqa: S311 (dice)
    seen = {}
    for second in range(0, 86_400, step_s):
        person.live(MIDNIGHT + timedelta(seconds=second), step_s)
        seen[second / 3600] = person.position
    return seen


@pytest.mark.parametrize(
    ("habit", "at_noon", "at_midnight"),
    [(Habit.WORKER, WORK, HOME), (Habit.NIGHT_SHIFT, HOME, WORK), (Habit.HOMEBODY, HOME, HOME)],
)
def test_people_are_where_their_habit_has_them(
    habit: Habit, at_noon: Point, at_midnight: Point
) -> None:
    day = day_of(habit)
    assert day[12.0] == at_noon
    assert day[0.0] == at_midnight
    assert day[23.5] == at_midnight


def test_a_commute_takes_its_time_and_passes_between() -> None:
    between = [it for it in day_of(Habit.WORKER).values() if it not in {HOME, WORK}]
    assert 10 <= len(between) <= 20  # two ways of 3.7 km at 8 m/s, seen each minute


def test_a_homebody_strolls_near_home() -> None:
    strolls = [distance_m(HOME, it) for it in day_of(Habit.HOMEBODY).values() if it != HOME]
    assert 100 < len(strolls) < 240
    assert max(strolls) <= 801


def test_who_departs_never_turns_back() -> None:
    person = Person(Dweller("dev", HOME, WORK), Random(1), MIDNIGHT)  # noqa: S311 (dice)
    person.depart(ABROAD)
    gone_m = []
    for minute in range(600):
        person.live(MIDNIGHT + timedelta(minutes=minute), 60)
        gone_m.append(distance_m(HOME, person.position))
    assert gone_m == sorted(gone_m)
    assert person.position == ABROAD
