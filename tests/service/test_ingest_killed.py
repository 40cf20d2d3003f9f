"""The listening process killed and starved: nothing lost, nothing doubled, nothing decided anew."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import func, make_url, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.ingest import run
from correction_service.settings import Settings
from devices.backlog import Backlog
from devices.broker import EmbeddedBroker
from devices.gateway import Gateway
from devices.messages import Command, Event, EventKind, Fix, ResultState
from models.agency import Office
from models.device import Gateway as Speaker
from models.fix import Fix as Stored
from models.incident import IncidentKind
from models.zone import ZoneChange
from tests.broker import broker
from tests.county import NOW, County, make_case
from tests.devices.wires import settings_for, until
from tests.service.test_ingest import reasons, stored_seqs
from tests.tracked import (
    BEYOND,
    DEVICE,
    GATEWAY,
    HUICHUAN,
    Tracked,
    heard,
    incidents_of,
    take,
    track,
)

__all__ = ["broker"]

OTHER = "B0002"


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


def departure(device: str = DEVICE) -> list[Fix]:
    """At home for five minutes, then beyond the border and on, a fix a minute."""
    start, (north, east) = NOW - timedelta(hours=1), BEYOND
    places = [HUICHUAN] * 5 + [(north + 0.001 * minute, east) for minute in range(7)]
    return [
        Fix(
            device=device,
            seq=number,
            time=start + timedelta(minutes=number),
            lat=lat,
            lon=lon,
            accuracy_m=8,
        )
        for number, (lat, lon) in enumerate(places)
    ]


def decided(database: Database, zone: int) -> list[tuple[object, ...]]:
    """Each decision about a zone, without when its fixes came."""
    with database.reading() as session:
        query = select(ZoneChange).where(ZoneChange.zone_id == zone).order_by(ZoneChange.id)
        return [
            (it.state, it.since, it.decided_at, it.evidence | {"received": None})
            for it in session.scalars(query)
        ]


def test_killed_between_any_two_fixes_it_decides_the_same(  # noqa: PLR0917 - fixtures
    settings: Settings,
    database: Database,
    county: County,
    tracked: Tracked,
    broker: EmbeddedBroker,
    tmp_path: Path,
) -> None:
    fixes = departure()
    with gateway(broker.port, tmp_path) as one:
        one.keep(fixes[:4])
        for so_far in range(5, len(fixes) + 1):
            one.keep([fixes[so_far - 1]])
            with listening(settings, broker.port) as process:
                until(lambda n=so_far: pumped(one, database, n), within_s=60)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), 2)
        unharmed = track(session, case, county, OTHER, session.get_one(Speaker, tracked.gateway))
    for it in departure(OTHER):
        take(database, heard(it, device=OTHER, received=it.time), now=it.time)
    assert len(decided(database, tracked.zone)) == 2
    assert decided(database, tracked.zone) == decided(database, unharmed.zone)
