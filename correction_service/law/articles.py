"""Articles that pages and messages cite: how well each is known, so that none is cited unmarked."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from correction_service.law import tables
from correction_service.law.tables import Mark

# "IM 34", "LCC 25, 52", "IM 30–31"; one that a text marks already, "IM 32 (R)", is left as it is.
_ARTICLES = r"\d+(?:–\d+)?(?:, \d+(?:–\d+)?)*"
_CITED = re.compile(rf"\b(LCC|IM|PIPL|CPL) ({_ARTICLES})\b(?!, \d|,? \(?[VSR]\b)")
_ORDER = (Mark.VERIFIED, Mark.EXCERPT, Mark.RECALLED)


def cited(basis: str, folder: Path | None = None) -> str:
    """A basis as a page shows it: what was not read in the law has its mark, "IM 34 (S)"."""

    def marked(found: re.Match[str]) -> str:
        mark = _least(found[1], found[2], folder)
        return found[0] if mark is Mark.VERIFIED else f"{found[0]} ({mark.value})"

    return _CITED.sub(marked, basis)


def mark_of(article: str, folder: Path | None = None) -> Mark:
    """How well an article is known, like "IM 27"; of several, the least known."""
    statute, _, numbers = article.partition(" ")
    return _least(statute, numbers, folder)


def mark_in(session: Session, article: str) -> str:
    """The letter of an article's mark in the service that the session belongs to."""
    return mark_of(article, tables.folder_of(session)).value


def _least(statute: str, numbers: str, folder: Path | None) -> Mark:
    known, every = _marks(folder)[statute]
    marks = [known.get(number, every) for number in _listed(numbers)]
    return max(marks, key=_ORDER.index)


def _listed(numbers: str) -> list[int]:
    found: list[int] = []
    for part in numbers.split(", "):
        first, _, last = part.partition("–")
        found += range(int(first), int(last or first) + 1)
    return found


@lru_cache
def _marks(folder: Path | None) -> Mapping[str, tuple[Mapping[int, Mark], Mark]]:
    """By statute: the articles that are named, and the mark of every other.

    A statute that a county's own folder names stands in the place of the shipped one.
    """
    shipped, own = tables.read(tables.ARTICLES), tables.read(tables.ARTICLES, folder)
    return {
        statute: (
            {number: mark for mark in Mark for number in said.get(mark.value, ())},
            Mark(said["every"]),
        )
        for statute, said in {**shipped, **own}.items()
    }
