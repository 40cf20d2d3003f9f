"""答复时间: how long people and incidents waited for an answer, by what was asked, in a period."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.incidents.quality import ANSWERS, Spread, spread
from correction_service.reports.periods import Period
from correction_service.scope import visible
from models.assessment import Objection
from models.case import Case
from models.help_request import HelpRequest
from models.incident import Incident, IncidentStep
from models.leave_request import LeaveRequest, RequestState
from models.person_request import Addressee, PersonRequest
from models.user import User

NO_DUE = literal(None)


@dataclass(frozen=True)
class Response:
    """One kind: how many were asked and answered, how many past their last day, how long it took.

    `late` is None where the law names no number.
    """

    what: str
    asked: int
    answered: int
    late: int | None
    wait: Spread

    @property
    def hours(self) -> tuple[float | None, float | None]:
        """Median and ninetieth percentile of the wait, in hours."""
        median, ninetieth = (_hours(it) for it in self.wait)
        return median, ninetieth


def _hours(time: timedelta | None) -> float | None:
    return None if time is None else round(time.total_seconds() / 3600, 1)


def count(session: Session, user: User, period: Period, today: date) -> list[Response]:
    """Count what was asked within the period about the cases that the user sees."""
    return [
        _response(what, session.execute(query.where(visible(user))).all(), today)
        for what, query in _queries(period)
    ]


def _queries(period: Period) -> Iterator[tuple[str, Select[Any, Any, Any]]]:
    """Each kind with its rows: when asked, when answered, the last day to answer."""
    yield "incidents", _incidents(period)
    help_ = select(HelpRequest.at, HelpRequest.handled_at, NO_DUE).join(HelpRequest.case)
    yield "help", help_.where(_within(HelpRequest.at, period))
    leave = select(LeaveRequest.asked_at, LeaveRequest.decided_at, NO_DUE).join(LeaveRequest.case)
    kept = LeaveRequest.state != RequestState.WITHDRAWN
    yield "leave_requests", leave.where(kept, _within(LeaveRequest.asked_at, period))
    objection = select(Objection.made_at, Objection.answered_at, Objection.due_on)
    objection = objection.join(Case, Case.id == Objection.case_id)
    yield "objections", objection.where(_within(Objection.made_at, period))
    of = PersonRequest
    request = select(of.asked_at, of.answered_at, of.due_on).join(of.case)
    ours = of.addressee == Addressee.AGENCY
    yield "requests", request.where(ours, _within(of.asked_at, period))


def _incidents(period: Period) -> Select[Any, Any, Any]:
    """From its opening to somebody's first answer."""
    step = IncidentStep
    acts = select(step.incident_id, func.min(step.at).label("at"))
    acts = acts.where(step.by.is_not(None), step.action.in_(ANSWERS)).group_by(step.incident_id)
    first = acts.subquery().c
    query = select(Incident.opened_at, first.at, NO_DUE).join(Incident.case)
    query = query.outerjoin(first.at.table, first.incident_id == Incident.id)
    return query.where(_within(Incident.opened_at, period))


def _within(moment: Any, period: Period) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    return and_(moment >= period.since, moment < period.until)


def _response(what: str, rows: Any, today: date) -> Response:  # noqa: ANN401 - rows of three
    waits = [(end - begun).total_seconds() for begun, end, _ in rows if end is not None]
    clocked = [(end, due) for _, end, due in rows if due is not None]
    has_clock = what in {"objections", "requests"}
    late = sum(_day(end, today) > due for end, due in clocked) if has_clock else None
    return Response(what, len(rows), len(waits), late, spread(waits))


def _day(end: datetime | None, today: date) -> date:
    """The day of the answer; what waits yet is as late as today."""
    return today if end is None else hours.local_day(end)
