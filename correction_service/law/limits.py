"""The law's limits that decide who acts, by name, each with its basis and mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark, Source


@dataclass(frozen=True)
class Bound:
    """One limit; `said` is what it limits, by language."""

    name: str
    value: int
    unit: str
    basis: str
    mark: Mark
    source: Source
    said: Mapping[str, str]

    def holds(self, number: int) -> bool:
        """Whether a number is within it: 以内 includes the limit itself."""
        return number <= self.value


def bounds_of(session: Session) -> Mapping[str, Bound]:
    """The limits of the service that the session belongs to, by name."""
    return bounds(tables.folder_of(session))


@lru_cache
def bounds(folder: Path | None = None) -> Mapping[str, Bound]:
    """The shipped limits; those that a county's own folder names stand in their place."""
    found = {}
    for name, said in {**tables.read(tables.LIMITS), **tables.read(tables.LIMITS, folder)}.items():
        words = {language: said[language] for language in ("en", "zh")}
        rest = {key: said[key] for key in ("value", "unit", "basis", "source")}
        found[name] = Bound(name=name, mark=Mark(said["mark"]), said=words, **rest)
    return found
