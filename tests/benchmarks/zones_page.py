"""Write the scores of zones into docs/zones.md, and draw one night with its decisions."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from devices.simulator.multitude import SOURCES, Bools
from tests.benchmarks import detectors, performance
from tests.benchmarks.crowd import MEASURING_SEEDS, SETTINGS, STEPS, Crowd, lived
from tests.benchmarks.detectors import Turns
from tests.benchmarks.figure import Figure
from tests.benchmarks.performance import DOCS, TABLE, Kept

PAGE, FIGURES, PICTURE = DOCS / "zones.md", DOCS / "zones/figures.json", DOCS / "zones/night.svg"
PEOPLE = 40  # among whom somebody is found whose night shows what a night can be
WIDTH, LEFT, RIGHT, TOP, TALL, BAND = 900, 84, 20, 110, 260, 18  # pixels
MOST_M = 1000.0
HOUR_STEPS, HOURS = 60, 3


def write(figures: Iterable[Figure]) -> None:
    """Add these figures, measured just now, and write table and picture anew."""
    kept: Kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    when, where = f"{datetime.now(UTC):%Y-%m-%d}", performance.machine()
    kept |= {
        it.name: json.loads(it.line()) | {"details": it.details, "day": when, "machine": where}
        for it in figures
    }
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(TABLE.sub(lambda _: table(kept), PAGE.read_text()))
    PICTURE.write_text(night())


def table(kept: Kept) -> str:
    """A row for each setting and detector, then updates a second and where it was measured."""
    lines = [
        "| setting | detector | wearer-days | false alerts a wearer-day | at most | delay P50 / P90, min | missed |",  # noqa: E501 - one row of a table
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, it in kept.items():
        setting = name.removeprefix("zones.fa.")
        if it["details"] and setting in SETTINGS:
            lines += [_row(setting, who, score) for who, score in it["details"].items()]
    speed = kept.get("zones.updates")
    told = (
        f"`zones.updates`: {speed['value']:,.0f} fix-zone updates a second on one core; "
        if speed
        else ""
    )
    beside = f"{speed['baseline']}: {speed['baseline_value']:,.0f}." if speed else ""
    where = "; ".join(dict.fromkeys(f"{it['day']}: {it['machine']}" for it in kept.values()))
    return "\n".join(["", *lines, "", told + beside, "", f"Measured {where}.", "", ""])


def _row(setting: str, who: str, score: dict[str, float]) -> str:
    return (
        f"| `{setting}` | {who} | {score['wearer_days']:,} | {score['false_a_day']:.4f} "
        f"| {score['at_most']:.4f} | {score['p50_min']} / {score['p90_min']} "
        f"| {score['missed']} of {score['departures']} |"
    )


def night() -> str:
    """The night of one who leaves, drifts far and is lied about: hours around the departure."""
    setting = SETTINGS["home200"]()
    crowd = lived(setting, MEASURING_SEEDS[0], PEOPLE)
    turns = {
        "every fix": detectors.every_fix(setting, crowd),
        "the service": detectors.ours(setting, crowd),
    }
    who = int(np.argmax(crowd.wrong.any(axis=0) * _flips(turns["every fix"])))
    middle = int(np.flatnonzero(crowd.wrong[:, who])[0])
    first = int(np.clip(middle - HOURS * HOUR_STEPS, 0, STEPS - 2 * HOURS * HOUR_STEPS))
    span = range(first, first + 2 * HOURS * HOUR_STEPS)
    bands = {"truth": crowd.wrong[:, who]} | {name: _held(it, who) for name, it in turns.items()}
    drawn = [
        *(
            line
            for row, (name, wrong) in enumerate(bands.items())
            for line in _band(row, name, wrong, span)
        ),
        *_axes(span),
        *_dots(crowd, who, span),
    ]
    return "\n".join([HEAD, *drawn, "</svg>", ""])


def _flips(turns: Turns) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.bincount(turns.who, minlength=PEOPLE)


def _held(turns: Turns, who: int) -> Bools:
    """What a detector held for true at every step."""
    wrong = np.zeros(STEPS, dtype=bool)
    mine = turns.who == who
    for step, state in zip(turns.step[mine].tolist(), turns.wrong[mine].tolist(), strict=True):
        wrong[step:] = state
    return wrong


def _x(step: float, span: range) -> float:
    return round(LEFT + (step - span.start) / len(span) * (WIDTH - LEFT - RIGHT), 1)


def _y(metres: float) -> float:
    return round(TOP + TALL * (1 - min(metres, MOST_M) / MOST_M), 1)


def _band(row: int, name: str, wrong: Bools, span: range) -> Iterator[str]:
    top = 34 + row * (BAND + 4)
    yield f'<text x="{LEFT - 6}" y="{top + 13}" text-anchor="end">{name}</text>'
    turned = [span.start, *(at for at in span[1:] if wrong[at] != wrong[at - 1]), span.stop]
    for begin, end in pairwise(turned):
        kind, x = "out" if wrong[begin] else "in", _x(begin, span)
        wide = round(_x(end, span) - x, 1)
        yield f'<rect class="{kind}" x="{x}" y="{top}" width="{wide}" height="{BAND}"/>'


def _axes(span: range) -> Iterator[str]:
    for metres in range(0, int(MOST_M) + 1, 200):
        y = _y(metres)
        kind = "border" if metres == 200 else "grid"
        yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{metres} m</text>'
    for step in span[::HOUR_STEPS]:
        hour = (step - span.start) // HOUR_STEPS
        yield f'<text x="{_x(step, span)}" y="{TOP + TALL + 20}">{hour} h</text>'


def _dots(crowd: Crowd, who: int, span: range) -> Iterator[str]:
    away_m = np.hypot(crowd.north_m[:, who], crowd.east_m[:, who])
    for step in span:
        if crowd.live[step, who]:
            kind = SOURCES[crowd.source[step, who]].value
            x, y = _x(step, span), _y(float(away_m[step]))
            yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="2"/>'


HEAD = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + TALL + 36}" role="img">
<title>Fixes around a home area of 200 m, what is true, and what was decided</title>
<style>
text {{ font: 12px system-ui, sans-serif; fill: #1f2933 }}
.in {{ fill: #7fb069 }} .out {{ fill: #d1495b }}
.grid {{ stroke: #cbd2d9 }} .border {{ stroke: #d1495b; stroke-dasharray: 5 4 }}
.gnss {{ fill: #2563a8 }} .wifi {{ fill: #c77d0a }} .lbs {{ fill: #7b4fa3 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e4e7eb }} .grid {{ stroke: #3e4c59 }} }}
</style>
<text x="{LEFT}" y="20">green: inside, red: outside; dots: <tspan class="gnss">satellites</tspan>,
<tspan class="wifi">WiFi</tspan>, <tspan class="lbs">cells</tspan>; top: beyond 1 km</text>"""
