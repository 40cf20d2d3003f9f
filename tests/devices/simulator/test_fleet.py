from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import msgspec
import pytest
import shapely

from devices.messages import Command, CommandKind, Event, EventKind, Fix, ResultState, Strap
from devices.simulator.coverage import Outages
from devices.simulator.fleet import Fleet, Scripted
from devices.simulator.ground import contains, distance_m
from devices.simulator.person import Dweller, Habit
from devices.simulator.truth import Happening, Truth
from devices.simulator.wearer import Chances
from devices.wire import decode

COUNTY = shapely.box(106.7, 27.5, 107.1, 27.9)
HOME, WORK = (27.70, 106.90), (27.72, 106.93)
MIDNIGHT = datetime(2026, 11, 20, 16, tzinfo=UTC)  # in Zunyi
QUIET = Chances(outages=Outages(per_day=0), lies=0)


def dwellers(count: int = 3, habit: Habit = Habit.WORKER) -> list[Dweller]:
    return [Dweller(f"dev-{n}", HOME, WORK, habit) for n in range(count)]


fleet = partial(Fleet, boundary=COUNTY, started=MIDNIGHT, chances=QUIET)


def lived(moving: Fleet, seconds: float, step_s: float = 1.0) -> list[Fix | Event]:
    steps = range(1, int(seconds / step_s) + 1)
    return [it for n in steps for it in moving.step(MIDNIGHT + timedelta(seconds=n * step_s))]


def fixes(said: list[Fix | Event], device: str = "dev-0") -> list[Fix]:
    return [it for it in said if isinstance(it, Fix) and it.device == device]


def test_the_same_seed_says_the_same_and_another_does_not() -> None:
    wild = Chances(outages=Outages(per_day=400, mean_s=20), lies=200, strap_cuts=100)
    first, same, other = (
        lived(fleet(dwellers(), seed=seed, chances=wild), 600) for seed in (7, 7, 8)
    )
    assert first == same
    assert first != other


def test_one_wearer_does_not_depend_on_the_others() -> None:
    assert fixes(lived(fleet(dwellers(3)), 300)) == fixes(lived(fleet(dwellers(1)), 300))


def test_everything_said_is_good_on_the_wire_and_counted_up() -> None:
    seqs: dict[str, list[int]] = defaultdict(list)
    wild = Chances(outages=Outages(per_day=200, mean_s=60), lies=100, strap_cuts=20, departures=20)
    for said in lived(fleet(dwellers(), chances=wild, speed=60), 3600, step_s=2):
        kind = "fix" if isinstance(said, Fix) else "event"
        message = decode(f"correction/v1/gw/{said.device}/{kind}", msgspec.json.encode(said))
        assert [*message.fixes, *message.events] == [said]
        seqs[said.device].append(said.seq)
    assert all(one < other for numbers in seqs.values() for one, other in pairwise(numbers))


def test_reports_come_at_the_interval_whatever_the_speed() -> None:
    times = [it.time for it in fixes(lived(fleet(dwellers(1), speed=60), 600))]
    pauses_s = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert 5 <= min(pauses_s) <= max(pauses_s) <= 11


def test_a_scripted_departure_really_leaves_and_the_truth_says_when() -> None:
    leaving = fleet(dwellers(), speed=60, script=[Scripted("dev-1", after_s=40)])
    said = lived(leaving, 120)
    begun, crossed = leaving.truths()
    assert begun == Truth(
        device="dev-1", kind=Happening.DEPARTURE, start=MIDNIGHT + timedelta(seconds=40)
    )
    assert crossed.crossed is not None
    assert 40 < (crossed.crossed - MIDNIGHT).total_seconds() < 100
    inside = {
        device: [contains(COUNTY, (it.lat, it.lon)) for it in fixes(said, device)]
        for device in ("dev-0", "dev-1")
    }
    assert all(inside["dev-0"])
    assert inside["dev-1"][0]
    assert inside["dev-1"][-3:] == [False] * 3
    assert leaving.truths() == []


