"""Where a leave leads to: counties, districts, whole cities and provinces, by code or name."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from correction_service.zones import boundaries
from models.errors import Invalid

MOST = 10
_APART = re.compile(r"[\s,，、;；]+")
PROVINCE_DIGITS, CITY_DIGITS, CODE_DIGITS = 2, 4, 6


@cache
def _names() -> dict[str, str]:
    """Every name by its code (GB/T 2260): 520103 a district, 520100 its city, 520000 a province."""
    found = {}
    for it in boundaries.divisions().values():
        found[it.code] = it.name
        found[it.code[:CITY_DIGITS].ljust(CODE_DIGITS, "0")] = it.city
        found[it.code[:PROVINCE_DIGITS].ljust(CODE_DIGITS, "0")] = it.province
    return found


def read(text: str) -> list[str]:
    """The codes of places that are written by code or full name, apart by commas or spaces."""
    codes = dict.fromkeys(_code(word) for word in _APART.split(text) if word)
    if len(codes) > MOST:
        raise Invalid("Name at most 10 places.", field="destination")
    return list(codes)


def _code(word: str) -> str:
    names = _names()
    if word in names:
        return word
    found = [code for code, name in names.items() if name == word]
    if len(found) > 1:  # a municipality is a city and a province of one name
        found = [code for code in found if code.endswith("0000")] or found
    if not found:
        raise Invalid(
            "No county, district or city is called %(word)s. Write its full name or its "
            "six-digit code.",
            field="destination",
            word=word,
        )
    if len(found) > 1:
        raise Invalid(
            "Several places are called %(word)s: write the six-digit code of one of %(codes)s.",
            field="destination",
            word=word,
            codes=", ".join(found[:MOST]),
        )
    return found[0]


def called(codes: Iterable[str]) -> str:
    """What the places are called; a code that is not known stays a code."""
    return "、".join(_names().get(code, code) for code in codes)


def counties(codes: Sequence[str]) -> list[str]:
    """The codes of all counties and districts of these places."""
    prefixes = tuple(_prefix(code) for code in codes)
    return [code for code in boundaries.divisions() if code.startswith(prefixes)]


def at_home(codes: Sequence[str], division: str) -> bool:
    """Whether places all lie within what is one place with a division: going there is no leave.

    The districts of one city are one place, a county is one by itself (IM 26).
    """
    home = boundaries.together(division)
    places = [counties([code]) for code in codes]
    return bool(places) and all(found and home.issuperset(found) for found in places)


def _prefix(code: str) -> str:
    if code.endswith("0000"):
        return code[:PROVINCE_DIGITS]
    return code[:CITY_DIGITS] if code.endswith("00") else code
