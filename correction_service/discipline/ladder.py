"""The ladder of rewards and penalties: which facts each rung may rest on, as data."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from models.case import Category
from models.discipline import MeasureKind
from models.errors import Invalid


@dataclass(frozen=True)
class Limb:
    """One of a rung's facts: its words, the law and its mark, and what it asks for."""

    code: str
    en: str
    zh: str
    law: str
    mark: str
    most_days: int | None = None
    least_days: int | None = None
    over_months: int | None = None
    months_in: int | None = None
    after: tuple[tuple[str, int], ...] = ()
    categories: tuple[Category, ...] = ()

    @property
    def asks_days(self) -> bool:
        """Whether the officer says how many days it was."""
        return (self.most_days, self.least_days, self.over_months) != (None, None, None)


@dataclass(frozen=True)
class Rung:
    """One kind of measure: who decides it, and its limbs by code."""

    kind: MeasureKind
    decides: Mapping[str, str]
    limbs: Mapping[str, Limb]


@cache
def rungs() -> dict[MeasureKind, Rung]:
    """Return the ladder, lowest rung first."""
    text = resources.files("correction_service").joinpath("discipline/ladder.toml").read_text()
    return {
        MeasureKind(name): Rung(
            MeasureKind(name),
            rung["decides"],
            {code: _limb(code, **limb) for code, limb in rung["limbs"].items()},
        )
        for name, rung in tomllib.loads(text).items()
    }


def _limb(
    code: str,
    *,
    after: Mapping[str, int] | None = None,
    categories: tuple[str, ...] = (),
    **said: str,
) -> Limb:
    allowed = tuple(Category(name) for name in categories)
    return Limb(code=code, after=tuple((after or {}).items()), categories=allowed, **said)  # type: ignore[arg-type]


def limb(kind: MeasureKind, code: str) -> Limb:
    """Return a limb of a rung; `Invalid` when the rung has none such."""
    try:
        return rungs()[kind].limbs[code]
    except KeyError:
        raise Invalid("Choose one of the list.", field="limb") from None
