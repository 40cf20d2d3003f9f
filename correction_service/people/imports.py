"""Enrol many people from a file: all of them, or nobody and a report of every fault by its row.

CSV in UTF-8 (with or without a mark), UTF-16 or GB18030, or a sheet of an XLSX; the first row holds
the headings of `intake.LABELS` in Chinese or English, in any order.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from babel.support import NullTranslations, Translations
from sqlalchemy.orm import Session

from correction_service.people import persons
from correction_service.people.cases import legal_day
from correction_service.people.intake import LABELS, EnrolForm, Faults, read
from correction_service.sheets import BROKEN, LOST_DIGITS, Row, Table
from models.agency import Office
from models.case import Case
from models.errors import DomainError, Invalid
from models.identity import IdKind, normalise

MOST_ROWS = 10_000
REQUIRED = (
    "name", "id_number", "office", "category", "deciding_authority",
    "effective_on", "term_start", "term_end",
)  # fmt: skip
_ALIASES = {
    "身份证号": "id_number", "身份证号码": "id_number", "公民身份号码": "id_number",
    "证件号": "id_number", "id number": "id_number", "手机号": "phone", "手机号码": "phone",
    "电话": "phone", "住址": "address", "现居住地": "address", "所属司法所": "office",
    "office": "office", "判决生效日期": "effective_on", "生效日期": "effective_on",
    "矫正开始日期": "term_start", "矫正结束日期": "term_end", "id kind": "id_kind",
}  # fmt: skip


@dataclass(frozen=True)
class RowFault:
    """What is wrong with one field of one row; row 1 holds the headings."""

    row: int
    error: DomainError


class ImportRefused(Invalid):
    """Nothing was taken in, and this is why."""

    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__(
            "Nothing was taken in: %(count)d faults.", code="import_refused", count=len(faults)
        )
        self.faults = tuple(faults)


def enrol_all(
    session: Session, offices: Sequence[Office], table: Table, now: datetime
) -> list[Case]:
    """Enrol everyone of a table at these offices, or raise `ImportRefused` with every fault."""
    rows, faults = rows_of(table)
    forms: dict[int, EnrolForm] = {}
    by_name = {office.name: office.id for office in offices}
    for row in rows:
        try:
            forms[row.number] = read(row.texts, by_name, legal_day(now))
        except Faults as wrong:
            faults += [RowFault(row.number, fault) for fault in wrong.faults]
    faults += _repeated(forms)
    known = persons.register(session, forms.values())
    in_the_way = persons.obstacles(session, forms.values(), known, set(by_name.values()))
    for number, found in zip(forms, in_the_way, strict=True):
        faults += [RowFault(number, fault) for fault in found]
    if faults:
        raise ImportRefused(sorted(faults, key=lambda fault: fault.row))
    return persons.admit(session, list(forms.values()), known, now)


def rows_of(table: Table, required: Sequence[str] = REQUIRED) -> tuple[list[Row], list[RowFault]]:
    """Give the rows by field; a row that does not fit the headings is not guessed at."""
    fields = _fields(table.headings, required)
    rows: list[Row] = []
    faults: list[RowFault] = []
    for number, cells in table.rows:
        if len(rows) + len(faults) >= MOST_ROWS:
            raise Invalid("A file has at most %(count)d rows.", field="file", count=MOST_ROWS)
        if fault := _unreadable(cells, len(table.headings)):
            faults.append(RowFault(number, fault))
        else:
            rows.append(Row(number, {field: cells[at] for field, at in fields.items()}))
    if not rows and not faults:
        raise Invalid("The file has headings and no rows.", field="file")
    return rows, faults


def _unreadable(cells: Sequence[str], wanted: int) -> Invalid | None:
    if len(cells) != wanted:
        return Invalid(
            "This row has %(found)d cells, the headings are %(wanted)d.",
            found=len(cells),
            wanted=wanted,
        )
    if any(LOST_DIGITS in cell for cell in cells):
        return Invalid("A long number has lost its last digits: format that column as text.")
    if any(BROKEN in cell for cell in cells):
        return Invalid("This row has characters that are broken.")
    return None


def _fields(headings: Sequence[str], required: Sequence[str]) -> dict[str, int]:
    """Find the column of each field; columns of other headings are left alone."""
    found: dict[str, int] = {}
    for at, heading in enumerate(headings):
        field = _headings().get(_plain(heading))
        if field in found:
            raise Invalid("The heading of column %(column)d is there twice.", field="file",
                          column=at + 1)  # fmt: skip
        if field is not None:
            found[field] = at
    missing = [" / ".join(LABELS[field]) for field in required if field not in found]
    if missing:
        raise Invalid(
            "The first row lacks these headings: %(missing)s.",
            field="file",
            missing=", ".join(missing),
        )
    return found


@cache
def _headings() -> Mapping[str, str]:
    named = {_plain(name): field for field, names in LABELS.items() for name in (*names, field)}
    return {**_ALIASES, **named}


def _plain(heading: str) -> str:
    return " ".join(heading.replace("*", "").replace("_", " ").split()).casefold()


def _repeated(forms: Mapping[int, EnrolForm]) -> Iterator[RowFault]:
    first: dict[tuple[IdKind, str], int] = {}
    for number, form in forms.items():
        earlier = first.setdefault((form.id_kind, normalise(form.id_kind, form.id_number)), number)
        if earlier != number:
            same = Invalid(
                "Row %(row)d has the same document number.", field="id_number", row=earlier
            )
            yield RowFault(number, same)


class Line(NamedTuple):
    """A fault in words: the row, the field and the problem in both languages."""

    row: int
    field_zh: str
    field_en: str
    problem_zh: str
    problem_en: str


def lines(faults: Sequence[RowFault]) -> Iterator[Line]:
    """Say each fault in Chinese and in English."""
    for row, error in ((fault.row, fault.error) for fault in faults):
        chinese = _chinese().gettext(error.message)
        said = chinese % error.facts if error.facts else chinese
        yield Line(row, *LABELS.get(error.field or "", ("", "")), said, str(error))


def report(faults: Sequence[RowFault]) -> bytes:
    """Return the faults as CSV that a spreadsheet opens in Chinese."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("行 Row", "字段", "Field", "问题", "Problem"))
    writer.writerows(lines(faults))
    return text.getvalue().encode("utf-8-sig")


@cache
def _chinese() -> NullTranslations:
    return Translations.load(str(Path(__file__).parents[1] / "translations"), ["zh"])
