"""The listening process on real parts: garbage, outages, kill -9; nothing lost, nothing doubled."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError, OperationalError

from correction_service.db import Database
from correction_service.ingest import Ingest, run
from correction_service.meters import Meters
from correction_service.settings import Settings
from devices.backlog import Backlog
from devices.broker import EmbeddedBroker
from devices.gateway import Gateway
from devices.messages import Command, Event, EventKind, Fix, ResultState
from devices.mqtt import Inbound
from devices.receipts import Receipt, decode_receipt
from devices.topics import UPLINK
from models.fix import DeviceEvent, Reject
from models.fix import Fix as Stored
from models.incident import IncidentKind
from tests.broker import broker
from tests.county import NOW
from tests.devices.wires import settings_for, until
from tests.tracked import BEYOND, DEVICE, GATEWAY, HUICHUAN, Tracked, fix, incidents_of, minutes

__all__ = ["broker"]

TOPIC = f"correction/v1/{GATEWAY}/{DEVICE}/fix"


def inbound(payload: bytes, topic: str = TOPIC) -> Inbound:
    return Inbound(topic, payload, retained=False, received_at=NOW, qos=1)


def said(one: object) -> Inbound:
    return inbound(msgspec.json.encode(one))


def stored_seqs(database: Database) -> list[int]:
    with database.reading() as session:
        return list(session.scalars(select(Stored.seq).order_by(Stored.seq)))


def reasons(database: Database) -> dict[str, int]:
    with database.reading() as session:
        query = select(Reject.reason, func.count()).group_by(Reject.reason)
        return {row.reason: row[1] for row in session.execute(query)}


def test_a_batch_is_stored_and_receipted_by_gateway(database: Database, tracked: Tracked) -> None:
    good = minutes(NOW - timedelta(minutes=5), [HUICHUAN] * 3)
    stray = inbound(msgspec.json.encode(fix(NOW)), "correction/v1/gw-9/B0001/fix")
    ingest = Ingest(database)
    assert ingest.handle([*map(said, good), stray]).replies == []  # they are gathered for a while
    heard = {reply.topic: decode_receipt(reply.payload) for reply in ingest.last_words()}
    seqs = [int(str(one["seq"])) for one in good]
    assert heard["correction/v1/gw-1/receipt"] == Receipt(committed={DEVICE: [(seqs[0], seqs[-1])]})
    (refused,) = heard["correction/v1/gw-9/receipt"].rejected
    assert (refused.device, refused.reason) == (DEVICE, "wrong_gateway")
    assert stored_seqs(database) == seqs


def test_a_large_batch_is_taken_in_parts(database: Database, tracked: Tracked) -> None:
    good = minutes(NOW - timedelta(minutes=30), [HUICHUAN] * 21)
    lists = [said(good[:9]), said(good[9:10]), said(good[10:12]), said(good[12:])]
    meters = Meters()
    Ingest(database, readings_max=4, meters=meters).handle([*lists, inbound(b"{")])
    assert meters.read().batches == 3
    assert stored_seqs(database) == [one["seq"] for one in good]
    assert reasons(database) == {"not_json": 1}


GARBAGE = [
    (TOPIC, b"", "not_json"),
    (TOPIC, b"\x00\xff\xfe", "not_json"),
    (TOPIC, b"[" * 100_000, "not_json"),
    (TOPIC, b'"words"', "bad_shape"),
    (TOPIC, b'{"seq":1}', "bad_time"),
    (TOPIC, b'{"seq":2,"time":"2026-11-20T08:00:00Z","lat":NaN,"lon":106.9}', "bad_lat"),
    (TOPIC, b"[" + b",".join([b"{}"] * 501) + b"]", "too_many"),
    (TOPIC, b" " * 1_000_001, "too_large"),
    ("correction/v1/gw-1", b"{}", "unknown_topic"),
    ("", b"{}", "unknown_topic"),
    ("correction/v1/gw-1/status", b'{"state":"asleep"}', "bad_state"),
    ("correction/v1/gw-1/B0001/receipt", b"{}", "unknown_topic"),
]


def test_garbage_is_refused_with_its_reason_and_costs_nobody_else(
    database: Database, tracked: Tracked
) -> None:
    good = fix(NOW)
    messages = [inbound(payload, topic) for topic, payload, _ in GARBAGE]
    Ingest(database).handle([*messages[:6], said(good), *messages[6:]])
    wanted: dict[str, int] = {}
    for _, _, reason in GARBAGE:
        wanted[reason] = wanted.get(reason, 0) + 1
    assert reasons(database) == wanted
    assert stored_seqs(database) == [good["seq"]]


TOPICS = st.sampled_from([*(name.replace("+", "x") for name in UPLINK), TOPIC, "", "a/b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["seq", "time", "lat", "lon", "event", "x"]), inner)
    ),
    max_leaves=8,
)


@effort(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(TOPICS, st.binary() | VALUES.map(msgspec.json.encode)), max_size=8))
def test_no_payload_stops_the_handler(
    database: Database, tracked: Tracked, sent: list[tuple[str, bytes]]
) -> None:
    Ingest(database).handle([inbound(payload, topic) for topic, payload in sent])


EXTREMES = [
    fix(NOW, seq=2**63 - 1),
    fix(NOW - timedelta(seconds=1), (0.0, 180.0), accuracy_m=9_999_999, battery=0, worn=True),
    fix(NOW - timedelta(seconds=2), (90.0, -180.0), speed_mps=1000, heading_deg=360),
    fix(NOW - timedelta(seconds=3), (-0.0, 0.0), accuracy_m=5e-324, source="lbs"),
]


def test_what_the_wire_allows_the_tables_hold(database: Database, tracked: Tracked) -> None:
    events = [
        {"seq": 2**63 - 1, "time": when, "event": "jamming", "detail": "字" * 2000}
        for when in ("0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z")
    ]
    topic = f"correction/v1/{GATEWAY}/{DEVICE}/event"
    raised = [inbound(msgspec.json.encode(one), topic) for one in events]
    Ingest(database).handle([*map(said, EXTREMES), *raised])
    assert len(stored_seqs(database)) == len(EXTREMES)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(DeviceEvent)) == 2
    assert reasons(database) == {}


HINDERED = """
DROP ROLE IF EXISTS hindered;
CREATE ROLE hindered;
GRANT ALL ON ALL TABLES IN SCHEMA public TO hindered;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hindered;
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$
"""
POISON = {
    "sqlite": """
        CREATE TRIGGER poison BEFORE INSERT ON fix WHEN NEW.seq = 666
        BEGIN SELECT RAISE(ABORT, 'poison'); END
        """,
    "postgresql": """
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
        CREATE TRIGGER poison BEFORE INSERT ON fix FOR EACH ROW WHEN (NEW.seq = 666)
        EXECUTE FUNCTION poison()
        """,
}


def test_a_message_that_the_database_cannot_take_is_parked_alone(
    database: Database, tracked: Tracked
) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(POISON[database.engine.dialect.name])
    good = minutes(NOW - timedelta(minutes=9), [HUICHUAN] * 7)
    garbage = inbound(b"{")
    batch = [*map(said, good[:3]), garbage, said(fix(NOW, seq=666)), *map(said, good[3:])]
    ingest = Ingest(database)
    ingest.handle(batch)
    assert stored_seqs(database) == [one["seq"] for one in good]
    assert reasons(database) == {"not_json": 1, "fault": 1}
    receipted = [decode_receipt(reply.payload) for reply in ingest.last_words()]
    spans = sorted(span for it in receipted for span in it.committed[DEVICE])
    assert sum(high - low + 1 for low, high in spans) == len(good)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "hindrance",
    [
        "REVOKE INSERT ON fix FROM hindered",
        "CREATE TRIGGER no_room BEFORE INSERT ON fix FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
)
def test_a_database_that_cannot_serve_is_waited_for_and_nothing_given_up(
    database: Database, tracked: Tracked, hindrance: str
) -> None:
    """Errors reach ingest bare from the driver here, not by SQLAlchemy."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql(HINDERED)
        connection.exec_driver_sql(hindrance)
    engine = create_engine(database.engine.url, connect_args={"options": "-c role=hindered"})
    ingest = Ingest(replace(database, engine=engine), readings_max=2)
    batch = [said(one) for one in minutes(NOW - timedelta(minutes=9), [HUICHUAN] * 5)]
    for _ in range(2):
        with pytest.raises((DBAPIError, psycopg.Error)):
            ingest.handle(batch)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("GRANT INSERT ON fix TO hindered")
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS no_room ON fix")
    ingest.handle(batch)
    engine.dispose()
    assert len(stored_seqs(database)) == 5
    assert reasons(database) == {}
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY hindered; DROP ROLE hindered")


