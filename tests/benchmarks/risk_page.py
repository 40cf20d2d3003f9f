"""Write what the weights did on simulated people into docs/risk.md: a table and two charts."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks import performance
from tests.benchmarks.figure import Figure
from tests.benchmarks.performance import DOCS, TABLE, Kept

PAGE, FIGURES = DOCS / "risk.md", DOCS / "risk/figures.json"
PRECISION, LEAD = DOCS / "risk/precision.svg", DOCS / "risk/lead.svg"
WIDTH, LINE, LABELS = 760, 24, 220  # pixels
MOST_DAYS = 14
Bars = list[tuple[str, float, str]]


def write(figures: Iterable[Figure]) -> None:
    """Add these figures, measured just now, and write table and charts anew."""
    kept: Kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    when, where = f"{datetime.now(UTC):%Y-%m-%d}", performance.machine()
    kept |= {
        it.name: json.loads(it.line()) | {"details": it.details, "day": when, "machine": where}
        for it in figures
    }
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n")
    told = next(it["details"] for it in kept.values() if it["details"])
    PAGE.write_text(TABLE.sub(lambda _: table(told), PAGE.read_text()))
    PRECISION.write_text(_precision(told))
    LEAD.write_text(_lead(told["ours"]["lead"]))


def table(told: Mapping[str, Any]) -> str:
    """What was measured of both lists, by row."""
    ours, alone = told["ours"], told["alone"]
    went = {how: sum(days.values()) for how, days in ours["lead"].items()}
    lines = [
        f"| | two families ({told['weights']}) | one family is enough |",
        "| --- | ---: | ---: |",
        f"| flags per 100 people a day | {ours['a_day']:.2f} | {alone['a_day']:.2f} |",
        *(
            _row(f"precision of the {most} flags with most points", f"{share:.0%}", f"{theirs:.0%}")
            for (most, share), theirs in zip(
                ours["precision"].items(), alone["precision"].values(), strict=True
            )
            if most != "all"
        ),
        _row("precision of all flags", *(f"{it['precision']['all']:.1%}" for it in (ours, alone))),
        *(
            _row(
                f"{words}: {went[how]}; listed before",
                *(_before(it["lead"][how]) for it in (ours, alone)),
            )
            for how, words in (("slowly", "loosened first"), ("at_once", "went at once"))
        ),
    ]
    what = f"{ours['people']:,} simulated people, {ours['days']} days each after six weeks."
    return "\n".join(["", *lines, "", what, "", ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _before(days: Mapping[str, int]) -> str:
    before = sorted(int(it) for it, many in days.items() if it.isdigit() for _ in range(many))
    share = len(before) / max(sum(days.values()), 1)
    return f"{share:.0%}" + (f", median {before[len(before) // 2]} days" if before else "")


def _precision(told: Mapping[str, Any]) -> str:
    bars = [
        (f"{name}, {most} flags", told[whose]["precision"][most], css)
        for most in told["ours"]["precision"]
        for whose, name, css in (("ours", "two families", "ours"), ("alone", "one", "theirs"))
    ]
    title = "Precision by number of flags, most points first — untrained weights, simulated people"
    return _bars(title, bars, lambda value: f"{value:.0%}")


def _lead(lead: Mapping[str, Mapping[str, int]]) -> str:
    days = lead["slowly"]
    order = ["never", "after", *(str(it) for it in range(1, MOST_DAYS + 1))]
    bars = [
        (
            it if it in {"never", "after"} else f"{it} days before",
            float(days.get(it, 0)),
            "theirs" if it in {"never", "after"} else "ours",
        )
        for it in order
    ]
    title = "When those who loosened first were listed — untrained weights, simulated people"
    return _bars(title, bars, lambda value: f"{value:.0f}")


def _bars(title: str, bars: Bars, said: Callable[[float], str]) -> str:
    most, room = max(value for _, value, _ in bars) or 1.0, WIDTH - LABELS - 70
    drawn = []
    for number, (name, value, css) in enumerate(bars):
        top, long = 44 + number * LINE, max(round(value / most * room), 1)
        drawn += [
            f'<text x="{LABELS - 10}" y="{top + 13}" text-anchor="end">{name}</text>',
            f'<rect class="{css}" x="{LABELS}" y="{top}" width="{long}" height="17" rx="3"/>',
            f'<text x="{LABELS + long + 8}" y="{top + 13}">{said(value)}</text>',
        ]
    head = HEAD.format(width=WIDTH, height=54 + len(bars) * LINE, title=title)
    return "\n".join([head, *drawn, "</svg>", ""])


HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{title}</title>
<style>
text {{ font: 13px system-ui, sans-serif; fill: #1f2933 }}
.ours {{ fill: #2563a8 }} .theirs {{ fill: #9aa5b1 }} .title {{ font-weight: 600 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e4e7eb }} .ours {{ fill: #6ba5e7 }} }}
</style>
<text class="title" x="10" y="24">{title}</text>"""
