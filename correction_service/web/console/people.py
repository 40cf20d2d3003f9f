"""Find people: a list with filters in the URL, and a search that leaves no trace in any URL."""

from datetime import date, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from correction_service import access
from correction_service.people import cases, persons
from correction_service.scope import agency_ids, visible
from correction_service.web.console import words
from models.agency import Office
from models.case import ENDED, Case, CaseState, Category, Level
from models.checkin import CheckIn, counted
from models.device import Binding, DeviceState
from models.user import Permission, User

blueprint = APIBlueprint("people", __name__, url_prefix="/people", enable_openapi=False)
PAGE = 50
QUICK = 8


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List the user's people, by office and number."""
    page = max(request.args.get("page", 1, type=int), 1)
    user = access.user()
    with access.reading() as session:
        query = _listed(user, request.args).offset((page - 1) * PAGE).limit(PAGE + 1)
        rows = session.execute(query).all()
        return render_template(
            "console/people.html",
            rows=rows[:PAGE],
            page=page,
            more=len(rows) > PAGE,
            offices=_offices(session, user),
            states=words.options(CaseState),
            levels=words.options(Level),
            categories=words.options(Category),
            today=cases.legal_day(access.now()),
        )


def _listed(user: User, args: Any) -> Select[Case, datetime, datetime, int]:  # noqa: ANN401 - werkzeug's dictionary of the query
    last = select(func.max(CheckIn.at)).where(CheckIn.case_id == Case.id, counted())
    return (
        select(Case, last.scalar_subquery().label("checked_in"), DeviceState.heard_at, Binding.id)
        .join(Case.person)
        .outerjoin(Binding, (Binding.case_id == Case.id) & Binding.unbound_at.is_(None))
        .outerjoin(DeviceState, DeviceState.device_id == Binding.device_id)
        .options(contains_eager(Case.person), joinedload(Case.office))
        .where(visible(user), *_filters(args))
        .order_by(Case.office_id, Case.number)
    )


def _filters(args: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - as above
    columns = {"category": (Case.category, Category), "level": (Case.level, Level)}
    chosen: list[ColumnElement[bool]] = [
        column == kind(args[name])
        for name, (column, kind) in columns.items()
        if args.get(name) in set(kind)
    ]
    if args.get("state") in set(CaseState):
        chosen.append(Case.state == CaseState(args["state"]))
    elif args.get("state") != "all":
        chosen.append(Case.state.not_in(ENDED))
    if args.get("office", "").isdigit():
        chosen.append(Case.office_id == int(args["office"]))
    return chosen


def _offices(session: Session, user: User) -> list[tuple[str, str]]:
    if user.office is not None:
        return [(str(user.office.id), user.office.name)]
    under = select(Office).where(Office.agency_id.in_(agency_ids(user.agency_id)))
    return [(str(office.id), office.name) for office in session.scalars(under.order_by(Office.id))]


@blueprint.post("/quick")
@access.needs(Permission.SEE_CASES)
def quick() -> ResponseReturnValue:
    """Return the first finds for the search box."""
    asked = request.form.get("q", "").strip()
    with access.reading() as session:
        found = persons.find(session, access.user(), asked)[:QUICK]
        return render_template("console/_quick.html", found=found, asked=asked)


@blueprint.post("/found")
@access.needs(Permission.SEE_CASES)
def found() -> ResponseReturnValue:
    """Show everybody whom a search finds; what was typed may be a number, so it is never a URL."""
    asked = request.form.get("q", "").strip()
    with access.reading() as session:
        cases_found = persons.find(session, access.user(), asked)
        return render_template("console/found.html", found=cases_found, asked=asked)


@blueprint.app_template_filter()
def days_left(until: date, today: date) -> int:
    """Return the days from today to a day, today not counted."""
    return (until - today).days