def test_a_batch_that_was_stored_halfway_is_not_refused_twice(
    database: Database, tracked: Tracked
) -> None:
    ingest = Ingest(database, readings_max=1)
    batch = [inbound(b"{"), *map(said, minutes(NOW - timedelta(minutes=9), [HUICHUAN] * 2))]
    recorded, failing = ingest._committed, iter([False, True, False])  # noqa: SLF001 - a part fails

    def second_fails(*words: Any) -> Any:  # noqa: ANN401 - passes on
        if next(failing):
            raise OperationalError("", {}, Exception())
        return recorded(*words)

    ingest._committed = second_fails  # type: ignore[assignment,method-assign] # noqa: SLF001 - the same
    with pytest.raises(OperationalError):
        ingest.handle(batch)
    ingest.handle(batch)
    assert len(stored_seqs(database)) == 2
    assert reasons(database) == {"not_json": 1}


def test_a_part_that_is_halved_and_waits_halfway_is_not_refused_twice(
    database: Database, tracked: Tracked
) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(POISON[database.engine.dialect.name])
    meters = Meters()
    ingest = Ingest(database, meters=meters)
    good = minutes(NOW - timedelta(minutes=9), [HUICHUAN] * 3)
    batch = [inbound(b"{"), *map(said, good), said(fix(NOW, seq=666))]
    recorded, failing = ingest._committed, iter([False, False, True])  # noqa: SLF001 - a half fails

    def third_fails(*words: Any) -> Any:  # noqa: ANN401 - passes on
        if next(failing, False):
            raise OperationalError("", {}, Exception())
        return recorded(*words)

    ingest._committed = third_fails  # type: ignore[assignment,method-assign] # noqa: SLF001 - the same
    with pytest.raises(OperationalError):
        ingest.handle(batch)
    ingest.handle(batch)
    assert stored_seqs(database) == [one["seq"] for one in good]
    assert reasons(database) == {"not_json": 1, "fault": 1}
    tally = meters.read()
    assert (tally.messages, tally.committed, tally.duplicates) == (5, 3, 0)
    assert dict(tally.rejected) == {"not_json": 1, "fault": 1}


