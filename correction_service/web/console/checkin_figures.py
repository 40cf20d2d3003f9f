"""How check-ins go: done, tried again, wrongly doubted, how soon officers decide; as CSV too."""

from collections import Counter
from collections.abc import Iterator, Sequence

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.audit import viewed
from correction_service.locale import chosen
from correction_service.presence import checkin_figures, serving
from correction_service.presence.checkin_figures import (
    AGES,
    LEAST_PEOPLE,
    PERIODS,
    USUAL,
    Figures,
    Group,
    Grouping,
)
from correction_service.scope import visible
from correction_service.web.console import duty_words, spreadsheets, words
from correction_service.web.console.quality import waited
from models.agency import Office
from models.case import Case
from models.identity import Sex
from models.user import Permission

blueprint = APIBlueprint(
    "checkin_figures", __name__, url_prefix="/quality/checkins", enable_openapi=False
)


@blueprint.get("/")
@access.needs(Permission.SEE_QUALITY)
def index() -> ResponseReturnValue:
    """Show the figures of a period, of one office or of all that the user sees."""
    days, office_id = _asked()
    with access.reading() as session:
        measured = checkin_figures.measure(session, access.user(), days, access.now(), office_id)
        offices = _offices(session)
    return render_template(
        "console/checkin_figures.html",
        measured=measured,
        groups=[(by, _title(by), found) for by, found in measured.groups.items()],
        name=_name,
        voids=_voids(measured),
        waited=waited,
        days=days,
        periods=PERIODS,
        office_id=office_id,
        offices=offices,
        least=LEAST_PEOPLE,
        why=[getattr(it, chosen()) for it in serving.bases().values()],
    )


@blueprint.get("/export.csv")
@access.needs(Permission.SEE_QUALITY)
def export() -> ResponseReturnValue:
    """Give the same figures as a table that a spreadsheet opens; the export is logged."""
    days, office_id = _asked()
    with access.writing() as session:
        viewed(session, "export_checkin_figures", "agency", access.user().agency_id)
        measured = checkin_figures.measure(session, access.user(), days, access.now(), office_id)
    return spreadsheets.answer(f"checkins-{days}-days-{access.now():%Y%m%d}", _rows(measured))


def _asked() -> tuple[int, int | None]:
    days = request.args.get("days", USUAL, type=int)
    return days if days in PERIODS else USUAL, request.args.get("office", type=int)


def _offices(session: Session) -> Sequence[tuple[int, str]]:
    mine = select(Case.office_id).where(visible(access.user()))
    rows = session.execute(
        select(Office.id, Office.name).where(Office.id.in_(mine)).order_by(Office.name)
    )
    return [(row.id, row.name) for row in rows]


def _rows(measured: Figures) -> Iterator[Sequence[object]]:
    """One figure a row: what it is of, whom, its name, the number."""
    yield "what", "of", "figure", "value"
    for it in (measured.completion, *measured.offices):
        for name in ("done", "late", "missed", "void"):
            yield "duties", it.office or "all", name, getattr(it, name)
    for code, number in sorted(measured.voids.items()):
        yield "void duties", "all", code or "unknown", number
    yield "tries", "all", "duties", measured.tries.duties
    yield "tries", "all", "more than one try", measured.tries.again
    for by, groups in measured.groups.items():
        for group in groups.shown:
            for name in ("people", "compared", "doubted", "overturned"):
                yield by.value, group.name or "unknown", name, getattr(group, name)
        yield by.value, "groups too small to show", "groups", groups.hidden
    for look in ("first_look", "second_look"):
        for name, time in getattr(measured, look)._asdict().items():
            yield look, "all", f"{name}_s", time and round(time.total_seconds())


def _voids(measured: Figures) -> Sequence[tuple[str, int]]:
    """Reasons in words with their duties, most first; several codes may be one in words."""
    found = Counter[str]()
    for code, number in measured.voids.items():
        found[duty_words.why(code) if code else gettext("unknown")] += number
    return found.most_common()


def _title(by: Grouping) -> str:
    titles = {
        Grouping.SEX: gettext("Sex"),
        Grouping.AGE: gettext("Age"),
        Grouping.BROWSER: gettext("Browser of the phone"),
        Grouping.MODEL: gettext("Model of the phone"),
    }
    return str(titles[by])


def _name(by: Grouping, group: Group) -> str:
    """Say which group it is."""
    if group.name is None:
        return str(gettext("unknown"))
    if by is Grouping.SEX:
        return words.word(Sex(group.name))
    return _ages(int(group.name)) if by is Grouping.AGE else group.name


def _ages(begins: int) -> str:
    ends = next((age for age in AGES if age > begins), None)
    if begins == 0:
        return str(gettext("under %(age)d", age=AGES[0]))
    if ends is None:
        return str(gettext("%(age)d and older", age=begins))
    return f"{begins}–{ends - 1}"
