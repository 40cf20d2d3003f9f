"""`zones replay`: recorded fixes in, what the live service would have acted on out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner, Result

from correction_service.commands.zones import zones
from correction_service.tracking import fix_files
from correction_service.tracking.fix_files import Fixes, Unreadable
from correction_service.tracking.replay_scripts import script
from correction_service.zones import zone_replays
from correction_service.zones.zone_replays import Replayed, Told
from models.area import circle
from models.zone import ZoneKind, ZoneState

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LAT, LON, RADIUS_M = 27.7, 106.9, 300
HEADINGS = "device,time,received,lat,lon,accuracy_m,source"
HOME = circle(LAT, LON, RADIUS_M)
INSIDE, OUTSIDE, UNKNOWN = ZoneState.INSIDE, ZoneState.OUTSIDE, ZoneState.UNKNOWN
Row = tuple[str, float, float, float]  # device, minute, minute received, metres north


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def walk(device: str, metres: Sequence[float], start: float = 0) -> list[Row]:
    return [(device, start + n, start + n + 0.1, north) for n, north in enumerate(metres)]


def fixes(rows: Sequence[Row]) -> Fixes:
    ordered = sorted(rows, key=lambda row: row[2])
    names = list(dict.fromkeys(row[0] for row in ordered))
    count = len(ordered)
    return Fixes(
        names=names,
        device=np.array([names.index(row[0]) for row in ordered]),
        time=np.array([int(at(row[1]).timestamp() * 1e6) for row in ordered]),
        received=np.array([int(at(row[2]).timestamp() * 1e6) for row in ordered]),
        lat=np.array([LAT + row[3] / 111_195 for row in ordered]),
        lon=np.full(count, LON),
        accuracy_m=np.full(count, 8.0),
        source=np.zeros(count, dtype=np.int64),
    )


def replayed(rows: Sequence[Row], kind: ZoneKind = ZoneKind.HOME) -> Replayed:
    return zone_replays.replay(zone_replays.drawn(kind), HOME, fixes(rows))


def states(told: Sequence[Told]) -> list[ZoneState]:
    return [it.state for it in told]


def test_a_departure_and_a_return_are_told_once_each_with_their_moments() -> None:
    told, _ = replayed(walk("a", [0] * 10 + [900] * 30 + [0] * 20))
    assert states(told) == [INSIDE, OUTSIDE, INSIDE]
    assert [it.severity for it in told] == ["none", "urgent", "none"]
    left = told[1]
    assert at(9) <= left.since <= at(11)
    assert at(10) < left.decided < at(20)


def test_to_be_inside_is_what_breaks_an_exclusion_zone() -> None:
    told, _ = replayed(walk("a", [900] * 10 + [0] * 20), ZoneKind.EXCLUSION)
    assert [(it.state, it.severity) for it in told] == [
        (OUTSIDE, "none"), (OUTSIDE, "approach"), (INSIDE, "urgent"),
    ]  # fmt: skip


def test_each_bracelet_is_judged_by_its_own_fixes_in_order_of_decisions() -> None:
    alone = walk("a", [0] * 10 + [900] * 20)
    told, _ = replayed([*alone, *walk("b", [0] * 40, start=-3)])
    assert [it for it in told if it.device == "a"] == replayed(alone).told
    assert [it.decided for it in told] == sorted(it.decided for it in told)
    assert states([it for it in told if it.device == "b"]) == [INSIDE]


def test_a_departure_that_only_late_fixes_show_is_told_when_they_came() -> None:
    late = [("a", 20.0 + n, 60.2, 900.0) for n in range(15)]
    told, _ = replayed([*walk("a", [0] * 20), *walk("a", [0] * 40, start=36), *late])
    assert states(told)[-2:] == [OUTSIDE, INSIDE]
    left, back = told[-2:]
    assert left.severity == "urgent"
    assert left.decided == back.decided == at(61)
    assert left.since < at(23)


def test_late_fixes_that_change_no_decision_are_no_news() -> None:
    on_time = walk("a", [0] * 20 + [900] * 30)
    late = [
        ("a", minute, minute + 6, 900.0 if minute > 20 else 0.0) for minute in (9.5, 25.5, 30.5)
    ]
    assert states(replayed([*on_time, *late]).told) == states(replayed(on_time).told)


def test_late_fixes_that_take_a_departure_back_say_so() -> None:
    home = walk("a", [0] * 10)
    away = [("a", 10.0 + 2 * n, 10.1 + 2 * n, 900.0) for n in range(5)]
    between = [("a", 10.0 + 2 * n + s, 18.5, 0.0) for n in range(5) for s in (0.3, 1.0, 1.6)]
    told, _ = replayed([*home, *away, *between[:-2]])
    assert states(told) == [INSIDE, OUTSIDE, INSIDE]
    assert told[-1].decided == at(19)


@pytest.mark.parametrize("seed", range(5))
def test_after_late_fixes_the_present_is_what_all_fixes_in_order_give(seed: int) -> None:
    dice = Random(seed)  # noqa: S311 - a walk, not a secret
    metres = [north for _ in range(12) for north in [dice.choice((0.0, 900.0))] * 15]
    on_time = walk("a", metres)
    shuffled = [
        (name, time, heard + (dice.expovariate(0.1) if dice.random() < 0.3 else 0), north)
        for name, time, heard, north in on_time
    ]
    expected, found = (replayed(rows).told for rows in (on_time, shuffled))
    assert found[-1].state == expected[-1].state
    known = {(it.state, it.since) for it in found}
    assert len(known & {(it.state, it.since) for it in expected}) >= len(set(expected)) // 2


@pytest.mark.parametrize("seed", range(5))
def test_a_script_folds_every_fix_and_after_a_late_one_all_that_follow(seed: int) -> None:
    dice = np.random.default_rng(seed)
    times = np.arange(200) * 60_000_000
    received = times + np.where(dice.random(200) < 0.1, dice.integers(0, 10**9, 200), 0)
    place = np.argsort(received, kind="stable")
    folded: list[int] = []
    for run in script(place, received[place]):
        if run.back:
            folded = [it for it in folded if it < run.places[0]]
        folded += run.places.tolist()
        assert folded == sorted(folded)
        assert {it // 16 for it in run.places.tolist()} == {run.block}
    assert folded == list(range(200))


def test_a_clock_far_ahead_is_refused_as_the_gate_does() -> None:
    told, refused = replayed([*walk("a", [0] * 10), ("a", 60.0, 10.0, 900.0)])
    assert refused == 1
    assert states(told) == [INSIDE]


def line(minute: float, north: float, heard: float | None = None) -> str:
    moments = (it.isoformat().replace("+00:00", "Z") for it in (at(minute), at(heard or minute)))
    return ",".join(("a", *moments, f"{LAT + north / 111_195:.7f}", f"{LON}", "8", "gnss"))


def run(folder: Path, text: str, *words: str, zone: object = HOME) -> Result:
    (folder / "zone.geojson").write_text(json.dumps(zone))
    (folder / "fixes.csv").write_text(text)
    given = ("replay", "--zone", str(folder / "zone.geojson"), *words, str(folder / "fixes.csv"))
    return CliRunner().invoke(zones, given)


SWAPPED = [[27, 106], [27, 107], [28, 107], [27, 106]]
WALKED = "\n".join([HEADINGS, *(line(n, 0 if n < 10 else 900) for n in range(30))])


def test_the_command_prints_one_object_a_change(tmp_path: Path) -> None:
    ended = run(tmp_path, WALKED, "--kind", "home", "--json")
    assert ended.exit_code == 0, ended.output
    first, second = (json.loads(it) for it in ended.stdout.splitlines())
    assert list(first) == ["device", "state", "since", "decided", "severity"]
    assert (first["device"], first["state"], first["severity"]) == ("a", "inside", "none")
    assert (second["state"], second["severity"]) == ("outside", "urgent")
    assert second["decided"].endswith("Z")


@pytest.mark.parametrize("kind", ["curfew", "place"])
def test_a_curfew_and_a_place_ask_nothing_outside_their_hours(tmp_path: Path, kind: str) -> None:
    ended = run(tmp_path, WALKED, "--kind", kind, "--hours", "22:00-06:00", "--json")
    assert (ended.exit_code, ended.stdout) == (0, "")
    ended = run(tmp_path, WALKED, "--kind", kind, "--hours", "15:00-17:00", "--json")
    assert json.loads(ended.stdout.splitlines()[-1])["severity"] == "soon"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column device, time"),
        (HEADINGS, "no rows"),
        (HEADINGS.replace(",source", "") + "\n", "no column source"),
        (f"{HEADINGS}\n{line(0, 0)}\na,b\n", "line 3: 2 cells under 7 headings"),
        (f"{HEADINGS}\n{line(0, 0)}\n\n{line(1, 0)[:-4]}gps\n", "line 4, source: one of gnss"),
        (f"{HEADINGS}\n{line(0, 0).replace('2026', '26')}", "line 2, time: a moment"),
        (f"{HEADINGS}\n{line(0, 0).replace('27.7', '97.7')}", "line 2, lat: degrees"),
        (f"{HEADINGS}\n{line(0, 0).replace('106.9', 'nan')}", "line 2, lon: degrees"),
        (f"{HEADINGS}\n{line(0, 0).replace(',8,', ',-8,')}", "line 2, accuracy_m: metres"),
        (f"{HEADINGS}\n{line(0, 0)[1:]}", "line 2, device"),
    ],
)
def test_a_faulty_file_is_refused_by_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    ended = run(tmp_path, text, "--kind", "home")
    assert ended.exit_code == 2
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("zone", "words", "said"),
    [
        ({"type": "Point", "coordinates": [LON, LAT]}, (), "draw a polygon"),
        ({"type": "Polygon", "coordinates": [SWAPPED]}, (), "swapped"),
        (HOME, ("--hours", "22:00-06:00"), "only a curfew or a place has hours"),
    ],
)  # fmt: skip
def test_a_faulty_zone_is_refused(
    tmp_path: Path, zone: object, words: tuple[str, ...], said: str
) -> None:
    ended = run(tmp_path, WALKED, "--kind", "home", *words, zone=zone)
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_columns_may_stand_in_any_order_and_an_accuracy_may_be_unstated(tmp_path: Path) -> None:
    file = tmp_path / "fixes.csv"
    file.write_text(
        "source,note,lon,lat,accuracy_m,received,time,device\n"
        "wifi,x,106.9,27.7,,2026-11-20T16:00:05+08:00,2026-11-20T08:00:00,b7\n"
    )
    found = fix_files.read(file)
    assert (found.names, found.source.tolist()) == (("b7",), [1])
    assert np.isnan(found.accuracy_m).all()
    assert (found.received - found.time).tolist() == [5_000_000]


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fixes.csv").write_bytes(b"device,\xff\n")
    with pytest.raises(Unreadable, match="UTF-8"):
        fix_files.read(tmp_path / "fixes.csv")


def test_other_figures_decide_otherwise_and_wrong_ones_are_refused_by_name(tmp_path: Path) -> None:
    recorded, zone, rule = (tmp_path / name for name in ("fixes.csv", "zone.json", "rule.json"))
    rows = [line(minute, 0 if minute < 10 else 900) for minute in range(25)]
    recorded.write_text("\n".join([HEADINGS, *rows]))
    zone.write_text(json.dumps(HOME))
    asked = ["replay", "--zone", str(zone), "--kind", "home", str(recorded)]
    plain = CliRunner().invoke(zones, asked)
    assert "outside" in plain.output
    rule.write_text('{"sure_moving_s": 1800, "sure_s": 3600}')
    strict = CliRunner().invoke(zones, [*asked, "--rule", str(rule)])
    assert (strict.exit_code, "outside" in strict.output) == (0, False)
    for text, said in (('{"decided": 99}', "decided: This figure is from"), ("[]", "is wanted")):
        rule.write_text(text)
        refused = CliRunner().invoke(zones, [*asked, "--rule", str(rule)])
        assert refused.exit_code == 2
        assert said in refused.output
