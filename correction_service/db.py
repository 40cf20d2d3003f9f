"""Open the database: engine, sessions, key ring, and the audit of every write.

SQLite: WAL, full sync, and BEGIN IMMEDIATE for every session that may write, because a deferred
read-then-write fails at once with "database is locked" whatever the timeout.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import ColumnElement, Engine, any_, create_engine, event, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.orm import InstrumentedAttribute, Session

from correction_service import audit
from correction_service.settings import Mode, Settings
from models.keys import KeyRing

MIGRATIONS = Path(__file__).parent.parent / "models" / "migrations"


@dataclass(frozen=True)
class Database:
    """An open database. Edges own transactions; use cases get the session."""

    engine: Engine
    ring: KeyRing
    law_dir: Path | None = None

    @contextmanager
    def transaction(self, actor: audit.Actor, via: str) -> Iterator[Session]:
        """A session that commits at the end, or rolls back; every write is audited as `actor`'s."""
        session = self._session(actor=actor, via=via)
        with session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking only; on SQLite it takes no write lock."""
        session = self._session(actor=audit.SYSTEM, via="read")
        session.connection(execution_options={"sqlite_read": True})
        with session:
            yield session
            session.rollback()

    def _session(self, **info: object) -> Session:
        bound = {"ring": self.ring, "law_dir": self.law_dir, **info}
        return Session(self.engine, expire_on_commit=False, info=bound)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def ring_of(session: Session) -> KeyRing:
    """Return the key ring that `open_database` bound to the session."""
    ring: KeyRing = session.info["ring"]
    return ring


def open_database(settings: Settings) -> Database:
    """Open the configured database; a missing key ring is an error in production."""
    engine = engine_for(settings.database_url.get_secret_value())
    return Database(engine, load_ring(settings), settings.law_dir)


def open_keyless(settings: Settings) -> Database:
    """Open the database for ingest, which opens nothing sealed: its made-up ring fits nothing.

    It tries a failed batch again anyway, so no connection is tried before each.
    """
    engine = engine_for(settings.database_url.get_secret_value(), ping=False)
    return Database(engine, KeyRing.generate())


def load_ring(settings: Settings) -> KeyRing:
    """Read the key ring from the settings; the demo makes one (mode 0600) and keeps it."""
    if settings.key_ring is not None:
        return KeyRing.loads(settings.key_ring.get_secret_value())
    if settings.mode is not Mode.DEMO:
        msg = "CORRECTION_KEY_RING is not set; `correction-service keys new` prints a ring"
        raise ValueError(msg)
    path = settings.data_dir / "key_ring.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(KeyRing.generate().dumps())
    return KeyRing.loads(path.read_text())


def engine_for(url: str, *, ping: bool = True) -> Engine:
    """Make an engine; on SQLite with the pragmas that the append-only triggers and WAL need."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(
            url, pool_pre_ping=ping, pool_size=20, max_overflow=20, hide_parameters=True
        )
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",  # else INSERT OR REPLACE slips past the delete triggers
        "busy_timeout=30000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("sqlite_read", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reading else "BEGIN IMMEDIATE")


def alembic_config(url: str) -> Config:
    """Return Alembic's configuration for a database, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to a revision."""
    command.upgrade(alembic_config(url), revision)


def among(
    session: Session, attribute: InstrumentedAttribute[Any], values: Collection[Any]
) -> ColumnElement[bool]:
    """`attribute` is one of `values`, which travel as one parameter however many they are."""
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(values))).table_valued("value")
        return attribute.in_(select(each.c.value))
    return attribute == any_(literal(list(values), ARRAY(attribute.type)))
