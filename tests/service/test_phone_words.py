"""The phone page says everything in Chinese."""

from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import correction_service

ROOT = Path(correction_service.__file__).parent
PLACES = ("web/phone", "web/templates/phone")
METHODS = [("**.py", "python"), ("**.html", "jinja2")]


def catalogue(folder: str) -> set[str]:
    file = ROOT / folder / "translations/zh/LC_MESSAGES/messages.po"
    with file.open("rb") as lines:
        return {str(message.id) for message in read_po(lines) if message.string}


def test_every_sentence_of_the_phone_page_has_its_chinese() -> None:
    said = {
        str(message)
        for place in PLACES
        for _, _, message, _, _ in extract_from_dir(ROOT / place, METHODS)
    }
    assert len(said) > 100
    assert said - catalogue("web/phone") - catalogue(".") == set()
