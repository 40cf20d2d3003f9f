"""Identity documents and the check of the citizen ID number (GB 11643)."""

import re
from datetime import date
from enum import StrEnum

from models.errors import Invalid

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_DOCUMENT = re.compile(r"[A-Z0-9]{5,20}")


class IdKind(StrEnum):
    """What a person shows to say who they are; not everyone has a resident ID."""

    RESIDENT = "resident"
    PASSPORT = "passport"
    HK_MACAO_PERMIT = "hk_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    OTHER = "other"


class Sex(StrEnum):
    """As the document says; a woman's team must contain a woman (LCC 25)."""

    FEMALE = "female"
    MALE = "male"


def normalise(kind: IdKind, number: str) -> str:
    """Return the number in its canonical form, or raise `Invalid` naming what is wrong."""
    text = re.sub(r"[\s\-]", "", number).upper()
    if kind is IdKind.RESIDENT:
        _check_resident(text)
    elif not _DOCUMENT.fullmatch(text):
        raise Invalid("A document number has 5 to 20 letters and digits.", field="id_number")
    return text


def _check_resident(text: str) -> None:
    if not re.fullmatch(r"\d{17}[\dX]", text):
        raise Invalid(
            "A resident ID number has 17 digits and a last digit or X.", field="id_number"
        )
    birth_date(text)
    if check_character(text[:17]) != text[17]:
        raise Invalid(
            "The last character does not fit the other seventeen: one of them is mistyped.",
            field="id_number",
        )


def check_character(first_seventeen: str) -> str:
    """Return the eighteenth character of a resident ID number (GB 11643, ISO 7064 MOD 11-2)."""
    digits = zip(first_seventeen, _WEIGHTS, strict=True)
    return _CHECK[sum(int(digit) * weight for digit, weight in digits) % 11]


def birth_date(resident: str) -> date:
    """Return the date of birth that a resident ID number carries; `Invalid` when there is none."""
    try:
        return date(int(resident[6:10]), int(resident[10:12]), int(resident[12:14]))
    except ValueError as error:
        raise Invalid(
            "Digits 7 to 14 of a resident ID number are a date of birth, and these are not.",
            field="id_number",
        ) from error


def sex_of(resident: str) -> Sex:
    """Return the sex that the seventeenth digit of a resident ID number says."""
    return Sex.MALE if int(resident[16]) % 2 else Sex.FEMALE
