"""`history.*`: what a fix takes on disk, and how long one device-day takes to read, hot and packed.

Ten million fixes lie in daily partitions, in the order in which they came; the first day is packed.
The baseline is what was there before: one table, never packed, read row by row.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import MetaData, Table, and_, or_, select, text
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM, viewed
from correction_service.db import Database, open_database, upgrade
from correction_service.settings import Mode, Settings
from correction_service.storage import packing, partitions
from correction_service.storage.history import midnight
from correction_service.tracking.trails import Place, viewed_trail
from models.device import Binding
from models.fix import Fix
from models.packing import NAMES, Numbers
from tests.benchmarks.figure import Figure
from tests.benchmarks.postgres import running
from tests.tracks import simulated_day

DEVICES, DAYS = 1030, 8
TRACKS = 40  # simulated days, shared out among the devices
WEARERS = 40  # of them, who are looked at
DAY_US = 86_400_000_000
PG_EPOCH_US = 946_684_800_000_000
BEFORE, NAME = "fix_before", "history"

Look = Callable[[Session, int, datetime, datetime], list[Place]]


def measure() -> Iterator[Figure]:
    """Load, pack the first day, and look at days of everyone who wears a bracelet."""
    today = datetime.now(UTC).date()
    tracks = [simulated_day(seed, midnight(today)) for seed in range(TRACKS)]
    with _database() as (database, settings, address):
        wearers = _wear(address)
        with database.transaction(SYSTEM, "bench") as session:
            partitions.make_ahead(session, midnight(today))
        _load(address, "fix", tracks, today)
        hot_bytes = _bytes_a_fix(database, f"fix_{today + timedelta(days=1):%Y%m%d}")
        packing.run(database, settings, midnight(today) + timedelta(days=1, hours=26))
        packed_bytes = _packed_bytes_a_fix(database)
        packed_ms = _look(database, viewed_trail, wearers, [today])
        hot_ms = _look(database, viewed_trail, wearers, [today + timedelta(days=n) for n in (2, 4)])
        _empty(address)
        _load(address, BEFORE, tracks, today)
        days = [today + timedelta(days=n) for n in (0, 2, 4)]
        before_ms = _look(database, _trail_before, wearers, days)
    yield Figure(
        "history.bytes",
        packed_bytes,
        "bytes/fix",
        "heap and index of the hot table",
        hot_bytes,
        hot_bytes / packed_bytes,
    )
    baseline = f"one table of {DEVICES * DAYS} device-days, row by row"
    for name, value in (("history.trail", packed_ms), ("history.trail.hot", hot_ms)):
        yield Figure(name, value, "ms", baseline, before_ms, before_ms / value)


@contextmanager
def _database() -> Iterator[tuple[Database, Settings, str]]:
    """An invented county on a server as deploy/ sets it up, gone afterwards.

    Nobody waits for the disk: reading is measured, not writing.
    """
    with tempfile.TemporaryDirectory(prefix="correction-history-") as folder, running() as server:
        server.create(NAME)
        try:
            with psycopg.connect(server.address, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {NAME} SET synchronous_commit = off")
            upgrade(server.url(NAME))
            given = {"mode": Mode.DEMO, "data_dir": Path(folder), "database_url": server.url(NAME)}
            settings = Settings.model_validate(given)
            database = open_database(settings)
            yield database, settings, server.plain(NAME)
            database.close()
        finally:
            server.drop(NAME)


def _wear(address: str) -> list[int]:
    """Bind as many devices to cases of the same number; nobody else is needed to read a trail."""
    with psycopg.connect(address) as connection:
        connection.execute("SET session_replication_role = replica")  # keys to nowhere
        connection.execute(
            "INSERT INTO supervised_case (id, number, person_id, office_id, agency_id, category, "
            "deciding_authority, effective_on, term_start, term_end, state, state_since, level, "
            "minor) SELECT n, n, gen_random_uuid(), 1, 1, 'parole', '', '2000-01-01', "
            "'2000-01-01', '2099-12-31', 'under_correction', '2000-01-01Z', 'ordinary', false "
            "FROM generate_series(1, %s) n",
            [WEARERS],
        )
        connection.execute(
            "INSERT INTO binding (device_id, case_id, bound_at) "
            "SELECT n, n, '2000-01-01Z' FROM generate_series(1, %s) n",
            [WEARERS],
        )
    return list(range(1, WEARERS + 1))


def _load(address: str, table: str, tracks: list[dict[str, Numbers]], first: date) -> None:
    """Put every device's days into a table by binary COPY, in the order in which they came."""
    with psycopg.connect(address, autocommit=True) as connection:
        if table == BEFORE:
            connection.execute(f"CREATE UNLOGGED TABLE {BEFORE} (LIKE fix INCLUDING INDEXES)")
        for number in range(DAYS):
            if table != BEFORE:
                on = first + timedelta(days=number)
                connection.execute(f"ALTER TABLE fix_{on:%Y%m%d} SET UNLOGGED")
            rows = _rows(tracks, number)
            statement = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copy:
                copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                for start in range(0, len(rows), 2**16):
                    copy.write(rows[start : start + 2**16].tobytes())
                copy.write(b"\xff\xff")
        connection.execute(f"VACUUM ANALYZE {table}")


