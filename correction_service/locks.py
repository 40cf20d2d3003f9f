"""The lock that makes one schedule process the holder; the system frees it when a holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from correction_service.db import Database
from correction_service.settings import Settings

KEY = 0xC0DE  # of the advisory lock; the sealer's is another


class Lock(Protocol):
    """A lock between processes."""

    def take(self) -> bool:
        """Take it if it is free; false when another process has it or nobody can tell."""
        ...

    def held(self) -> bool:
        """Whether it is still ours."""
        ...

    def release(self) -> None:
        """Give it back; harmless when it is not ours."""
        ...


class FileLock:
    """flock on a file beside the SQLite database: processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it if it is free."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def held(self) -> bool:
        """A file lock stays until the process ends."""
        return self._file is not None

    def release(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class AdvisoryLock:
    """A PostgreSQL session lock on a connection of its own; it goes when the connection goes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Take it if it is free; a database that is away counts as not free."""
        try:
            self._connection = self._engine.connect()
            taken = self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY})
        except SQLAlchemyError:
            taken = False
        if not taken:
            self.release()
        return bool(taken)

    def held(self) -> bool:
        """Ask over the very connection: without it there is no lock."""
        try:
            return self._connection is not None and self._connection.scalar(text("SELECT 1")) == 1
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        """End the connection itself: one back in the pool would keep the lock."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def schedule_lock(database: Database, settings: Settings) -> Lock:
    """Return the lock that fits the database."""
    if database.engine.dialect.name == "sqlite":
        return FileLock(settings.data_dir / "schedule.lock")
    return AdvisoryLock(database.engine)
