"""Wearer-days: how long people wore a bracelet under a positioning order, which alerts go by."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, cast, extract, func, select
from sqlalchemy.orm import Session

from correction_service.scope import visible
from models.case import Case
from models.device import Binding
from models.order import PositioningOrder
from models.user import User

DAY_S = 86_400
_EPOCH_JULIAN = 2_440_587.5  # 1970-01-01 as SQLite counts days


def on_sqlite(session: Session) -> bool:
    """Whether this is SQLite, whose moments are text."""
    return session.get_bind().dialect.name == "sqlite"


def seconds(session: Session, moment: Any) -> ColumnElement[float]:  # noqa: ANN401 - a column of a table or of a query
    """A moment's column as seconds since 1970."""
    if on_sqlite(session):
        return (func.julianday(moment) - _EPOCH_JULIAN) * DAY_S
    return cast(extract("epoch", moment), Float)


def by_case(
    session: Session, user: User, since: datetime, until: datetime
) -> Select[*tuple[Any, ...]]:
    """Select (case_id, days) of the cases that the user sees and that were worn in that time."""
    latest, earliest = (func.max, func.min) if on_sqlite(session) else (func.greatest, func.least)
    begins = latest(
        since.timestamp(),
        seconds(session, Binding.bound_at),
        seconds(session, PositioningOrder.starts_at),
    )
    lifted = func.coalesce(PositioningOrder.lifted_at, PositioningOrder.ends_at)
    ends = earliest(
        until.timestamp(),
        func.coalesce(seconds(session, Binding.unbound_at), until.timestamp()),
        seconds(session, lifted),
        seconds(session, PositioningOrder.ends_at),
    )
    return (
        select(Case.id.label("case_id"), (func.sum(ends - begins) / DAY_S).label("days"))
        .join(Binding, Binding.case_id == Case.id)
        .join(PositioningOrder, PositioningOrder.case_id == Case.id)
        .where(visible(user), ends > begins)
        .group_by(Case.id)
    )


def total(session: Session, user: User, since: datetime, until: datetime) -> float:
    """How many wearer-days the user's cases had in a time."""
    days = by_case(session, user, since, until).subquery()
    return float(session.scalar(select(func.coalesce(func.sum(days.c.days), 0.0))) or 0.0)
