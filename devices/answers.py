"""What a gateway did about each command, on disk: so that none is obeyed twice.

A command is written down before it is obeyed. Where the gateway was killed in between, nobody can
tell whether it was obeyed: it is neither obeyed again nor answered, and runs out unanswered.
"""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime

from devices.messages import ResultState

KEPT = 1000  # a broker repeats a command within seconds or days, not after a thousand others

SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    device TEXT NOT NULL,
    expires_s REAL NOT NULL,
    state TEXT
);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say about one command; `state` is None where nobody can tell."""

    id: str
    device: str
    state: ResultState | None


class Answers:
    """The answers in the file of a backlog; `writing` is a transaction of that file."""

    def __init__(
        self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._db = db
        self._writing = writing
        db.executescript(SCHEMA)

    def begin(self, device: str, command_id: str, expires: datetime) -> bool:
        """Write down that a command came; False where it came before."""
        with self._writing():
            row = (command_id, device, expires.timestamp())
            insert = "INSERT INTO answer (id, device, expires_s) VALUES (?, ?, ?) "
            new = self._db.execute(f"{insert} ON CONFLICT DO NOTHING", row).rowcount == 1
            oldest = "(SELECT max(number) FROM answer) - ?"
            self._db.execute(f"DELETE FROM answer WHERE number <= {oldest}", (KEPT,))  # noqa: S608 (a constant)
        return new

    def settle(self, command_id: str, state: ResultState) -> None:
        """Write down what the command came to."""
        with self._writing():
            self._db.execute("UPDATE answer SET state = ? WHERE id = ?", (state.value, command_id))

    def of(self, command_id: str) -> Answer:
        """The answer to a command that was begun."""
        (found,) = self._read("id = ?", command_id)
        return found

    def wanted(self, now: datetime) -> list[Answer]:
        """The answers that someone may still wait for: their commands have not run out."""
        return self._read("state IS NOT NULL AND expires_s > ?", now.timestamp())

    def _read(self, condition: str, value: object) -> list[Answer]:
        query = f"SELECT id, device, state FROM answer WHERE {condition} ORDER BY number"  # noqa: S608 (constants)
        with closing(self._db.execute(query, (value,))) as rows:
            return [
                Answer(key, name, ResultState(state) if state else None)
                for key, name, state in rows
            ]
