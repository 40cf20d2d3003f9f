"""Days that are over: packed, checked, read as before, through kills and late fixes."""

import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select, update

from correction_service import sealer
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.storage import history, packing, partitions
from correction_service.storage.history import HistoryBroken
from models.audit import AuditLeaf, AuditRecord
from models.fix import SOURCES, Fix, PackedDay
from models.grid import micros
from models.packing import NAMES, Columns, pack
from tests.history import store, wandering
from tests.processes import environment

DAY = date(2100, 3, 1)
START = datetime(2100, 3, 1, tzinfo=UTC)
NEXT = START + timedelta(days=1)
DUE = NEXT + timedelta(hours=26)
FIXES = 200


def make_days(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        partitions.make_ahead(session, START)


def read(database: Database, device_id: int, since: datetime, until: datetime) -> Columns:
    with database.reading() as session:
        return history.fixes(session, device_id, since, until)


def same(one: Columns, other: Columns) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in NAMES)


def editions(database: Database, device_id: int) -> list[tuple[int, int]]:
    its = select(PackedDay.edition, PackedDay.fixes).where(PackedDay.device_id == device_id)
    with database.reading() as session:
        return [
            (row.edition, row.fixes) for row in session.execute(its.order_by(PackedDay.edition))
        ]


def hot(database: Database) -> int:
    with database.reading() as session:
        return sum(
            session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608 - our own names
            for table in history.tables(session)
        )


@pytest.fixture
def filled(database: Database) -> Database:
    """Three devices' day and the next one's first minutes, in partitions where there are any."""
    make_days(database)
    fill(database)
    return database


def fill(database: Database) -> None:
    for device_id in (1, 2, 3):
        store(database, wandering(device_id, START, FIXES))
        store(database, wandering(device_id, NEXT, 5, seed=1))


def test_a_fix_reads_in_steps_what_was_stored(database: Database) -> None:
    rows = wandering(7, START, 50)
    store(database, rows)
    columns = read(database, 7, START, NEXT)
    assert columns["time"].tolist() == [micros(row["time"]) for row in rows]
    assert columns["received"].tolist() == [micros(row["received"]) for row in rows]
    assert columns["lat"].tolist() == [round(row["lat"] * 10**7) for row in rows]
    said = [None if it < 0 else it / 1000 for it in columns["battery"].tolist()]
    assert said == [row["battery"] for row in rows]
    assert [SOURCES[it] for it in columns["source"].tolist()] == [row["source"] for row in rows]
    assert [it if it >= 0 else None for it in columns["worn"].tolist()] == [
        row["worn"] for row in rows
    ]


def test_packed_days_read_as_they_did_when_they_were_hot(
    filled: Database, settings: Settings
) -> None:
    spans = [(START, NEXT), (START + timedelta(hours=1), NEXT + timedelta(minutes=2))]
    before = [read(filled, device, *span) for device in (1, 2, 3) for span in spans]
    packed = packing.run(filled, settings, DUE)
    after = [read(filled, device, *span) for device in (1, 2, 3) for span in spans]
    assert all(map(same, before, after))
    assert (packed.editions, packed.fixes, packed.left) == (3, 3 * FIXES, [])
    assert (DAY in packed.dropped) == (filled.engine.dialect.name == "postgresql")
    assert hot(filled) == 3 * 5
    assert packing.run(filled, settings, DUE).editions == 0


def test_rows_outside_any_partition_are_packed_alike(
    database: Database, settings: Settings
) -> None:
    fill(database)
    before = read(database, 2, START, NEXT)
    assert packing.run(database, settings, DUE).editions == 3
    assert same(read(database, 2, START, NEXT), before)
    assert hot(database) == 3 * 5


def test_a_day_is_left_alone_until_its_late_fixes_have_come(
    filled: Database, settings: Settings
) -> None:
    assert packing.run(filled, settings, DUE - timedelta(seconds=1)).editions == 0
    assert hot(filled) == 3 * (FIXES + 5)


def test_a_late_fix_makes_another_edition_and_the_first_stays(
    filled: Database, settings: Settings
) -> None:
    packing.run(filled, settings, DUE)
    late = wandering(1, START + timedelta(seconds=30), 2, seed=9)
    again = wandering(1, START, 1)  # a fix that is packed already, sent once more
    store(filled, [*late, *again])
    seen = read(filled, 1, START, NEXT)
    assert len(seen["time"]) == FIXES + 2
    assert np.all(np.diff(seen["time"]) >= 0)
    packing.run(filled, settings, DUE)
    assert editions(filled, 1) == [(1, FIXES), (2, FIXES + 2)]
    assert same(read(filled, 1, START, NEXT), seen)
    assert hot(filled) == 3 * 5


