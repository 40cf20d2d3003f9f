"""One table of the copy of one's data, and how rows of the file become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

Cell = str | int | float | date | datetime | StrEnum | None


@dataclass(frozen=True)
class Section:
    """One table of the copy: its name, its columns by name, its rows; not to be logged."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def rows(
    session: Session,
    name: str,
    columns: tuple[InstrumentedAttribute[object] | InstrumentedAttribute[UUID], ...],
    *mine: object,
) -> Section:
    """A table as it stands, oldest first."""
    query = select(*columns).where(*mine).order_by(columns[0])  # type: ignore[arg-type]
    found = [tuple(row) for row in session.execute(query)]
    return Section(name, tuple(column.key for column in columns), found)
