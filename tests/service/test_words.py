"""Whatever the service says it says in Chinese too, with the same facts and in one way."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import correction_service.app  # with it every refusal is loaded
import models
from correction_service.locale import CATALOGUES
from correction_service.tracking.readings import TITLES
from correction_service.zones.zones import SMALL
from models.contradiction import Clash
from models.errors import DomainError
from models.incident_kinds import MEANINGS
from models.risk import INNOCENT, SENTENCES
from models.rules import ORDERED

SERVICE, MODELS = (Path(str(room.__file__)).parent for room in (correction_service, models))
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
CALLS = ("_", "_l", "gettext", "lazy_gettext")
FACT = re.compile(r"%\((\w+)\)")


def refusals(of: type[DomainError] = DomainError) -> Iterator[str]:
    """The names of what rules raise; the first argument of each is a sentence."""
    yield of.__name__
    for kind in of.__subclasses__():
        yield from refusals(kind)


def first(forms: str | Sequence[str]) -> str:
    """The singular; Chinese has no other."""
    return forms if isinstance(forms, str) else forms[0]


def said() -> dict[str, list[str]]:
    """Every sentence of pages, rules and their tables, with the places that say it."""
    found = defaultdict(list)
    keywords = dict.fromkeys((*CALLS, *refusals()), (1,)) | {"ngettext": (1, 2)}
    for room in (SERVICE, MODELS):
        for file, line, forms, _, _ in extract_from_dir(room, METHODS, keywords=keywords):
            found[first(forms)].append(f"{room.name}/{file}:{line}")
    innocent = chain.from_iterable(meaning.innocent for meaning in MEANINGS.values())
    zones = (*Clash, SMALL, *TITLES, *(sentence for _, _, sentence in ORDERED))
    for sentence in (*SENTENCES.values(), *INNOCENT.values(), *innocent, *zones):
        found[sentence].append("a table of models")
    return found


def chinese() -> dict[str, set[str]]:
    """Every sentence of the catalogues with its Chinese; a fuzzy one is never compiled."""
    found = defaultdict(set)
    for folder in CATALOGUES.split(";"):
        with (SERVICE / folder / "zh/LC_MESSAGES/messages.po").open("rb") as lines:
            for message in read_po(lines):
                if message.id and message.string and not message.fuzzy:
                    found[first(message.id)].add(first(message.string))
    return found


def test_every_sentence_has_its_chinese() -> None:
    sentences, known = said(), chinese()
    assert len(sentences) > 900
    assert {said: where for said, where in sentences.items() if said not in known} == {}


def test_no_translation_loses_or_invents_a_fact() -> None:
    facts = {
        (english, words): set(FACT.findall(english)) ^ set(FACT.findall(words))
        for english, all_words in chinese().items()
        for words in all_words
    }
    assert {pair for pair, different in facts.items() if different} == set()


def test_the_catalogues_do_not_contradict_each_other() -> None:
    assert {said: words for said, words in chinese().items() if len(words) > 1} == {}