def test_a_fix_sent_again_makes_no_edition(filled: Database, settings: Settings) -> None:
    packing.run(filled, settings, DUE)
    store(filled, wandering(2, START, 3))
    assert packing.run(filled, settings, DUE).editions == 0
    assert hot(filled) == 3 * 5


def test_the_log_holds_the_digest_of_each_packed_day(filled: Database, settings: Settings) -> None:
    packing.run(filled, settings, DUE)
    with filled.transaction(SYSTEM, "test") as session:
        sealer.seal(session, DUE)
        said = (
            select(AuditRecord.subject_id, AuditRecord.detail)
            .join(AuditLeaf)
            .where(AuditRecord.action == "packed")
        )
        logged = {row.subject_id: row.detail for row in session.execute(said)}
        rows = session.scalars(select(PackedDay)).all()
        assert logged == {
            f"{row.device_id}/{DAY}/1": {"fixes": FIXES, "sha256": row.digest.hex()} for row in rows
        }


@pytest.mark.parametrize(
    "damage", [{"data": b"junk"}, {"codec": "planes-9"}, {"digest": b"0" * 32}]
)
def test_a_packed_day_that_was_changed_is_refused_by_name(
    filled: Database, settings: Settings, damage: dict[str, object]
) -> None:
    packing.run(filled, settings, DUE)
    with filled.transaction(SYSTEM, "test") as session:
        session.execute(update(PackedDay).where(PackedDay.device_id == 1).values(damage))
    with pytest.raises(HistoryBroken, match="restore"):
        read(filled, 1, START, NEXT)
    assert len(read(filled, 2, START, NEXT)["time"]) == FIXES


def test_a_device_that_cannot_be_packed_stops_no_other_and_keeps_its_rows(
    filled: Database, settings: Settings
) -> None:
    packing.run(filled, settings, DUE)
    with filled.transaction(SYSTEM, "test") as session:
        session.execute(update(PackedDay).where(PackedDay.device_id == 2).values(codec="other"))
    late = [row for device in (1, 2, 3) for row in wandering(device, START, 1, seed=5)]
    store(filled, [row | {"seq": 5} for row in late])
    packed = packing.run(filled, settings, DUE)
    assert packed.left == [(2, DAY)]
    assert packed.editions == 2
    assert hot(filled) == 3 * 5 + 1


def test_a_fix_that_comes_while_its_day_is_packed_waits_for_the_next_turn(
    filled: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = wandering(3, START + timedelta(seconds=20), 1, seed=3)

    def slowly(columns: Columns) -> bytes:
        if came:
            store(filled, [came.pop() | {"seq": 77}])
        return pack(columns)

    monkeypatch.setattr("correction_service.storage.packing.pack", slowly)
    packing.run(filled, settings, DUE)
    packing.run(filled, settings, DUE)
    assert 77 in read(filled, 3, START, NEXT)["seq"].tolist()
    assert hot(filled) == 3 * 5


COMMAND = (
    "from datetime import datetime;"
    "from correction_service.db import open_database;"
    "from correction_service.storage import packing;"
    "from correction_service.settings import load;"
    "packing.AT_ONCE = 1; settings = load();"
    f"packing.run(open_database(settings), settings, datetime.fromisoformat({DUE.isoformat()!r}))"
)


def test_a_run_that_is_killed_loses_and_doubles_nothing(
    database: Database, settings: Settings
) -> None:
    make_days(database)
    devices = range(1, 41)
    store(database, [row for it in devices for row in wandering(it, START, FIXES)])
    before = [read(database, it, START, NEXT) for it in devices]
    with subprocess.Popen([sys.executable, "-c", COMMAND], env=environment(settings)) as child:
        while not editions(database, 1):
            assert child.poll() is None or editions(database, 1)
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    assert all(map(same, before, (read(database, it, START, NEXT) for it in devices)))
    packed = packing.run(database, settings, DUE)
    assert packed.left == []
    assert all(map(same, before, (read(database, it, START, NEXT) for it in devices)))
    assert hot(database) == 0
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PackedDay)) == len(devices)
        assert session.scalar(select(func.count()).select_from(Fix)) == 0
