"""What a gateway still owes: readings on disk until a receipt says that they are committed.

Every addition is on disk before `add` returns (SQLite, WAL, synchronous FULL), so neither kill -9
nor a power cut loses it. When full, the oldest fixes make room, events last of all, and each one
dropped is counted for good. A disk that takes nothing more is `DiskFull`: what was kept before
stays, and can still be read, sent and forgotten.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from devices.answers import Answers
from devices.messages import Event, Fix

CAPACITY = 100_000  # four hours of a hundred bracelets reporting every 15 s
REFUSES = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS reading (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    seq INTEGER NOT NULL,
    is_event INTEGER NOT NULL,
    payload BLOB NOT NULL
);
DROP INDEX IF EXISTS reading_device_seq;
CREATE TABLE IF NOT EXISTS dropped (count INTEGER NOT NULL);
INSERT INTO dropped SELECT 0 WHERE NOT EXISTS (SELECT * FROM dropped);
"""
COLUMNS = "id, device, seq, is_event, payload"


class DiskFull(OSError):
    """The disk took nothing; whoever gave the readings still has them and may try again."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One reading that waits for its receipt; ids ascend in order of arrival."""

    id: int
    device: str
    seq: int
    is_event: bool
    payload: bytes


class Backlog:
    """The queue on disk of one gateway, and beside it what commands came to. One thread."""

    def __init__(self, file: Path, *, capacity: int = CAPACITY) -> None:
        """Open the queue, or make it; raises DiskFull where there is no room for an empty one."""
        self._capacity = capacity
        self._folder = file.parent
        self._db = sqlite3.connect(file, check_same_thread=False)
        with self._room():
            self._db.executescript(SCHEMA)
            self.answers = Answers(self._db, self._writing)
        self._count = self._number("SELECT count(*) FROM reading")

    def close(self) -> None:
        """Close the file; it can be opened again."""
        self._db.close()

    def add(self, readings: Iterable[Fix | Event]) -> None:
        """Keep these, all or none, making room where the backlog is full; raises DiskFull."""
        rows = [
            (it.device, it.seq, isinstance(it, Event), msgspec.json.encode(it)) for it in readings
        ]
        if not rows:
            return
        excess = max(0, self._count + len(rows) - self._capacity)
        with self._writing():
            self._db.executemany(
                "INSERT INTO reading (device, seq, is_event, payload) VALUES (?, ?, ?, ?)", rows
            )
            self._make_room(excess)
        self._count += len(rows) - excess

    def after(self, last_id: int, limit: int) -> list[Owed]:
        """The next readings in order of arrival, past `last_id`."""
        query = f"SELECT {COLUMNS} FROM reading WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 (a constant)
        return self._read(query, (last_id, limit))

    def among(self, ids: Collection[int]) -> list[Owed]:
        """Those of these readings that are still owed, in order of arrival."""
        query = f"SELECT {COLUMNS} FROM reading WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608, E501 (a constant)
        return self._read(query, (json.dumps(list(ids)),))

    def forget(self, ids: Collection[int]) -> None:
        """Drop these for good: committed, or finally refused; raises DiskFull."""
        with self._writing():
            query = "DELETE FROM reading WHERE id IN (SELECT value FROM json_each(?))"
            gone = self._db.execute(query, (json.dumps(list(ids)),)).rowcount
        self._count -= gone

    def __len__(self) -> int:
        return self._count

    @property
    def dropped(self) -> int:
        """How many readings were lost to a full backlog since the file was made."""
        return self._number("SELECT count FROM dropped")

    def _make_room(self, excess: int) -> None:
        if excess <= 0:
            return
        first = "SELECT id FROM reading WHERE is_event = ? ORDER BY id LIMIT ?"
        delete = f"DELETE FROM reading WHERE id IN ({first})"  # noqa: S608 (a constant)
        fixes = self._db.execute(delete, (False, excess)).rowcount
        self._db.execute(delete, (True, excess - fixes))
        self._db.execute("UPDATE dropped SET count = count + ?", (excess,))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of the block, or nothing and DiskFull."""
        with self._room(), self._db:
            yield

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF not in REFUSES:
                raise
            raise DiskFull(
                f"the disk of {self._folder} takes no more readings ({fault}): free some room"
            ) from fault

    def _read(self, query: str, values: tuple[object, ...]) -> list[Owed]:
        with closing(self._db.execute(query, values)) as rows:
            return [Owed(key, name, seq, bool(event), body) for key, name, seq, event, body in rows]

    def _number(self, query: str) -> int:
        (number,) = self._db.execute(query).fetchone()
        return int(number)
