"""`ingest.*`: a country's fixes through a real broker, judged, stored, folded and receipted.

Our figures are of everything at once: order gate, four zones a person, state, incidents and
receipts, acknowledged after commit. Baselines run in the same minutes on the same broker, database
server and kind of table; each does less.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from tests.benchmarks import baselines
from tests.benchmarks.figure import Figure
from tests.benchmarks.load import Load, Run, run
from tests.benchmarks.site import Site, on_postgresql, on_sqlite

DEVICES = int(os.environ.get("DEVICES", "700000"))
DEVICES_SQLITE = 20_000
INGESTERS = 2  # each with half of the gateways: one alone waits for its database half of the time
COUNTRY = 12_000  # fixes a second of 700,000 people, one a minute
HOLD_S = float(os.environ.get("SECONDS", "600"))
APART = 1_000_000  # between the sequence numbers of runs
# Windows of two seconds: receipts are gathered for one, and nobody should wait for those.
FLAT_OUT = Load(seconds=20, window=40_000)
MANY = Load(seconds=20, fixes=10, window=120_000)
PIPELINE = Load(seconds=6, warm=0)
TUTORIAL = Load(seconds=2, warm=0, rate=1000)
GENTLE = Load(seconds=10, warm=0, rate=30, burst=1)  # what even that keeps up with
COPY, ROWS = "mosquitto_sub | sed | psql COPY", "paho + ORM row by row"


def on_a_server() -> Iterator[Figure]:
    """`ingest.pg.*`, besides the long hold."""
    with on_postgresql(DEVICES) as site:
        copied = baselines.copied(site, _numbered(PIPELINE, 1))
        by_row = baselines.by_row(site, _numbered(TUTORIAL, 2))
        gently = baselines.by_row(site, _numbered(GENTLE, 3))
        with site.ingesting(INGESTERS) as pids:
            one = _told("ingest.pg.x1", run(site, _numbered(FLAT_OUT, 4), pids))
            yield _rate("ingest.pg.x1", one, COPY, copied.rate)
            yield _rate("ingest.pg.x1.rows", one, ROWS, by_row.rate)
            ten = _told("ingest.pg.x10", run(site, _numbered(MANY, 5), pids))
            yield _rate("ingest.pg.x10", ten, COPY, copied.rate)
            yield from _delays(site, pids, gently.p99_ms)


def _delays(site: Site, pids: Sequence[int], theirs: float) -> Iterator[Figure]:
    """Publish to commit with a country's load, and with half of it."""
    for share, suffix, number in ((1.0, "", 6), (0.5, ".half", 7)):
        load = _numbered(Load(rate=int(COUNTRY * share)), number)
        found = _told(f"ingest.pg{suffix}", run(site, load, pids))
        for which in ("p50", "p99"):
            value = found.commit_ms[which]
            baseline = f"p99 of {ROWS} at {GENTLE.rate}/s"
            name = f"ingest.pg.{which}{suffix}"
            yield Figure(name, value, "ms", baseline, theirs, theirs / value)


def held() -> Iterator[Figure]:
    """`ingest.pg.hold`: a country's load for ten minutes, or SECONDS, and what was lost."""
    with on_postgresql(DEVICES) as site, site.ingesting(INGESTERS) as pids:
        load = Load(rate=COUNTRY, seconds=HOLD_S)
        found = _told("ingest.pg.hold", run(site, load, pids))
    yield Figure("ingest.pg.hold", found.rate, "fixes/s", "asked", COUNTRY, found.rate / COUNTRY)
    stored = found.stored - found.doubled
    yield Figure("ingest.pg.hold.stored", stored, "fixes", "sent", found.sent, stored / found.sent)
    p99, p999 = found.commit_ms["p99"], found.commit_ms["p999"]
    yield Figure("ingest.pg.hold.p99", p99, "ms", "p999", p999, p999 / p99)
    first, last = found.memory_mb[0], found.memory_mb[-1]
    yield Figure("ingest.pg.hold.memory", last, "MB", "at the start", first, first / last)


def on_a_file() -> Iterator[Figure]:
    """`ingest.sqlite.x1`: a city on SQLite."""
    with on_sqlite(DEVICES_SQLITE) as site:
        by_row = baselines.by_row(site, _numbered(TUTORIAL, 1))
        with site.ingesting(1) as pids:
            one = _told("ingest.sqlite.x1", run(site, _numbered(FLAT_OUT, 2), pids))
    yield _rate("ingest.sqlite.x1", one, ROWS, by_row.rate)


def _numbered(load: Load, number: int) -> Load:
    return replace(load, first=number * APART)


def _rate(name: str, found: Run, baseline: str, theirs: float) -> Figure:
    return Figure(name, found.rate, "fixes/s", baseline, theirs, found.rate / theirs)


def _told(name: str, found: Run) -> Run:
    """Say on standard error what the figure alone does not; stop where a fix was lost."""
    sys.stderr.write(json.dumps({"run": name} | asdict(found)) + "\n")
    if found.lost or found.doubled:
        sys.exit(f"{name}: {found.lost} lost and {found.doubled} doubled of {found.sent}")
    return found
