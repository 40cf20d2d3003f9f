"""The database's own rights: ingest works with what it has, and nobody rewrites the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from correction_service.audit import SYSTEM
from correction_service.db import Database, engine_for
from correction_service.hardware import errands
from correction_service.hardware.errands import Wish
from correction_service.settings import Settings
from correction_service.storage import history, packing, partitions
from devices.messages import CommandKind, CommandResult, ResultState
from models.base import append_only_tables
from models.command import CommandState, DeviceCommand
from models.keys import KeyRing
from tests.county import NOW
from tests.history import store, wandering
from tests.tracked import (
    BEYOND,
    DEVICE,
    GATEWAY,
    Tracked,
    event,
    fix,
    heard,
    incidents_of,
    minutes,
    take,
)

GRANTS = Path(__file__).parents[2] / "deploy" / "postgresql" / "grants.sql"
ROLES = ("correction_owner", "correction_app", "correction_ingest")

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def as_role(url: str, role: str) -> Database:
    """The database as a role sees it: by SET ROLE, which needs no password."""
    asked = make_url(url).update_query_dict({"options": f"-c role={role}"})
    made_up = KeyRing.generate()
    return Database(engine_for(asked.render_as_string(hide_password=False)), made_up)


@pytest.fixture
def granted(database_url: str) -> str:
    """The test's database after `grants.sql`; roles are the whole server's and stay."""
    plain = make_url(database_url).set(drivername="postgresql")
    address = plain.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        for role in ROLES:
            try:
                connection.execute(f"CREATE ROLE {role}")
            except (DuplicateObject, UniqueViolation):
                continue
        connection.execute(GRANTS.read_bytes())
    return database_url


@pytest.fixture
def ingest(granted: str) -> Iterator[Database]:
    """What the process `ingest` may do."""
    opened = as_role(granted, "correction_ingest")
    yield opened
    opened.close()


@pytest.fixture
def app(granted: str) -> Iterator[Database]:
    """What `web` and `schedule` may do."""
    opened = as_role(granted, "correction_app")
    yield opened
    opened.close()


def refused(database: Database, statement: str) -> bool:
    """Whether the role lacks the right; any other failure is raised."""
    try:
        with database.engine.begin() as connection:
            connection.execute(text(statement))
    except ProgrammingError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            return True
        raise
    return False


def test_ingest_does_its_work_with_the_rights_of_its_role(
    ingest: Database, database: Database, tracked: Tracked
) -> None:
    home_to_away = minutes(NOW, [(27.7250, 106.9200)] * 7 + [BEYOND] * 8)
    later = NOW + timedelta(minutes=16)
    take(ingest, heard(home_to_away, received=later), now=later)
    take(ingest, heard(home_to_away, received=later), now=later)
    late = fix(NOW - timedelta(days=1))
    take(ingest, heard(late, received=later), now=later)
    tomorrow = later + timedelta(days=1)
    take(ingest, heard(fix(tomorrow), received=tomorrow), now=tomorrow)
    take(ingest, heard(event(later, "strap_open"), kind="event", received=later), now=later)
    ago = fix(NOW - timedelta(days=1, minutes=1), strap="open")
    take(ingest, heard(ago, received=later), now=later)
    status = {"state": "online", "time": later.isoformat()}
    take(ingest, heard(status, kind="status", device="", received=later), now=later)
    assert {it.kind.value for it in incidents_of(database)} == {"left_home_area", "strap_opened"}


def test_ingest_keeps_what_came_of_a_command(
    ingest: Database, app: Database, tracked: Tracked
) -> None:
    with app.transaction(SYSTEM, "test") as session:
        wish, lasts = Wish(CommandKind.LOCATE), timedelta(minutes=15)
        asked = errands.ask(session, DEVICE, wish, now=NOW, lasts=lasts)
    done = CommandResult(id=asked.id, state=ResultState.DONE, time=NOW)
    with ingest.transaction(SYSTEM, "ingest") as session:
        errands.heard(session, GATEWAY, [(DEVICE, done, NOW)])
    with app.reading() as session:
        assert session.get_one(DeviceCommand, asked.id).state is CommandState.DONE


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT name FROM person",
        "SELECT sealed FROM face_template",
        "SELECT digest FROM stored_photo",
        "SELECT password_hash FROM user_account",
        "SELECT secret_hash FROM gateway",
        "SELECT outcome FROM checkin",
        "SELECT action FROM audit_record",
        "SELECT asked_by FROM device_command",
        "SELECT lat FROM fix",
        "SELECT lat FROM fix_default",
        "SELECT lat FROM fix_closed",
        "SELECT data FROM packed_day",
        "SELECT raw FROM device_event",
        "SELECT zones FROM state_snapshot",
        "DELETE FROM fix",
        "UPDATE fix SET lat = 0",
        "UPDATE positioning_order SET ends_at = now()",
        "CREATE TABLE mine (id int)",
    ],
)
def test_ingest_reaches_nothing_else(ingest: Database, statement: str) -> None:
    assert refused(ingest, statement)


def test_schedule_makes_packs_and_drops_days_with_the_rights_of_its_role(
    app: Database, ingest: Database, settings: Settings
) -> None:
    midnight = datetime(2100, 3, 1, tzinfo=UTC)
    with app.transaction(SYSTEM, "test") as session:
        partitions.make_ahead(session, midnight)
    store(ingest, wandering(1, midnight, 20))
    packed = packing.run(app, settings, midnight + timedelta(days=3))
    assert (packed.editions, packed.left) == (1, [])
    assert midnight.date() in packed.dropped
    with app.reading() as session:
        found = history.fixes(session, 1, midnight, midnight + timedelta(days=1))
    assert len(found["time"]) == 20
    assert refused(ingest, "SELECT drop_fix_partition('2100-03-02')")


def test_the_application_cannot_rewrite_an_append_only_table(app: Database) -> None:
    tables = append_only_tables()
    assert tables
    for name, column in ((it.name, it.columns[0].name) for it in tables):
        assert refused(app, f"UPDATE {name} SET {column} = {column}")  # noqa: S608 - our own names
        assert refused(app, f"DELETE FROM {name}")  # noqa: S608 - our own names
        assert refused(app, f"TRUNCATE {name}")


def test_the_application_changes_no_table(app: Database) -> None:
    assert refused(app, "CREATE TABLE mine (id int)")
    assert refused(app, "ALTER TABLE fix ADD COLUMN mine int")
    assert refused(app, "DROP TRIGGER points_entry_refuses_change ON points_entry")