def test_a_cut_strap_is_said_at_once_and_the_bracelet_stays_behind() -> None:
    cutting = fleet(
        dwellers(1),
        speed=60,
        script=[Scripted("dev-0", Happening.STRAP_CUT, 30), Scripted("dev-0", after_s=60)],
    )
    said = lived(cutting, 300)
    (event,) = [it for it in said if isinstance(it, Event)]
    assert (event.event, event.time) == (EventKind.STRAP_OPEN, MIDNIGHT + timedelta(seconds=30))
    after = [it for it in fixes(said) if it.time > event.time]
    assert {(it.strap, it.worn) for it in after} == {(Strap.OPEN, False)}
    assert distance_m((after[-1].lat, after[-1].lon), HOME) < 3000
    assert {it.kind for it in cutting.truths()} == {Happening.STRAP_CUT, Happening.DEPARTURE}


def test_an_outage_loses_some_fixes_and_delivers_the_rest_late_and_in_order() -> None:
    chances = Chances(outages=Outages(per_day=0, mean_s=300, lost=0.3), lies=0)
    scripted = [Scripted("dev-0", Happening.OUTAGE, 60)]
    silent = fleet(dwellers(1), chances=chances, script=scripted)
    arrivals = [
        (at, it)
        for at in (MIDNIGHT + timedelta(seconds=n) for n in range(1, 3600))
        for it in silent.step(at)
    ]
    begun, ended = silent.truths()
    assert (begun.kind, begun.end) == (Happening.OUTAGE, None)
    assert ended.end is not None
    in_outage = [it for _, it in arrivals if begun.start <= it.time < ended.end]
    assert not [at for at, _ in arrivals if begun.start <= at < ended.end]
    assert len({at for at, it in arrivals if begun.start <= it.time < ended.end}) == 1
    assert len(in_outage) > ended.lost > 0
    seqs = [it.seq for _, it in arrivals]
    assert seqs == sorted(seqs)
    assert seqs[-1] - seqs[0] + 1 == len(seqs) + ended.lost


def test_outages_come_about_as_often_as_asked() -> None:
    chances = Chances(outages=Outages(per_day=24, mean_s=300), lies=0)
    week = fleet(dwellers(10), chances=chances, interval_s=(600, 600))
    lived(week, 2 * 86_400, step_s=60)
    begun = [it for it in week.truths() if it.kind is Happening.OUTAGE and it.end is None]
    assert 300 < len(begun) < 540


def test_a_low_battery_is_said_and_charged_at_home() -> None:
    days = fleet(dwellers(1, Habit.HOMEBODY), interval_s=(3600, 3600))
    events = [it.event for it in lived(days, 3 * 86_400, step_s=300) if isinstance(it, Event)]
    assert events[:2] == [EventKind.BATTERY_LOW, EventKind.CHARGING]


@pytest.mark.parametrize(
    ("device", "kind", "args", "state"),
    [
        ("dev-0", CommandKind.LOCATE, {}, ResultState.DONE),
        ("dev-0", CommandKind.MESSAGE, {"text": "请回电"}, ResultState.DONE),
        ("dev-0", CommandKind.INTERVAL, {"interval_s": 60}, ResultState.DONE),
        ("dev-0", CommandKind.INTERVAL, {"interval_s": "often"}, ResultState.REFUSED),
        ("dev-0", CommandKind.INTERVAL, {"interval_s": 0}, ResultState.REFUSED),
        ("dev-0", CommandKind.INTERVAL, {}, ResultState.REFUSED),
        ("dev-0", CommandKind.CONFIGURE, {}, ResultState.REFUSED),
        ("dev-9", CommandKind.LOCATE, {}, ResultState.REFUSED),
    ],
)
def test_bracelets_obey_what_they_can(
    device: str, kind: CommandKind, args: dict[str, bool | int | float | str], state: ResultState
) -> None:
    command = Command(id="c", command=kind, expires=MIDNIGHT, args=args)
    assert fleet(dwellers(1)).obey(device, command) is state


def test_locate_brings_a_fix_at_once_and_interval_changes_the_pace() -> None:
    slow = fleet(dwellers(1), interval_s=(3600, 3600))
    lived(slow, 3601)
    hour = MIDNIGHT + timedelta(seconds=3601)
    assert slow.step(hour + timedelta(seconds=1)) == []
    slow.obey("dev-0", Command(id="a", command=CommandKind.LOCATE, expires=hour))
    assert len(slow.step(hour + timedelta(seconds=2))) == 1


def test_a_script_about_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nobody wears: \['dev-9'\]"):
        fleet(dwellers(1), script=[Scripted("dev-9")])
