"""Numbers for a crisis and for one's rights, each with its source and mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark, Source

HOTLINES = "hotlines.toml"


@dataclass(frozen=True)
class Hotline:
    """One number; `said` is what it is for and `hours` when it answers, by language."""

    name: str
    number: str
    said: Mapping[str, str]
    hours: Mapping[str, str]
    source: Source
    mark: Mark


def hotlines_of(session: Session) -> tuple[Hotline, ...]:
    """The numbers of the service that the session belongs to, in the order they are shown."""
    return hotlines(tables.folder_of(session))


@lru_cache
def hotlines(folder: Path | None = None) -> tuple[Hotline, ...]:
    """The shipped numbers, or those of a county's own folder."""
    return tuple(_hotline(name, said) for name, said in tables.read(HOTLINES, folder).items())


def _hotline(name: str, said: dict[str, Any]) -> Hotline:
    return Hotline(name=name, **{**said, "mark": Mark(said["mark"])})
