"""The feed as its page shows it: each ingester now, and all together over hours or days."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from correction_service.tracking import ingest_minutes
from correction_service.tracking.ingest_minutes import Minute

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """How far back a chart goes, in steps that divide it."""

    code: str
    whole: timedelta
    step: timedelta


SPANS = {
    span.code: span
    for span in (
        Span("1h", timedelta(hours=1), MINUTE),
        Span("24h", timedelta(hours=24), 10 * MINUTE),
        Span("7d", timedelta(days=7), timedelta(hours=1)),
    )
}


@dataclass(frozen=True)
class Running:
    """An ingester as it was in its last one to two minutes; times in milliseconds."""

    minute: Minute
    readings_per_s: float
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    commit_p50_ms: float | None
    commit_p99_ms: float | None
    queue_max: int
    rejected: int


@dataclass(frozen=True)
class Point:
    """One step of a chart; None where no ingester said anything."""

    at: datetime
    committed_a_minute: float | None = None
    lag_p99_ms: float | None = None
    rejected: int | None = None


def running(session: Session, now: datetime) -> list[Running]:
    """Return every ingester that was heard in a minute, by name."""
    alive = ingest_minutes.alive(session, now)
    rows = ingest_minutes.since(session, now - 3 * MINUTE)
    return [_running([row for row in rows if _run(row) == _run(it)][-2:]) for it in alive]


def _run(row: Minute) -> tuple[str, datetime]:
    return row.ingester, row.started_at


def _running(rows: Sequence[Minute]) -> Running:
    """Take the present minute together with the one before, of the same run."""
    last = rows[-1]
    began = max(rows[0].minute, last.started_at)
    seconds = max((last.beat_at - began).total_seconds(), 1.0)
    busiest = max(rows, key=lambda row: row.messages)
    return Running(
        minute=last,
        readings_per_s=sum(row.committed for row in rows) / seconds,
        lag_p50_ms=busiest.lag_p50_ms,
        lag_p99_ms=_worst(row.lag_p99_ms for row in rows),
        commit_p50_ms=busiest.commit_p50_ms,
        commit_p99_ms=_worst(row.commit_p99_ms for row in rows),
        queue_max=max(row.queue_max for row in rows),
        rejected=sum(sum(row.rejected.values()) for row in rows),
    )


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def series(session: Session, span: Span, now: datetime) -> list[Point]:
    """Return the steps of a chart, oldest first, up to the last minute that is over."""
    until = now.replace(second=0, microsecond=0)
    start = until - span.whole
    steps: dict[int, list[Minute]] = defaultdict(list)
    for row in ingest_minutes.since(session, start):
        if row.minute < until:
            steps[(row.minute - start) // span.step].append(row)
    return [
        _point(start + number * span.step, steps.get(number, ()), span)
        for number in range(span.whole // span.step)
    ]


def _point(at: datetime, rows: Sequence[Minute], span: Span) -> Point:
    if not rows:
        return Point(at)
    return Point(
        at,
        committed_a_minute=sum(row.committed for row in rows) / (span.step / MINUTE),
        lag_p99_ms=_worst(row.lag_p99_ms for row in rows),
        rejected=sum(sum(row.rejected.values()) for row in rows),
    )
