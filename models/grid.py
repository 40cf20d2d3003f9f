"""The grid that telemetry lies on: column types that store numbers and words as small integers.

A fix is rounded once, when it is decoded, to steps far below any receiver's error (1e-7 degrees is
1.1 cm, accuracy 0.1 m, speed 1 cm/s, heading 0.1 degrees, battery 0.1 %). From there on it is the
same wherever it is read: in the hot table, packed, on SQLite and on PostgreSQL.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import Integer, SmallInteger, TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {
    "lat": 10**7,
    "lon": 10**7,
    "accuracy_m": 10,
    "speed_mps": 100,
    "heading_deg": 10,
    "battery": 1000,
}  # steps a unit, by the name of the value


class Scaled(TypeDecorator[float]):
    """A number stored as how many steps of `1/steps` it is; off the grid it is rounded."""

    impl = Integer
    cache_ok = True

    def __init__(self, kind: type[Integer], steps: int) -> None:
        super().__init__()
        self.kind, self.steps = kind, steps

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the integer that it is stored as."""
        return dialect.type_descriptor(self.kind())

    def process_bind_param(self, value: float | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the steps."""
        return None if value is None else round(value * self.steps)

    def process_result_value(self, value: int | None, dialect: Dialect) -> float | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the number."""
        return None if value is None else value / self.steps


class Coded(TypeDecorator[str]):
    """A word of a short closed list, stored as its place in it."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.words = tuple(words)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the place; a word that is not in the list is a `ValueError`."""
        return None if value is None else self.words.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the word."""
        return None if value is None else self.words[value]


def micros(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: int) -> datetime:
    """Microseconds since 1970 as a moment in UTC."""
    return EPOCH + timedelta(microseconds=at)
