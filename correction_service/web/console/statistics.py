"""Statistics: by office and period, on the page, as a workbook, as a paper."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from correction_service import access, hours, reports, typeset
from correction_service.reports import periods, responses, statistics, workbook
from correction_service.reports.statistics import TABLES, Statistics
from correction_service.web.console import charts, words
from models.case import Category, EndedAs, Level
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
    "moved_away": _l("moved away"),
    "minors": _l("minors at the end"),
    "endings": _l("How cases ended"),
    "ended_unsaid": _l("not on file"),
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
    "learning": _l("Education and service"),
    "education_minutes": _l("minutes of education"),
    "service_minutes": _l("minutes of public-benefit activity"),
    "education_missed": _l("lessons missed without excuse"),
    "points": _l("Points"),
    "entries_plus": _l("entries that add"),
    "entries_minus": _l("entries that take"),
    "entries_reversed": _l("entries taken back"),
    "outcomes": _l("Revocation and re-offending"),
    "revocations_proposed": _l("revocations proposed"),
    "revocations_granted": _l("revocations granted"),
    "again_within_term": _l("sentenced anew within an earlier term"),
    "received_again": _l("received who had a case before"),
    "office": _l("Office"),
    "total": _l("Total"),
    "period": _l("Period"),
}
RESPONSES = {
    "incidents": _l("Incidents: first answer"),
    "help": _l("Help asked for"),
    "leave_requests": _l("Requests for leave"),
    "objections": _l("Objections"),
    "requests": _l("Copies, corrections, petitions"),
}
RESPONSE_HEAD = (
    _l("Time to answer"),
    _l("asked"),
    _l("with an answer"),
    _l("past the last day"),
    _l("median (h)"),
    _l("P90 (h)"),
)
NOTE = _l(
    "Counted from the cases of the office as they are today: the category is that of today, "
    "everything else is of the period. Sentenced anew within an earlier term: for a new "
    "crime, or for one that was not known before."
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
        responses=_said(_responses(found)),
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
    return _file(
        workbook.xlsx(found, named, _responses(found)), XLSX, f"statistics-{found.period.name}.xlsx"
    )


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
        "responses": _said(_responses(found)),
        "note": str(NOTE),
    }
    pdf = typeset.pdf(reports.__name__, "statistics.typ", data, access.now())
    return _file(pdf, "application/pdf", f"statistics-{found.period.name}.pdf")


def _count(name: str) -> Statistics:
    with access.reading() as session:
        return statistics.count(session, access.user(), periods.read(name))


def _responses(found: Statistics) -> list[list[Any]]:
    """The head, then a row a kind of what was asked: numbers as numbers, None as not known."""
    user, today = access.user(), hours.local_day(access.now())
    with access.reading() as session:
        counted = responses.count(session, user, found.period, today)
    rows = [[str(RESPONSES[it.what]), it.asked, it.answered, it.late, *it.hours] for it in counted]
    return [[str(it) for it in RESPONSE_HEAD], *rows]


def _said(rows: list[list[Any]]) -> list[list[str]]:
    """Numbers in words: what is not known or has no last day is a dash."""
    return [["–" if cell is None else str(cell) for cell in row] for row in rows]


def _bars(names: tuple[str, ...], found: Statistics) -> list[dict[str, Any]]:
    """The sums drawn: each beside the largest of its table."""
    largest = max((found.total[name] for name in names), default=0) or 1
    return [
        {
            "label": str(_word(name)),
            "value": found.total[name],
            "width": round(charts.LENGTH * found.total[name] / largest, 1),
        }
        for name in names
    ]


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
            "bars": _bars(names, found),
        }
        for table, names in TABLES.items()
    ]


def _word(name: str) -> Any:  # noqa: ANN401 - a word that waits for its language
    kind, _, value = name.partition(".")
    if kind == "category":
        return words.word(Category(value))
    if kind == "ended":
        return words.word(EndedAs(value))
    if kind == "level":
        return words.word(Level(value))
    return WORDS[name]


def _file(data: bytes, mimetype: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, mimetype=mimetype, headers=headers)
