"""质量: how each rule does: false alarms by cause, how soon officers answer, alerts a wearer-day.

The database counts, a statement a question; no incident is read here, however many there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from correction_service import wearer_days
from correction_service.scope import visible
from models.case import Case
from models.incident import FALSE_ALARMS, Cause, Incident, IncidentKind, IncidentState, IncidentStep
from models.user import User

Waits = Select[*tuple[Any, ...]]  # kind, rule, engine, seconds
PERIODS = (7, 30, 90)  # days
USUAL = 30
ANSWERS = [
    it.value for it in (IncidentState.ACKNOWLEDGED, IncidentState.ACTING, IncidentState.CLOSED)
]


class Key(NamedTuple):
    """A rule as it was when it raised an incident; `engine` is the zone engine's, where it did."""

    kind: IncidentKind
    rule: str
    engine: str | None


class Spread(NamedTuple):
    """The median and the ninetieth percentile of a time, by nearest rank; None: of nothing."""

    p50: timedelta | None = None
    p90: timedelta | None = None


@dataclass(frozen=True)
class Line:
    """How one rule did in a time."""

    key: Key
    open: int
    causes: Mapping[Cause, int]  # of those that are closed, most frequent first
    acknowledged: Spread  # from its opening to somebody's first answer
    closed_after: Spread  # from its opening to somebody's closing

    @property
    def closed(self) -> int:
        """How many are closed, each with its cause."""
        return sum(self.causes.values())

    @property
    def incidents(self) -> int:
        """How many were opened."""
        return self.open + self.closed

    @property
    def false(self) -> int:
        """How many were closed with a cause that makes them false alarms."""
        return sum(count for cause, count in self.causes.items() if cause in FALSE_ALARMS)

    @property
    def false_share(self) -> float | None:
        """What part of the closed ones was false; None while none is closed."""
        return self.false / self.closed if self.closed else None


@dataclass(frozen=True)
class Quality:
    """Every rule that raised something in [since, until), the most frequent first."""

    since: datetime
    until: datetime
    wearer_days: float
    lines: Sequence[Line] = field(default=())

    def a_wearer_day(self, line: Line) -> float | None:
        """Incidents a wearer-day; None where nobody wore anything."""
        return line.incidents / self.wearer_days if self.wearer_days else None


def measure(session: Session, user: User, days: int, now: datetime) -> Quality:
    """Count what was opened in the last `days` days, of the cases that the user sees."""
    since = now - timedelta(days=days)
    opened = _opened(user, since, now)
    counts = _counts(session, opened)
    acknowledged = _spreads(session, _answered(session, opened))
    closed = _spreads(session, _closed(session, opened))
    lines = [
        Line(
            key,
            open=causes.get(None, 0),
            causes={cause: count for cause, count in causes.items() if cause is not None},
            acknowledged=acknowledged.get(key, Spread()),
            closed_after=closed.get(key, Spread()),
        )
        for key, causes in counts.items()
    ]
    lines.sort(key=lambda line: (-line.incidents, line.key.kind, line.key.rule))
    return Quality(since, now, wearer_days.total(session, user, since, now), lines)


def _opened(user: User, since: datetime, until: datetime) -> CTE:
    return (
        select(
            Incident.id,
            Incident.kind,
            Incident.rule,
            Incident.facts["rule"].as_string().label("engine"),
            Incident.cause,
            Incident.opened_at,
            Incident.closed_at,
        )
        .join(Case, Case.id == Incident.case_id)
        .where(visible(user), Incident.opened_at >= since, Incident.opened_at < until)
        .cte("opened")
    )


def _key(of: CTE) -> tuple[ColumnElement[Any], ...]:
    return of.c.kind, of.c.rule, of.c.engine


def _counts(session: Session, opened: CTE) -> dict[Key, dict[Cause | None, int]]:
    times = func.count().label("times")
    query = select(*_key(opened), opened.c.cause, times).group_by(*_key(opened), opened.c.cause)
    found: dict[Key, dict[Cause | None, int]] = {}
    for *key, cause, count in session.execute(query.order_by(times.desc())):
        found.setdefault(Key(*key), {})[cause] = count
    return found


def _answered(session: Session, opened: CTE) -> Waits:
    """Seconds from each opening to the first step that a person took."""
    by_person = and_(IncidentStep.incident_id == opened.c.id, IncidentStep.by.is_not(None))
    first = wearer_days.seconds(session, func.min(IncidentStep.at))
    waited = first - wearer_days.seconds(session, opened.c.opened_at)
    return (
        select(*_key(opened), waited.label("seconds"))
        .join(IncidentStep, by_person)
        .where(IncidentStep.action.in_(ANSWERS))
        .group_by(opened.c.id, *_key(opened), opened.c.opened_at)
    )


def _closed(session: Session, opened: CTE) -> Waits:
    """Seconds from each opening to the closing that stands, where a person closed it."""
    closing = and_(
        IncidentStep.incident_id == opened.c.id,
        IncidentStep.by.is_not(None),
        IncidentStep.action == IncidentState.CLOSED.value,
        IncidentStep.at == opened.c.closed_at,
    )
    begun, over = (
        wearer_days.seconds(session, it) for it in (opened.c.opened_at, opened.c.closed_at)
    )
    return select(*_key(opened), (over - begun).label("seconds")).join(IncidentStep, closing)


def _spreads(session: Session, waits: Waits) -> dict[Key, Spread]:
    one = waits.cte("waits")
    alike = _key(one)
    ranked = select(
        *_key(one),
        one.c.seconds,
        func.row_number().over(partition_by=alike, order_by=one.c.seconds).label("place"),
        func.count().over(partition_by=alike).label("of"),
    ).cte("ranked")
    at = ranked.c
    median = func.min(case((at.place * 2 >= at.of, at.seconds)))
    ninetieth = func.min(case((at.place * 10 >= at.of * 9, at.seconds)))
    query = select(*_key(ranked), median, ninetieth).group_by(*_key(ranked))
    return {
        Key(*key): Spread(timedelta(seconds=p50), timedelta(seconds=p90))
        for *key, p50, p90 in session.execute(query)
    }
