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
from models.case import Case, CaseState, EndedAs
from models.printed_form import FormKind

RELEASES = ("term_over", "pardon")


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
    ends: frozenset[EndedAs] = frozenset()


def rules_of(session: Session) -> Mapping[str, StepRule]:
    """The steps of the service that the session belongs to, by name."""
    return rules(tables.folder_of(session))


def of_phase(session: Session, phase: Phase) -> list[StepRule]:
    """The steps of a phase, in order."""
    return [rule for rule in rules_of(session).values() if rule.phase is phase]


def of_case(session: Session, phase: Phase, case: Case) -> list[StepRule]:
    """The steps of a phase that a case has: of the end those of how it ended.

    One that runs still, or moved away, has those of a release.
    """
    found = of_phase(session, phase)
    if phase is Phase.INTAKE:
        return found
    unsaid = None if case.state is CaseState.TERMINATED else EndedAs.TERM_OVER
    ended_as = case.ended_as or unsaid
    return [rule for rule in found if ended_as in rule.ends]


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
        ends=frozenset(map(EndedAs, said.get("ends", RELEASES))),
    )
