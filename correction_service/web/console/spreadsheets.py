"""Tables that a spreadsheet opens: CSV whose cells no spreadsheet runs."""

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def answer(name: str, rows: Iterable[Sequence[object]]) -> Response:
    """Give rows, headings first, as a file of this name."""
    text = io.StringIO()
    csv.writer(text).writerows([_safe(cell) for cell in row] for row in rows)
    headers = {"Content-Disposition": f"attachment; filename={name}.csv"}
    body = "\ufeff" + text.getvalue()  # spreadsheets know UTF-8 by this mark
    return Response(body, mimetype="text/csv", headers=headers)


def _safe(cell: object) -> object:
    """Keep a spreadsheet from taking what a stranger wrote for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
