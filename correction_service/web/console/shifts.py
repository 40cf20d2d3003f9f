"""值班: the duty roster of an office or of the agency, a week at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import access, hours
from correction_service.incidents import escalations, shifts
from correction_service.incidents.shifts import HEADS, Crew, Place, Span
from correction_service.problems import said
from correction_service.web.console import acts
from models.agency import Office
from models.errors import DomainError, Invalid, NotFound
from models.incident import Severity
from models.shift import Shift
from models.user import Permission, User

blueprint = APIBlueprint("shifts", __name__, url_prefix="/shifts", enable_openapi=False)
SEATS = ("officer", "cover", "head")


@dataclass(frozen=True)
class Day:
    """A day of the page: the shifts that begin on it, and the hours without anybody."""

    day: date
    shifts: list[Shift]
    gaps: list[Span]


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """Show a week: who is on duty when, and when nobody is."""
    return _page()


def _page(values: Any = None, error: DomainError | None = None) -> str:  # noqa: ANN401 - a form's
    with access.reading() as session:
        place, monday = _place(session), _monday()
        begins = hours.day_start(monday)
        own = shifts.week(session, place, begins)
        also = shifts.week(session, Place(place.agency_id), begins) if place.office_id else []
        able = [(it.id, it.name) for it in shifts.able(session, place)]
        heads = [it.id for it in shifts.able(session, place) if it.role in HEADS]
        urgent = escalations.minutes(access.service().settings, Severity.URGENT)
        return render_template(
            "console/shifts.html",
            days=list(_days(monday, own, also)),
            place=place,
            rosters=_places(session, access.user()),
            monday=monday,
            today=hours.local_day(access.now()),
            before=monday - shifts.WEEK,
            after=monday + shifts.WEEK,
            able=able,
            heads=[choice for choice in able if choice[0] in heads],
            also=also,
            minutes=urgent[0],
            values=values or {"begins": "08:00", "ends": "08:00"},
            chosen=set(values.getlist("day")) if values else set(),
            fault=error.field if error else None,
            error=said(error) if error else None,
        )


def _days(monday: date, own: Sequence[Shift], also: Sequence[Shift]) -> Iterator[Day]:
    everyone = sorted([*own, *also], key=lambda it: it.begins_at)
    for day in (monday + timedelta(days=number) for number in range(7)):
        begins, ends = hours.day_start(day), hours.day_end(day)
        first = day == monday
        here = [
            it for it in own if begins <= it.begins_at < ends or (first and it.begins_at < begins)
        ]
        around = [it for it in everyone if it.ends_at > begins]
        yield Day(day, here, list(shifts.gaps(around, begins, ends)))


def _places(session: Session, user: User) -> list[tuple[int | str, str]]:
    """Return whose rosters the user may see."""
    if user.office is not None:
        return [(user.office.id, user.office.name)]
    offices = select(Office).where(Office.agency_id == user.agency_id).order_by(Office.id)
    return [
        ("", gettext("the whole agency")),
        *((office.id, office.name) for office in session.scalars(offices)),
    ]


def _place(session: Session) -> Place:
    office = request.values.get("office", type=int)
    return shifts.place_for(session, access.user(), None, office)


def _monday() -> date:
    try:
        day = date.fromisoformat(request.values.get("week", ""))
    except ValueError:
        day = hours.local_day(access.now())
    return day - timedelta(days=day.weekday())


@blueprint.post("/")
@access.needs(Permission.ASSIGN)
def add() -> ResponseReturnValue:
    """Put a crew on duty on the days that were chosen."""
    try:
        with access.writing() as session:
            shifts.add(session, _place(session), _spans(), _crew(), access.now())
    except DomainError as refusal:
        if refusal.status in acts.GONE:
            raise
        return _page(request.form, refusal), refusal.status
    return acts.done(lambda _: None, _l("On the roster."), _here())


def _here() -> str:
    office = request.form.get("office", type=int)
    return url_for("shifts.index", week=_monday().isoformat(), office=office)


def _spans() -> list[Span]:
    begins, ends = _clock("begins"), _clock("ends")
    try:
        days = sorted(date.fromisoformat(day) for day in request.form.getlist("day"))
    except ValueError:
        raise Invalid("Choose a day.", field="days") from None
    return [_span(day, begins, ends) for day in days]


def _span(day: date, begins: time, ends: time) -> Span:
    """A shift that does not end later on its day ends on the next."""
    last = day if ends > begins else day + timedelta(days=1)
    return hours.at(day, begins), hours.at(last, ends)


def _clock(field: str) -> time:
    try:
        return datetime.strptime(request.form.get(field, ""), "%H:%M").time()  # noqa: DTZ007 - a wall clock
    except ValueError:
        raise Invalid("A time is hours and minutes, as 08:00.", field=field) from None


def _crew() -> Crew:
    people = {seat: request.form.get(seat, type=int) for seat in SEATS}
    for seat, user_id in people.items():
        if user_id is None:
            raise Invalid("Choose an account that is in use.", field=seat)
    return Crew(**{seat: user_id or 0 for seat, user_id in people.items()})


def _shift(session: Session) -> Shift:
    """Return the shift that the form names, of a place that the user sees."""
    shift = session.get(Shift, request.form.get("shift", type=int) or 0, with_for_update=True)
    user = access.user()
    if shift is None or shift.agency_id != user.agency_id:
        raise NotFound("There is no such shift in your offices.")
    if user.office_id not in {None, shift.office_id}:
        raise NotFound("There is no such shift in your offices.")
    return shift


@blueprint.post("/change")
@access.needs(Permission.ASSIGN)
def change() -> ResponseReturnValue:
    """Put other people on a shift; one that runs passes on what is open."""
    now = access.now()
    return acts.done(
        lambda session: shifts.change(session, _shift(session), _crew(), now),
        _l("Changed."),
        _here(),
    )


@blueprint.post("/remove")
@access.needs(Permission.ASSIGN)
def remove() -> ResponseReturnValue:
    """Take a shift that has not begun off the roster."""
    now = access.now()
    return acts.done(
        lambda session: shifts.remove(session, _shift(session), now),
        _l("Taken off the roster."),
        _here(),
    )


@blueprint.post("/copy")
@access.needs(Permission.ASSIGN)
def copy() -> ResponseReturnValue:
    """Put last week's shifts into this one where it is free."""
    begins, now = hours.day_start(_monday()), access.now()
    return acts.done(
        lambda session: shifts.copy_week(session, _place(session), begins, now),
        _l("Last week's shifts are copied where this week was free."),
        _here(),
    )
