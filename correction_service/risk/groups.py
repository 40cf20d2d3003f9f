"""Who is listed, by groups: so that nobody has to believe that the weights fall on all alike.

Counts only. Groups of fewer than `LEAST` people are hidden, and never one alone: the others would
give it away. Neither ethnicity nor belief is known here, and so is no group (PIPL 28).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from models.agency import Office
from models.case import Case, supervised_on
from models.person import Person
from models.risk import FlagKind, FlagState, RiskFlag
from models.risk_score import Band

LEAST = 10
AGES = (18, 25, 35, 45, 60)


class Dimension(StrEnum):
    """What people are grouped by."""

    SEX = "sex"
    AGE = "age"
    CATEGORY = "category"
    OFFICE = "office"


@dataclass(frozen=True)
class Group:
    """People of a group, and how many of them are listed; of a hidden one nothing is told."""

    name: str
    people: int | None
    amber: int | None
    red: int | None

    @property
    def hidden(self) -> bool:
        """Whether it is too small to tell of."""
        return self.people is None


def report(
    session: Session, day: date, whose: Sequence[ColumnElement[bool]]
) -> dict[Dimension, list[Group]]:
    """Count supervised people that match `whose`, and who of them is listed, by each dimension."""
    by: dict[Dimension, ColumnElement[Any]] = {
        Dimension.SEX: Person.sex.expression,
        Dimension.AGE: _age_band(day),
        Dimension.CATEGORY: Case.category.expression,
        Dimension.OFFICE: Office.name.expression,
    }
    return {name: _groups(session, day, whose, of) for name, of in by.items()}


def _groups(
    session: Session, day: date, whose: Sequence[ColumnElement[bool]], of: ColumnElement[Any]
) -> list[Group]:
    flagged = and_(
        RiskFlag.case_id == Case.id,
        RiskFlag.kind == FlagKind.SLIPPING_AWAY,
        RiskFlag.state == FlagState.OPEN,
    )
    counts = [func.count().filter(RiskFlag.band == band) for band in (Band.AMBER, Band.RED)]
    query = (
        select(of.label("name"), func.count(), *counts)
        .select_from(Case)
        .join(Case.person)
        .join(Case.office)
        .outerjoin(RiskFlag, flagged)
        .where(supervised_on(day), *whose)
        .group_by(of)
        .order_by(of)
    )
    rows = [(str(name), *numbers) for name, *numbers in session.execute(query)]
    hidden = _hidden({name: people for name, people, _, _ in rows})
    return [Group(row[0], None, None, None) if row[0] in hidden else Group(*row) for row in rows]


def _hidden(people: dict[str, int]) -> set[str]:
    """Names of groups that are too small, with the next larger one where only one is."""
    ordered = sorted(people, key=lambda name: people[name])
    small = [name for name in ordered if people[name] < LEAST]
    return set(ordered[:2] if len(small) == 1 else small)


def _age_band(day: date) -> ColumnElement[str]:
    """Age on `day` as 18-24, 60+ …; who is under the first bound, or unknown, by that."""
    born = [(bound, day.replace(year=day.year - bound, day=min(day.day, 28))) for bound in AGES]
    whens = [(Person.born_on.is_(None), "unknown"), (Person.born_on > born[0][1], f"<{AGES[0]}")]
    for (low, _), (high, after) in pairwise(born):
        whens.append((Person.born_on > after, f"{low}–{high - 1}"))
    band: ColumnElement[str] = case(*whens, else_=f"{AGES[-1]}+")
    return band
