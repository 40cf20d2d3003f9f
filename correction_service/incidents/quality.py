"""质量: how each rule does: false alarms by cause, how soon officers answer, alerts a wearer-day.

The database counts, a statement a question; only waiting times are read one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, case, func, select
from sqlalchemy.orm import Session

from correction_service.scope import visible
from correction_service.tracking import wearer_days
from models.incident import FALSE_ALARMS, Cause, Incident, IncidentKind, IncidentState, IncidentStep
from models.user import User

Asked = tuple[ColumnElement[bool], ...]
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
    asked = (visible(user), Incident.opened_at >= since, Incident.opened_at < now)
    opened = _opened(asked)
    counts = _counts(session, opened)
    waits = _waits(session, asked, opened)
    lines = [
        Line(
            key,
            open=causes.get(None, 0),
            causes={cause: count for cause, count in causes.items() if cause is not None},
            acknowledged=waits.get(key, (Spread(), Spread()))[0],
            closed_after=waits.get(key, (Spread(), Spread()))[1],
        )
        for key, causes in counts.items()
    ]
    lines.sort(key=lambda line: (-line.incidents, line.key.kind, line.key.rule))
    return Quality(since, now, wearer_days.total(session, user, since, now), lines)


def _opened(asked: Asked) -> CTE:
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
        .join(Incident.case)
        .where(*asked)
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


def _waits(session: Session, asked: Asked, opened: CTE) -> dict[Key, tuple[Spread, Spread]]:
    """From each opening to the first answer of a person, and to the closing that stands."""
    step = IncidentStep
    closed_at = case((step.action == IncidentState.CLOSED.value, step.at))
    acts = (
        select(
            step.incident_id,
            func.min(step.at).label("answered_at"),
            func.max(closed_at).label("closed_at"),
        )
        .join(step.incident)
        .join(Incident.case)
        .where(*asked, step.by.is_not(None), step.action.in_(ANSWERS))
        .group_by(step.incident_id)
        .cte("acts")
    )
    stands = case((acts.c.closed_at == opened.c.closed_at, opened.c.closed_at))
    begun, answered, closed = (
        wearer_days.seconds(session, it) for it in (opened.c.opened_at, acts.c.answered_at, stands)
    )
    query = select(*_key(opened), answered - begun, closed - begun)
    found: dict[Key, tuple[list[float], list[float]]] = {}
    rows = session.execute(query.join(acts, acts.c.incident_id == opened.c.id))
    for kind, rule, engine, *waits in rows:
        both = found.setdefault(Key(kind, rule, engine), ([], []))
        for times, waited in zip(both, waits, strict=True):
            if waited is not None:
                times.append(waited)
    return {key: (spread(answers), spread(closings)) for key, (answers, closings) in found.items()}


def spread(waits: list[float]) -> Spread:
    """The spread of times in seconds, in any order."""
    if not waits:
        return Spread()
    waits.sort()
    median, ninetieth = (waits[ceil(share * len(waits)) - 1] for share in (0.5, 0.9))
    return Spread(timedelta(seconds=median), timedelta(seconds=ninetieth))
