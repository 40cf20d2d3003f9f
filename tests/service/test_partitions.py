"""Daily partitions: made ahead without losing what came before, closed and dropped with care."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.storage import partitions
from models.fix import Fix, PackedDay

DAY = date(2100, 3, 1)
NOON = datetime(2100, 3, 1, 12, tzinfo=UTC)

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def acting(database: Database) -> Iterator[Session]:
    with database.transaction(SYSTEM, "test") as session:
        yield session


def row(device: int, at: datetime, seq: int = 1) -> dict[str, object]:
    place = {"lat": 27.7, "lon": 106.9, "source": "gnss", "crs": "wgs84"}
    return {"device_id": device, "time": at, "seq": seq, "received": at, **place}


def table_of(session: Session, parent: str, device: int) -> list[str]:
    query = text(f"SELECT tableoid::regclass::text FROM {parent} WHERE device_id = :device")  # noqa: S608 - our own names
    return list(session.scalars(query, {"device": device}))


def test_days_ahead_are_made_once(database: Database) -> None:
    with acting(database) as session:
        made = partitions.make_ahead(session, NOON)
        assert made == (partitions.AHEAD + 1 if partitions.on_postgresql(session) else 0)
        assert partitions.make_ahead(session, NOON) == 0


def test_sqlite_has_no_partitions_and_every_verb_says_so(database: Database) -> None:
    with acting(database) as session:
        if not partitions.on_postgresql(session):
            assert not partitions.close(session, DAY)
            assert not partitions.drop(session, DAY)
            assert partitions.taking(session) == partitions.closed(session) == []


@on_postgresql
def test_a_migrated_database_takes_todays_fixes_into_todays_partition(database: Database) -> None:
    now = datetime.now(UTC)
    with acting(database) as session:
        session.execute(insert(Fix), [row(1, now)])
        assert table_of(session, "fix", 1) == [f"fix_{now:%Y%m%d}"]


@on_postgresql
def test_what_came_before_its_partition_moves_into_it(database: Database) -> None:
    before, beside = row(1, NOON), row(2, NOON + timedelta(days=40))
    with acting(database) as session:
        session.execute(insert(Fix), [before, beside])
    with acting(database) as session:
        partitions.make_ahead(session, NOON)
        assert table_of(session, "fix", 1) == ["fix_21000301"]
        assert table_of(session, "fix", 2) == ["fix_default"]
        assert session.scalars(select(Fix.time).order_by(Fix.device_id)).all() == [
            before["time"],
            beside["time"],
        ]


@on_postgresql
def test_a_day_that_is_over_gets_no_partition(database: Database) -> None:
    with acting(database) as session:
        partitions.make_ahead(session, datetime(2020, 1, 1, tzinfo=UTC))
        assert date(2020, 1, 1) not in partitions.taking(session)


@on_postgresql
def test_what_comes_after_closing_is_kept_apart(database: Database) -> None:
    with acting(database) as session:
        partitions.make_ahead(session, NOON)
        session.execute(insert(Fix), [row(1, NOON)])
        assert partitions.close(session, DAY)
        assert not partitions.close(session, DAY)
        session.execute(insert(Fix), [row(1, NOON, seq=2)])
        assert table_of(session, "fix", 1) == ["fix_default"]
        assert table_of(session, "fix_closed", 1) == ["fix_21000301"]
        assert partitions.closed(session) == [DAY]
        assert DAY not in partitions.taking(session)


@on_postgresql
def test_a_partition_with_a_device_that_is_not_packed_is_not_dropped(database: Database) -> None:
    packed = {"edition": 1, "packed_at": NOON, "fixes": 1, "codec": "c", "digest": b"", "data": b""}
    with acting(database) as session:
        partitions.make_ahead(session, NOON)
        session.execute(insert(Fix), [row(1, NOON), row(2, NOON)])
        assert not partitions.drop(session, DAY)
        partitions.close(session, DAY)
        session.execute(insert(PackedDay), [{"device_id": 1, "day": DAY, **packed}])
    with pytest.raises(ProgrammingError, match="not packed"), acting(database) as session:
        partitions.drop(session, DAY)
    with acting(database) as session:
        session.execute(insert(PackedDay), [{"device_id": 2, "day": DAY, **packed}])
        assert partitions.drop(session, DAY)
        assert partitions.closed(session) == []


@on_postgresql
def test_who_waits_for_a_lock_gives_up_instead_of_stopping_ingest(database: Database) -> None:
    with acting(database) as session:
        partitions.make_ahead(session, NOON)
    with database.reading() as reader:
        reader.execute(select(Fix.seq)).all()
        with pytest.raises(OperationalError, match="lock timeout"), acting(database) as session:
            partitions.close(session, DAY)
    with acting(database) as session:
        assert partitions.close(session, DAY)


@on_postgresql
def test_a_day_is_closed_once_its_reader_is_done(database: Database) -> None:
    with acting(database) as session:
        partitions.make_ahead(session, NOON)
    tries = 0
    with database.reading() as reader:
        reader.execute(select(Fix.seq)).all()

        def close(session: Session) -> None:
            nonlocal tries
            tries += 1
            if tries > 1:
                reader.rollback()
            partitions.close(session, DAY)

        assert partitions.patiently(database, close)
    with database.reading() as session:
        assert (tries, partitions.closed(session)) == (2, [DAY])
