"""What is shown to the procurator by itself: from how many days on, on which basis, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark, Source

Words = Mapping[str, str]


@dataclass(frozen=True)
class Watch:
    """One rule; `said` and each of `innocent` are words by language."""

    name: str
    days: int
    basis: str
    mark: Mark
    source: Source
    said: Words
    innocent: tuple[Words, ...]


def rules_of(session: Session) -> Mapping[str, Watch]:
    """The rules of the service that the session belongs to, by name."""
    return rules(tables.folder_of(session))


@lru_cache
def rules(folder: Path | None = None) -> Mapping[str, Watch]:
    """The shipped rules; those that a county's own folder names stand in their place."""
    named = {**tables.read(tables.WATCHES), **tables.read(tables.WATCHES, folder)}
    return {name: _rule(name, said) for name, said in named.items()}


def _rule(name: str, said: Mapping[str, Any]) -> Watch:
    return Watch(
        name=name,
        days=said["days"],
        basis=said["basis"],
        mark=Mark(said["mark"]),
        source=said["source"],
        said={language: said[language] for language in ("en", "zh")},
        innocent=tuple(said["innocent"]),
    )
