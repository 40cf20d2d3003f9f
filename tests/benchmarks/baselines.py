"""What a country could be carried with otherwise, on the same broker, database and kind of table.

`mosquitto_sub | sed | psql COPY` is the fastest pipeline of ready-made parts that ends in the same
columns: one endless COPY, so a duplicate or a malformed fix would undo all of it, and the broker
is acknowledged long before anything is committed.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import MetaData, make_url, text

from correction_service.db import engine_for
from tests.benchmarks import row_by_row
from tests.benchmarks.load import Load, Stage
from tests.benchmarks.mosquitto import SERVICE
from tests.benchmarks.site import FLEET, Site

COPIED = "fix_copied"
COLUMNS = (
    "received, device_id, seq, time, lat, lon, crs, accuracy_m, source, speed_mps, heading_deg,"
    " battery, strap_open, worn"
)
# From `received topic {"seq": 1, …}` to CSV in the order of COLUMNS; the tables keep whole steps,
# so points of decimals go, and words become the numbers that they are stored as.
SED = r"""
s|^([^ ]+) correction/v1/[^/]+/br-([0-9]+)/fix \{|\1,\2,|
s/"[a-z_]+": *//g
s/ //g
s/([0-9])\.([0-9]+)([,}])/\1\2\3/g
s/"wgs84"/0/
s/"gnss"/0/
s/"wifi"/1/
s/"lbs"/2/
s/"closed"/f/
s/\}$//
"""
LAST_PERCENT = (
    "SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY"
    " extract(epoch FROM pg_xact_commit_timestamp(xmin) - time)) * 1000 FROM fix_by_row"
    " WHERE seq / 1000000 = {number}"
)
UNFLUSHED = 2000  # lines that may stay in the buffers of the pipeline until its end
SETTLE_S = 2.0  # for those
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Came:
    """What came of a baseline: fixes a second, and how many were sent and stored."""

    rate: float
    sent: int
    stored: int
    p99_ms: float = 0.0  # publish to commit; on PostgreSQL, of `by_row`


def copied(site: Site, load: Load) -> Came:
    """Fixes a second of `mosquitto_sub | sed | psql COPY`; on PostgreSQL."""
    _like_fix(site, COPIED)
    progress = "SELECT coalesce(sum(tuples_processed), 0) FROM pg_stat_progress_copy"
    with _subscribed(site), _pipeline(site):
        came = _measured(site, load, progress, UNFLUSHED)
    return replace(came, stored=_ask(site, "SELECT count(*) FROM fix_copied"))


@contextmanager
def _pipeline(site: Site) -> Iterator[None]:
    plain = make_url(site.url).set(drivername="postgresql").render_as_string(hide_password=False)
    received = "@Y-@m-@dT@H:@M:@S.@NZ %t %p"
    into = f"COPY {COPIED} ({COLUMNS}) FROM STDIN (FORMAT csv)"
    plainly = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    with (
        subprocess.Popen(
            [*_subscriber(site), "-c", "-F", received], stdout=subprocess.PIPE, env=plainly
        ) as heard,
        subprocess.Popen(
            ["sed", "-E", SED], stdin=heard.stdout, stdout=subprocess.PIPE, env=plainly
        ) as laid_out,
        subprocess.Popen(
            [_program("psql"), "-qX", plain, "-c", into], stdin=laid_out.stdout
        ) as end,
    ):
        yield
        time.sleep(SETTLE_S)
        heard.terminate()
        end.wait(PATIENCE_S)


def _subscriber(site: Site) -> list[str]:
    account = ["-u", SERVICE.name, "-P", SERVICE.secret, "-i", SERVICE.name]
    topic = ["-q", "1", "-t", "correction/v1/+/+/fix"]
    return [_program("mosquitto_sub"), "-p", str(site.broker.port), *account, *topic]


@contextmanager
def _subscribed(site: Site) -> Iterator[None]:
    """The broker keeps what comes until the block ends; kept on, it would slow all later runs."""
    for_a_moment = [*_subscriber(site), "-E"]
    subprocess.run([*for_a_moment, "-c"], check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run(for_a_moment, check=True, stdout=subprocess.DEVNULL)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is not installed: apt-get install mosquitto-clients postgresql-client")
    return found


def by_row(site: Site, load: Load) -> Came:
    """Fixes a second of paho with one ORM insert and one commit a message."""
    if site.postmaster is None:
        engine = engine_for(site.url)
        metadata = MetaData()
        row_by_row.table(metadata)
        metadata.create_all(engine)
        engine.dispose()
    else:
        _like_fix(site, row_by_row.NAME)
    words = [site.url, str(site.broker.port), SERVICE.name, SERVICE.secret]
    number = load.first // 1_000_000
    stored = f"SELECT count(*) FROM fix_by_row WHERE seq / 1000000 = {number}"  # noqa: S608 - ours
    with _subscribed(site), site.running("tests.benchmarks.row_by_row", *words):
        came = _measured(site, load, stored, 0)
    if site.postmaster is None:
        return came
    return replace(came, p99_ms=_ask(site, LAST_PERCENT.format(number=number)))


def _like_fix(site: Site, name: str) -> None:
    engine = engine_for(site.url)
    with engine.begin() as connection:
        for statement in (
            f"CREATE TABLE IF NOT EXISTS {name} (LIKE fix INCLUDING ALL) PARTITION BY RANGE (time)",
            f"CREATE TABLE IF NOT EXISTS {name}_default PARTITION OF {name} DEFAULT",
        ):
            connection.execute(text(statement))
    engine.dispose()


def _measured(site: Site, load: Load, progress: str, short: int) -> Came:
    """From the first publish until `progress` has counted all but `short` fixes."""
    words = [str(site.homes_file), "--port", str(site.broker.port), *load.words()]
    with site.running(FLEET, *words, "--no-receipts") as fleet:
        assert fleet.stdin is not None
        assert fleet.stdout is not None
        fleet.stdin.write("go\n")
        fleet.stdin.flush()
        stages: list[Stage] = [json.loads(line) for line in fleet.stdout]
    sent = stages[-1]["sent"]
    _until(lambda: _ask(site, progress) >= sent + stages[-1]["knocks"] - short)
    rate = (sent - short) / (time.time() - stages[0]["at"])
    return Came(rate, sent, _ask(site, progress))


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            sys.exit("a baseline never came to its end")
        time.sleep(0.05)


def _ask(site: Site, query: str) -> int:
    engine = engine_for(site.url)
    with engine.connect().execution_options(sqlite_read=True) as connection:
        found: int = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return int(found)
