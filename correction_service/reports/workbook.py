"""Statistics as an XLSX workbook: a sheet a table, numbers as numbers, the sums as formulas."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from correction_service.reports.statistics import TABLES, Statistics

OFFICE_WIDTH = 28
SHEET_NAME_MAX = 31  # Excel's own


def xlsx(found: Statistics, words: Mapping[str, str], answers: Sequence[Sequence[Any]]) -> bytes:
    """Write every table with its sums drawn, then the table of answers, its head first.

    `words` names tables, figures, `office`, `total` and `period`.
    """
    into = BytesIO()
    with xlsxwriter.Workbook(into, {"in_memory": True}) as book:
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        sums = book.add_format({"bold": True, "top": 1})
        for table, names in TABLES.items():
            sheet = book.add_worksheet(words[table][:SHEET_NAME_MAX])
            sheet.write(0, 0, f"{words['period']}: {found.period.first} – {found.period.last}")
            sheet.write_row(2, 0, [words["office"], *(words[name] for name in names)], head)
            for row, line in enumerate(found.lines, start=3):
                sheet.write_string(row, 0, line.office)
                sheet.write_row(row, 1, [line.figures[name] for name in names])
            last = 3 + len(found.lines)
            sheet.write_string(last, 0, words["total"], sums)
            for column, name in enumerate(names, start=1):
                first, end = (xl_rowcol_to_cell(row, column) for row in (3, max(last - 1, 3)))
                total = found.total[name]
                sheet.write_formula(last, column, f"=SUM({first}:{end})", sums, total)
            _draw(book, sheet, last, len(names))
            sheet.freeze_panes(3, 1)
            sheet.set_column(0, 0, OFFICE_WIDTH)
            sheet.set_column(1, len(names), 12)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
        sheet = book.add_worksheet(str(answers[0][0])[:SHEET_NAME_MAX])
        for row, cells in enumerate(answers):
            sheet.write_row(row, 0, cells, head if row == 0 else None)
        sheet.set_column(0, 0, OFFICE_WIDTH)
    return into.getvalue()


def _draw(book: Any, sheet: Any, last: int, figures: int) -> None:  # noqa: ANN401 - untyped library
    """Draw the sums below their table."""
    chart = book.add_chart({"type": "bar"})
    names, values = ([sheet.name, row, 1, row, figures] for row in (2, last))
    chart.add_series({"categories": names, "values": values})
    chart.set_legend({"none": True})
    sheet.insert_chart(last + 2, 0, chart)