def never_asked(_device: str, _command: Command) -> ResultState:
    raise AssertionError("no command was sent")


@contextmanager
def gateway(port: int, folder: Path) -> Iterator[Gateway]:
    made = Gateway(
        GATEWAY,
        settings_for(port, GATEWAY),
        Backlog(folder / "backlog.sqlite"),
        never_asked,
        resend_after=timedelta(seconds=3),
    )
    try:
        yield made
    finally:
        made.close()


def readings(count: int, start: datetime = NOW - timedelta(days=1)) -> list[Fix]:
    """A day of one bracelet: at home, then away for good."""
    return [
        Fix(
            device=DEVICE,
            seq=number,
            time=start + timedelta(seconds=20 * number),
            lat=(HUICHUAN if number < count // 2 else BEYOND)[0],
            lon=(HUICHUAN if number < count // 2 else BEYOND)[1],
            accuracy_m=8,
        )
        for number in range(count)
    ]


@contextmanager
def listening(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The ingest process itself, without the other commands' imports."""
    environment = {
        "CORRECTION_MODE": "demo",
        "CORRECTION_DATA_DIR": str(settings.data_dir),
        "CORRECTION_DATABASE_URL": settings.database_url.get_secret_value(),
        "CORRECTION_MQTT_PORT": str(port),
    }
    program = "from correction_service import ingest, settings; ingest.run(settings.load())"
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def pumped(one: Gateway, database: Database, at_least: int) -> bool:
    one.pump(datetime.now(UTC))
    with database.reading() as session:
        return (session.scalar(select(func.count()).select_from(Stored)) or 0) >= at_least


def test_kill_9_in_mid_stream_loses_nothing_and_doubles_nothing(
    settings: Settings,
    database: Database,
    tracked: Tracked,
    broker: EmbeddedBroker,
    tmp_path: Path,
) -> None:
    sent = readings(3000)
    with gateway(broker.port, tmp_path) as one:
        one.keep(sent)
        for killed_after in (700, 1700):
            with listening(settings, broker.port) as process:
                until(lambda n=killed_after: pumped(one, database, n), within_s=60)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
        with listening(settings, broker.port) as process:
            until(lambda: pumped(one, database, 3000) and len(one.backlog) == 0, within_s=60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
    assert stored_seqs(database) == list(range(3000))
    assert reasons(database) == {}
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.facts["times"]) == (IncidentKind.LEFT_HOME_AREA, 1)


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Take the database from everyone: PostgreSQL refuses and drops, SQLite is held by another."""
    url = database.engine.url
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as other:
            other.exec_driver_sql("PRAGMA user_version = 1")
            yield
            other.rollback()
        return
    name = sql.Identifier(str(url.database))
    admin = make_url(url).set(drivername="postgresql", database="postgres")
    address = admin.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (url.database,),
        )
        yield
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


def test_a_database_gone_for_a_while_is_waited_for(
    settings: Settings,
    database: Database,
    tracked: Tracked,
    broker: EmbeddedBroker,
    tmp_path: Path,
) -> None:
    stop = threading.Event()
    mine = settings.model_copy(update={"mqtt_port": broker.port})
    thread = threading.Thread(target=run, args=(mine, stop))
    thread.start()
    try:
        with gateway(broker.port, tmp_path) as one:
            one.keep(readings(20))
            until(lambda: pumped(one, database, 20))
            with away(database):
                one.keep(readings(40)[20:])
                sos = Event(device=DEVICE, seq=99, time=NOW, event=EventKind.SOS)
                one.keep([sos])
                threading.Event().wait(1.5)
                one.pump(datetime.now(UTC))
                assert len(one.backlog) >= 21
            until(lambda: pumped(one, database, 40) and len(one.backlog) == 0, within_s=40)
    finally:
        stop.set()
        thread.join()
    assert stored_seqs(database) == list(range(40))
    assert IncidentKind.SOS in {incident.kind for incident in incidents_of(database)}
