"""What a gateway still owes: readings on disk until a receipt says that they are committed.

Every addition is on disk before `add` returns (SQLite, WAL, synchronous FULL), so neither kill -9
nor a power cut loses it. When full, the oldest fixes make room, events last of all, and each one
dropped is counted for good.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from devices.messages import Event, Fix
from devices.receipts import Receipt

CAPACITY = 100_000  # four hours of a hundred bracelets reporting every 15 s

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
CREATE INDEX IF NOT EXISTS reading_device_seq ON reading (device, seq);
CREATE TABLE IF NOT EXISTS dropped (count INTEGER NOT NULL);
INSERT INTO dropped SELECT 0 WHERE NOT EXISTS (SELECT * FROM dropped);
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """One reading that waits for its receipt; ids ascend in order of arrival."""

    id: int
    device: str
    is_event: bool
    payload: bytes


class Backlog:
    """The queue on disk of one gateway. One thread at a time."""

    def __init__(self, file: Path, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._db = sqlite3.connect(file, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file; it can be opened again."""
        self._db.close()

    def add(self, readings: Iterable[Fix | Event]) -> None:
        """Keep these, all or none, making room where the backlog is full."""
        rows = [
            (it.device, it.seq, isinstance(it, Event), msgspec.json.encode(it)) for it in readings
        ]
        if not rows:
            return
        with self._db:
            self._db.executemany(
                "INSERT INTO reading (device, seq, is_event, payload) VALUES (?, ?, ?, ?)", rows
            )
            self._make_room()

    def after(self, last_id: int, limit: int) -> list[Owed]:
        """The next readings in order of arrival, past `last_id`."""
        query = "SELECT id, device, is_event, payload FROM reading WHERE id > ? ORDER BY id LIMIT ?"
        with closing(self._db.execute(query, (last_id, limit))) as rows:
            return [Owed(key, device, bool(event), body) for key, device, event, body in rows]

    def forget(self, receipt: Receipt) -> set[int]:
        """Drop what a receipt names, committed or finally refused; returns the ids dropped."""
        spans = [
            (device, low, high)
            for device, found in receipt.committed.items()
            for low, high in found
        ]
        spans += [(it.device, it.seq, it.seq) for it in receipt.rejected if it.seq is not None]
        gone: set[int] = set()
        with self._db:
            for span in spans:
                query = "DELETE FROM reading WHERE device = ? AND seq BETWEEN ? AND ? RETURNING id"
                gone.update(key for (key,) in self._db.execute(query, span).fetchall())
        return gone

    def __len__(self) -> int:
        return self._number("SELECT count(*) FROM reading")

    @property
    def dropped(self) -> int:
        """How many readings were lost to a full backlog since the file was made."""
        return self._number("SELECT count FROM dropped")

    def _make_room(self) -> None:
        excess = len(self) - self._capacity
        if excess > 0:
            oldest = "SELECT id FROM reading ORDER BY is_event, id LIMIT ?"
            self._db.execute(f"DELETE FROM reading WHERE id IN ({oldest})", (excess,))  # noqa: S608 (both parts are constants)
            self._db.execute("UPDATE dropped SET count = count + ?", (excess,))

    def _number(self, query: str) -> int:
        (number,) = self._db.execute(query).fetchone()
        return int(number)
