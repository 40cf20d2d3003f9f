"""Statistics: by office and period, on the page, as a workbook, as a paper."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from correction_service import access, hours, reports, typeset
from correction_service.reports import periods, statistics, workbook
from correction_service.reports.statistics import TABLES, Statistics
from correction_service.web.console import words
from models.case import Category, Level
from models.errors import Invalid
from models.user import Permission

blueprint = APIBlueprint("statistics", __name__, url_prefix="/statistics", enable_openapi=False)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WORDS = {
    "cases": _l("Cases"),
    "received": _l("received"),
    "in_correction": _l("under correction at the end"),
    "released": _l("released"),
    "terminated": _l("terminated"),
    "minors": _l("minors at the end"),
    "categories": _l("By category, at the end"),
    "levels": _l("By supervision level, at the end"),
    "leave": _l("Leave"),
    "leaves": _l("leaves that ended"),
    "leaves_late": _l("signed off late or not at all"),
    "checkins": _l("Check-ins"),
    "done": _l("in time"),
    "late": _l("late"),
    "missed": _l("missed"),
    "incidents": _l("Incidents"),
    "incidents_closed": _l("closed with a cause"),
    "incidents_false": _l("false alarms"),
    "points": _l("Points"),
    "entries_plus": _l("entries that add"),
    "entries_minus": _l("entries that take"),
    "entries_reversed": _l("entries taken back"),
    "office": _l("Office"),
    "total": _l("Total"),
    "period": _l("Period"),
}
NOTE = _l(
    "Counted from the cases of the office as they are today: category and level are those of "
    "today, everything else is of the period."
)


@blueprint.get("/")
@access.needs(Permission.SEE_QUALITY)
def index() -> ResponseReturnValue:
    """Show the tables of a period."""
    offered = periods.recent(hours.local_day(access.now()))
    name = request.args.get("period", offered[0].name)
    try:
        found, wrong = _count(name), None
    except Invalid as refusal:
        found, wrong = _count(offered[0].name), refusal
    return render_template(
        "console/statistics.html",
        found=found,
        tables=_tables(found),
        offered=offered,
        name=name,
        wrong=gettext(wrong.message) if wrong else None,
        note=NOTE,
        agency=access.user().agency.name,
    ), wrong.status if wrong else 200


@blueprint.get("/workbook.xlsx")
@access.needs(Permission.SEE_QUALITY)
def sheet() -> ResponseReturnValue:
    """The same as a workbook."""
    found = _count(request.args.get("period", ""))
    named = {name: str(_word(name)) for name in (*TABLES, *statistics.FIGURES, *WORDS)}
    return _file(workbook.xlsx(found, named), XLSX, f"statistics-{found.period.name}.xlsx")


@blueprint.get("/paper.pdf")
@access.needs(Permission.SEE_QUALITY)
def paper() -> ResponseReturnValue:
    """The same on paper."""
    found = _count(request.args.get("period", ""))
    data = {
        "title": str(gettext("Statistics of community corrections")),
        "agency": access.user().agency.name,
        "period": f"{found.period.first} – {found.period.last}",
        "tables": _tables(found),
        "note": str(NOTE),
    }
    pdf = typeset.pdf(reports.__name__, "statistics.typ", data, access.now())
    return _file(pdf, "application/pdf", f"statistics-{found.period.name}.pdf")


def _count(name: str) -> Statistics:
    with access.reading() as session:
        return statistics.count(session, access.user(), periods.read(name))


def _tables(found: Statistics) -> list[dict[str, Any]]:
    """Every table in words: head, a row an office, the sums."""
    return [
        {
            "title": str(_word(table)),
            "head": [str(_word("office")), *(str(_word(name)) for name in names)],
            "rows": [
                [line.office, *(str(line.figures[name]) for name in names)] for line in found.lines
            ],
            "total": [str(_word("total")), *(str(found.total[name]) for name in names)],
        }
        for table, names in TABLES.items()
    ]


def _word(name: str) -> Any:  # noqa: ANN401 - a word that waits for its language
    kind, _, value = name.partition(".")
    if kind == "category":
        return words.word(Category(value))
    if kind == "level":
        return words.word(Level(value))
    return WORDS[name]


def _file(data: bytes, mimetype: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype=mimetype, headers=headers)
