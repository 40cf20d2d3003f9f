"""What people must do and what the authorities owe them, in plain words with law and mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark
from models.case import Category

DUTIES = "duties.toml"


class Bearer(StrEnum):
    """Who is to do it."""

    PERSON = "person"
    OFFICE = "office"


@dataclass(frozen=True)
class Duty:
    """One duty; `said` is by language, where {value} stands for `limit` or `item`."""

    name: str
    who: Bearer
    said: Mapping[str, str]
    basis: str
    mark: Mark
    clock: str | None = None
    limit: str | None = None
    item: str | None = None
    only: Category | None = None

    def concerns(self, category: Category) -> bool:
        """Whether it is a duty in cases of a category."""
        return self.only in {None, category}


def duties_of(session: Session) -> tuple[Duty, ...]:
    """The duties of the service that the session belongs to, in the order they are shown."""
    return duties(tables.folder_of(session))


@lru_cache
def duties(folder: Path | None = None) -> tuple[Duty, ...]:
    """The shipped duties, or those of a county's own folder."""
    found = []
    for name, said in tables.read(DUTIES, folder).items():
        words = {language: said[language] for language in ("en", "zh")}
        rest = {key: said[key] for key in ("basis", "clock", "limit", "item") if key in said}
        only = Category(said["only"]) if "only" in said else None
        who, mark = Bearer(said["who"]), Mark(said["mark"])
        found.append(Duty(name=name, who=who, said=words, mark=mark, only=only, **rest))
    return tuple(found)
