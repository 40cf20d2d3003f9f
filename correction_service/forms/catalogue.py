"""The forms as data: what each says, of what, and on what it rests."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from models.printed_form import FormKind

BLANK = "＿＿＿＿＿＿＿＿"  # to be filled in by hand
_FACT = re.compile(r"\{(\w+)\}")


class Subject(StrEnum):
    """What a form is about; its facts come from there."""

    CASE = "case"
    ORDER = "order"
    LEAVE = "leave"
    MEASURE = "measure"
    SEARCH = "search"


class Shape(StrEnum):
    """How a form is laid out."""

    LETTER = "letter"
    TABLE = "table"
    RECORD = "record"


@dataclass(frozen=True)
class Form:
    """One form before anybody's facts stand in it.

    `mark` says how sure its text is: V from the statute, S seen in public, R recalled.
    """

    kind: FormKind
    title: str
    serial: str
    subject: Subject
    shape: Shape
    source: str
    mark: str
    only: str = ""  # the kind of measure that it is for
    to: str = ""
    body: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    opinions: tuple[str, ...] = ()
    closing: str = ""
    acknowledgement: str = ""
    signatures: tuple[str, ...] = ()
    for_minors: str = ""
    copies: str = ""

    @property
    def facts(self) -> frozenset[str]:
        """The names of the facts that it asks for."""
        texts = [self.to, *self.body, *(cell for row in self.rows for cell in row)]
        return frozenset(name for text in texts for name in _FACT.findall(text))

    def filled(self, facts: Mapping[str, str], *, minor: bool) -> dict[str, Any]:
        """Everything that is printed, with the facts in their places; absent ones as blanks."""

        def said(text: str) -> str:
            return _FACT.sub(lambda found: facts.get(found[1]) or BLANK, text)

        return {
            "title": self.title,
            "shape": self.shape.value,
            "to": said(self.to),
            "body": [said(text) for text in self.body],
            "rows": [[said(cell) for cell in row] for row in self.rows],
            "opinions": list(self.opinions),
            "closing": self.closing,
            "acknowledgement": self.acknowledgement,
            "signatures": [
                *self.signatures,
                *([self.for_minors] * bool(minor and self.for_minors)),
            ],
            "copies": self.copies,
        }


@cache
def catalogue() -> Mapping[FormKind, Form]:
    """Read every form; one that the code does not know, or lacks, is an error at once."""
    text = resources.files(__package__).joinpath("forms.toml").read_text(encoding="utf-8")
    read = {
        FormKind(name): _form(FormKind(name), given) for name, given in tomllib.loads(text).items()
    }
    missing = set(FormKind) - set(read)
    if missing:
        msg = f"forms.toml has no {', '.join(sorted(missing))}"
        raise ValueError(msg)
    return read


def _form(kind: FormKind, given: Mapping[str, Any]) -> Form:
    lists: dict[str, Any] = {
        name: tuple(given.get(name, ())) for name in ("body", "opinions", "signatures")
    }
    rows = tuple(tuple(row) for row in given.get("rows", ()))
    plain: dict[str, Any] = {name: value for name, value in given.items() if isinstance(value, str)}
    plain |= {"subject": Subject(given["subject"]), "shape": Shape(given["shape"])}
    return Form(kind=kind, **plain, **lists, rows=rows)
