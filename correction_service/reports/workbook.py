"""Statistics as an XLSX workbook: a sheet a table, numbers as numbers, the sums as formulas."""

from collections.abc import Mapping
from io import BytesIO

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from correction_service.reports.statistics import TABLES, Statistics

OFFICE_WIDTH = 28
SHEET_NAME_MAX = 31  # Excel's own


def xlsx(found: Statistics, words: Mapping[str, str]) -> bytes:
    """Write every table; `words` names tables, figures, `office`, `total` and `period`."""
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
            sheet.freeze_panes(3, 1)
            sheet.set_column(0, 0, OFFICE_WIDTH)
            sheet.set_column(1, len(names), 12)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
    return into.getvalue()
