"""The law's list of what is done once, at intake and at the end of a case, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark, Source
from models.printed_form import FormKind


class Phase(StrEnum):
    """Where in the life of a case."""

    INTAKE = "intake"
    ENDING = "ending"


@dataclass(frozen=True)
class StepRule:
    """One step; `said` is what it is called, by language."""

    name: str
    phase: Phase
    basis: str
    mark: Mark
    source: Source
    said: Mapping[str, str]
    asks: frozenset[str] = frozenset()
    after: tuple[str, ...] = ()
    known: bool = False
    form: FormKind | None = None


def rules_of(session: Session) -> Mapping[str, StepRule]:
    """The steps of the service that the session belongs to, by name."""
    return rules(tables.folder_of(session))


def of_phase(session: Session, phase: Phase) -> list[StepRule]:
    """The steps of a phase, in order."""
    return [rule for rule in rules_of(session).values() if rule.phase is phase]


@lru_cache
def rules(folder: Path | None = None) -> Mapping[str, StepRule]:
    """The shipped steps, or those of a county's own folder."""
    return {name: _rule(name, said) for name, said in tables.read(tables.STEPS, folder).items()}


def _rule(name: str, said: dict[str, Any]) -> StepRule:
    return StepRule(
        name=name,
        phase=Phase(said["phase"]),
        basis=said["basis"],
        mark=Mark(said["mark"]),
        source=said["source"],
        said={language: said[language] for language in ("en", "zh")},
        asks=frozenset(said.get("asks", ())),
        after=tuple(said.get("after", ())),
        known=said.get("known", False),
        form=FormKind(said["form"]) if "form" in said else None,
    )
