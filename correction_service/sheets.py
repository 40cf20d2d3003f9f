"""Tables out of files that people send: CSV in the encodings of Chinese offices, or XLSX."""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from models.errors import Invalid

_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UNPACKED_AT_MOST_BYTES = 200_000_000
_EXACT_DIGITS = 15  # a number cell of a spreadsheet keeps no more
BROKEN = "\ufffd"  # what a decoder puts for bytes that are no character
LOST_DIGITS = "#LOST"
_SHEET_ERRORS = (
    BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError, SyntaxError,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row by field, with its number in the file."""

    number: int
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """Headings, and the rows that are not blank, with their numbers; row 1 is the headings'."""

    headings: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]


def table_of(data: bytes) -> Table:
    """Read a table; `Invalid` says what the file is instead."""
    if data.startswith(_OLD_OFFICE):
        raise Invalid("This is an old Excel file: save it as XLSX or CSV.", field="file")
    records = _xlsx(data) if data.startswith(_ZIP) else _csv(data)
    filled = [(number, row) for number, row in enumerate(records, 1) if any(row)]
    if not filled:
        raise Invalid("The file is empty.", field="file")
    return Table(filled[0][1], filled[1:])


def _csv(data: bytes) -> Iterator[list[str]]:
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid("This is neither CSV nor XLSX.", field="file")
    text = _decoded(data)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            yield [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise Invalid(
                "Line %(line)d has a quotation mark that is not closed or not doubled.",
                field="file",
                line=reader.line_num,
            ) from None


def _decoded(data: bytes) -> str:
    """Decode as what leaves the fewest broken characters; UTF-8 when there are none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    texts = [data.decode(encoding, "replace") for encoding in ("utf-8-sig", "gb18030")]
    return min(texts, key=lambda text: text.count(BROKEN))


def _xlsx(data: bytes) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            unpacked_bytes = sum(part.file_size for part in parts.infolist())
        if unpacked_bytes <= _UNPACKED_AT_MOST_BYTES:
            yield from _sheet(data)
            return
    except _SHEET_ERRORS:
        raise Invalid("This XLSX file is damaged or not a workbook.", field="file") from None
    raise Invalid("The sheet is too large.", field="file")


def _sheet(data: bytes) -> Iterator[list[str]]:
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    headings = _trimmed([_cell(value) for value in next(rows, ())])
    yield headings
    for row in rows:
        cells = _trimmed([_cell(value) for value in row])
        yield cells + [""] * (len(headings) - len(cells)) if cells else []


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and len(str(abs(value))) > _EXACT_DIGITS:
        return LOST_DIGITS
    return str(value).strip()


def workbook(headings: Sequence[str], widths: Sequence[int]) -> bytes:
    """Return an XLSX with headings alone, every column as text so that no digit is lost."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(headings))
    for at, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    for row in sheet.iter_rows(min_row=1, max_row=200, max_col=len(headings)):
        for cell in row:
            cell.number_format = "@"
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
