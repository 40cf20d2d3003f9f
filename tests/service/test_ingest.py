"""The listening process on real parts: garbage, outages, kill -9; nothing lost, nothing doubled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from correction_service.db import Database
from correction_service.ingest import Ingest
from correction_service.tracking.meters import Meters
from devices.mqtt import Inbound
from devices.receipts import Receipt, decode_receipt
from devices.topics import UPLINK
from models.fix import DeviceEvent, Reject
from models.fix import Fix as Stored
from tests.broker import broker
from tests.county import NOW
from tests.tracked import DEVICE, GATEWAY, HUICHUAN, Tracked, fix, minutes

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