_WIDTHS = {"device_id": 4, "time": 8, "seq": 8, "received": 8, "lat": 4, "lon": 4}
_WIDTHS |= {"accuracy_m": 4, "speed_mps": 4, "heading_deg": 2, "battery": 2}
_WIDTHS |= {"source": 2, "crs": 2, "strap_open": 1, "worn": 1}


def _rows(tracks: list[dict[str, Numbers]], day: int) -> NDArray[np.void]:
    """A day of all devices as PostgreSQL's binary rows: a count, then each value and its width."""
    whole = [tracks[(place + day) % TRACKS] for place in range(DEVICES)]
    sizes = [len(it["time"]) for it in whole]
    fields = [("fields", ">i2")]
    for name, width in _WIDTHS.items():
        fields += [(f"{name}_bytes", ">i4"), (name, f">i{width}")]
    rows = np.empty(sum(sizes), np.dtype(fields))
    rows["fields"] = len(_WIDTHS)
    for name, width in _WIDTHS.items():
        rows[f"{name}_bytes"] = width
    rows["device_id"] = np.repeat(np.arange(1, DEVICES + 1), sizes)
    for name in NAMES:
        values = np.concatenate([it[name] for it in whole])
        if name in {"time", "received"}:
            values += day * DAY_US - PG_EPOCH_US
        rows[name] = values
    return rows[np.argsort(rows["received"], kind="stable")]


def _bytes_a_fix(database: Database, table: str) -> float:
    asked = text(f"SELECT pg_total_relation_size('{table}')::float / count(*) FROM {table}")  # noqa: S608 - our own name
    with database.reading() as session:
        return float(session.scalar(asked) or 0)


def _packed_bytes_a_fix(database: Database) -> float:
    asked = text("SELECT pg_total_relation_size('packed_day')::float / sum(fixes) FROM packed_day")
    with database.reading() as session:
        return float(session.scalar(asked) or 0)


def _look(database: Database, look: Look, case_ids: list[int], days: list[date]) -> float:
    """Return the median time of looking at a day of each, logged and committed, in ms."""
    spent = []
    for day in days:
        since = midnight(day)
        for case_id in case_ids:
            began = time.perf_counter()
            with database.transaction(SYSTEM, "bench") as session:
                places = look(session, case_id, since, since + timedelta(days=1))
            spent.append((time.perf_counter() - began) * 1000)
            if len(places) < 1000:
                raise RuntimeError(f"only {len(places)} fixes of a day were found")
    return median(spent)


def _trail_before(session: Session, case_id: int, since: datetime, until: datetime) -> list[Place]:
    """The trail as it was read before there were packed days."""
    viewed(session, "view_trail", "supervised_case", case_id)
    worn = and_(
        _BEFORE.c.device_id == Binding.device_id,
        _BEFORE.c.time >= Binding.bound_at,
        or_(Binding.unbound_at.is_(None), _BEFORE.c.time < Binding.unbound_at),
    )
    query = (
        select(*(_BEFORE.c[name] for name in Place._fields))
        .join(Binding, worn)
        .where(Binding.case_id == case_id, _BEFORE.c.time >= since, _BEFORE.c.time < until)
        .order_by(_BEFORE.c.time, _BEFORE.c.seq)
    )
    return [Place(*row) for row in session.execute(query)]


def _empty(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("TRUNCATE fix, packed_day")
        connection.execute("CHECKPOINT")


_FIX = Fix.__table__
assert isinstance(_FIX, Table)
_BEFORE = _FIX.to_metadata(MetaData(), name=BEFORE)
