"""The forms as data: what each says, of what, and on what it rests."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from models.printed_form import FormKind

BLANK = "＿＿＿＿＿＿＿＿"  # to be filled in by hand
_FACT = re.compile(r"\{(\w+)\}")


class Subject(StrEnum):
    """What a form is about; its facts come from there."""

    CASE = "case"
    ORDER = "order"
    LEAVE = "leave"
    REQUEST = "request"
    MEASURE = "measure"
    SEARCH = "search"
    OPINION = "opinion"


class Letter(StrEnum):
    """Letters between the procuratorate and the agency, which bear numbers of their own."""

    OPINION_SUGGESTION = "opinion_suggestion"
    OPINION_CORRECTION = "opinion_correction"
    ANSWER_SUGGESTION = "answer_suggestion"
    ANSWER_CORRECTION = "answer_correction"


class Shape(StrEnum):
    """How a form is laid out."""

    LETTER = "letter"
    TABLE = "table"
    RECORD = "record"


class Wording(StrEnum):
    """What else a form of an order may be for than to use a device."""

    EXTENSION = "extension"
    LIFTING = "lifting"


Kind = TypeVar("Kind", FormKind, Letter)


@dataclass(frozen=True)
class Form:
    """One form before anybody's facts stand in it.

    `mark` says how sure its text is: V from the statute, S seen in public, R recalled.
    """

    kind: FormKind | Letter
    title: str
    subject: Subject
    shape: Shape
    source: str
    mark: str
    serial: str = ""  # what stands before its number; a letter has one of its own
    also: str = ""  # another subject that it may be about instead, with the same facts
    only: str = ""  # the kind of measure that it is for; of leaves, regular ones or single ones
    to: str = ""
    body: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    opinions: tuple[str, ...] = ()
    closing: str = ""
    acknowledgement: str = ""
    signatures: tuple[str, ...] = ()
    for_minors: str = ""
    copies: str = ""
    wordings: Mapping[Wording, "Form"] = field(default_factory=dict)

    def about(self, subject: str) -> "Form":
        """The form as it is about its other subject, where that is asked for."""
        return replace(self, subject=Subject(subject)) if subject and subject == self.also else self

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
    return _read("forms.toml", FormKind)


@cache
def letters() -> Mapping[Letter, Form]:
    """Read every letter, in the same way."""
    return _read("letters.toml", Letter)


def _read(name: str, kinds: type[Kind]) -> Mapping[Kind, Form]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    read = {kinds(kind): _form(kinds(kind), given) for kind, given in tomllib.loads(text).items()}
    missing = set(kinds) - set(read)
    if missing:
        msg = f"{name} has no {', '.join(sorted(missing))}"
        raise ValueError(msg)
    return read


def _form(kind: FormKind | Letter, given: Mapping[str, Any]) -> Form:
    plain = _words(given) | {"subject": Subject(given["subject"]), "shape": Shape(given["shape"])}
    form = Form(kind=kind, **plain)
    others = {it: replace(form, **_words(given[it])) for it in Wording if it in given}
    return replace(form, wordings=others)


def _words(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a table says itself; a wording says only what differs from its form."""
    words: dict[str, Any] = {name: it for name, it in given.items() if isinstance(it, str)}
    lists = ("body", "opinions", "signatures")
    words |= {name: tuple(given[name]) for name in lists if name in given}
    if "rows" in given:
        words["rows"] = tuple(tuple(row) for row in given["rows"])
    return words
