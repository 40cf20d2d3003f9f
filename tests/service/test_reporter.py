"""An ingester's minutes: written while they last, once, and kept while the database is away."""

import urllib.request
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from correction_service import metrics
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.demo.run import free_port
from correction_service.ingest import FAULT
from correction_service.tracking import ingest_minutes
from correction_service.tracking.ingest_minutes import Minute
from correction_service.tracking.meters import Meters
from correction_service.tracking.reporter import Reporter
from devices.mqtt import Traffic
from models.audit import AuditRecord
from tests.county import NOW

S = timedelta(seconds=1)
BEFORE = NOW - timedelta(hours=1)


def commit(meters: Meters, count: int, at: datetime) -> None:
    meters.transaction([at] * count, at, at + S / 10, committed=count, rejected={})


def minutes(database: Database) -> list[Minute]:
    with database.reading() as session:
        return ingest_minutes.since(session, BEFORE)


def test_a_minute_is_written_over_while_it_lasts_and_never_counted_twice(
    database: Database,
) -> None:
    meters, traffic = Meters(), Traffic(connected=True)
    reporter = Reporter(database, "one", meters, traffic, NOW)
    commit(meters, 5, NOW)
    reporter.beat(NOW + 10 * S)
    commit(meters, 7, NOW + 11 * S)
    reporter.beat(NOW + 20 * S)
    reporter.beat(NOW + 20 * S)
    (minute,) = minutes(database)
    assert (minute.minute, minute.committed, minute.connected) == (NOW, 12, True)
    assert minute.beat_at == NOW + 20 * S
    assert minute.lag_p50_ms == pytest.approx(100, rel=0.13)
    assert minute.memory_bytes > 10_000_000
    commit(meters, 1, NOW + 59 * S)
    traffic.connected = False
    reporter.beat(NOW + 61 * S)
    first, second = minutes(database)
    assert (first.committed, second.committed) == (13, 0)
    assert (second.lag_p99_ms, second.committed_at, second.connected) == (None, None, False)


def test_a_restart_in_the_same_minute_adds_up(database: Database) -> None:
    for started in (NOW, NOW + 30 * S):
        meters = Meters()
        reporter = Reporter(database, "one", meters, Traffic(connected=True), started)
        commit(meters, 4, started)
        reporter.beat(started + S)
    assert [it.committed for it in minutes(database)] == [4, 4]
    with database.reading() as session:
        (alive,) = ingest_minutes.alive(session, NOW + 40 * S)
        assert alive.started_at == NOW + 30 * S
        assert ingest_minutes.last_commit(session) == NOW + 30 * S + S / 10
        hour = timedelta(hours=1)
        assert ingest_minutes.usual_gap(session, NOW, hour) == hour / 8
        assert ingest_minutes.alive(session, NOW + 100 * S) == []


def test_minutes_wait_while_the_database_is_away_and_are_written_when_it_is_back(
    database: Database,
) -> None:
    meters = Meters()
    reporter = Reporter(database, "one", meters, Traffic(connected=True), NOW)
    with database.transaction(SYSTEM, "test") as session:
        session.execute(text("ALTER TABLE ingest_minute RENAME TO away"))
    for minute in range(3):
        commit(meters, 2, NOW + minute * 60 * S)
        for seconds in (30, 60):
            with pytest.raises(SQLAlchemyError):
                reporter.beat(NOW + (minute * 60 + seconds) * S)
    with database.transaction(SYSTEM, "test") as session:
        session.execute(text("ALTER TABLE away RENAME TO ingest_minute"))
    reporter.beat(NOW + 180 * S)
    assert [it.committed for it in minutes(database)] == [2, 2, 2, 0]
    with database.reading() as session:
        assert session.scalars(select(AuditRecord)).all() == []


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        body: bytes = answer.read()
    return body.decode()


def test_faults_are_counted_from_0_so_that_the_first_is_an_increase() -> None:
    registry, meters = CollectorRegistry(), Meters()
    registry.register(metrics.IngestFigures(meters, Traffic()))
    for faults in (0, 1):
        named = {"reason": FAULT}
        assert registry.get_sample_value("correction_ingest_rejected_total", named) == faults
        meters.transaction([NOW], NOW, NOW, committed=0, rejected={FAULT: 1})


def test_the_figures_are_served_on_a_port_of_their_own() -> None:
    meters = Meters()
    commit(meters, 3, NOW)
    meters.transaction([NOW], NOW, NOW, committed=0, rejected={"no_order": 1})
    port = free_port()
    figures = metrics.IngestFigures(meters, Traffic(connected=True, received=4))
    end = metrics.serve(port, "127.0.0.1", figures)
    try:
        text = scraped(port)
        with pytest.raises(ValueError, match="set another port"):
            metrics.serve(port, "127.0.0.1")
    finally:
        end()
    for line in (
        "correction_ingest_committed_total 3.0",
        'correction_ingest_rejected_total{reason="no_order"} 1.0',
        'correction_ingest_lag_seconds_bucket{le="0.25"} 4.0',
        "correction_ingest_lag_seconds_count 4.0",
        "correction_mqtt_connected 1.0",
        "correction_mqtt_received_total 4.0",
        "process_open_fds",
    ):
        assert line in text
    metrics.serve(None, "127.0.0.1")()
