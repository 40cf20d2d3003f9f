"""Runs of scheduled work: claimed by compare-and-set, so that no two run at once.

A day that is done may be claimed again, because every job is harmless to repeat; a run that died
is taken over after `STALE`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.job import JobRun, JobState

STALE = timedelta(minutes=15)


@dataclass(frozen=True)
class Claim:
    """A run that is ours: `runs` is the count that tells it from a later claim."""

    name: str
    day: date
    runs: int
    began_s: float = field(default_factory=monotonic, compare=False)


def claim(session: Session, name: str, day: date, now: datetime) -> Claim | None:
    """Claim a job for a day; None while another run of it lives."""
    same = (JobRun.name == name, JobRun.day == day)
    runs = session.scalars(select(JobRun.runs).where(*same).with_for_update()).one_or_none()
    if runs is None:
        return _first(session, Claim(name, day, 1), now)
    free = or_(JobRun.state != JobState.RUNNING, JobRun.started_at < now - STALE)
    taken = (
        update(JobRun)
        .where(*same, JobRun.runs == runs, free)
        .values(state=JobState.RUNNING, runs=runs + 1, started_at=now, finished_at=None)
        .returning(JobRun.runs)
    )
    mine = session.scalars(taken).one_or_none()
    return None if mine is None else Claim(name, day, mine)


def _first(session: Session, mine: Claim, now: datetime) -> Claim | None:
    row = {"name": mine.name, "day": mine.day, "started_at": now, "result": {}}
    try:
        with session.begin_nested():
            session.execute(insert(JobRun), [row | {"state": JobState.RUNNING, "runs": mine.runs}])
    except IntegrityError:  # another run of the day was first
        return None
    return mine


def finish(
    session: Session, mine: Claim, now: datetime, state: JobState, result: dict[str, Any]
) -> None:
    """Write down how our run ended, unless it was taken over meanwhile.

    It began at `now`; when it ended is told from how long it took since the claim.
    """
    ended = now + timedelta(seconds=monotonic() - mine.began_s)
    session.execute(
        update(JobRun)
        .where(JobRun.name == mine.name, JobRun.day == mine.day, JobRun.runs == mine.runs)
        .values(state=state, finished_at=ended, result=result)
    )


def beat(session: Session, name: str, holder: str, started: datetime, now: datetime) -> None:
    """Say that a lasting process lives: its row of the start's day has `now` as finished_at."""
    values = {"state": JobState.RUNNING, "finished_at": now, "result": {"holder": holder}}
    same = (JobRun.name == name, JobRun.day == started.date())
    if session.scalars(select(JobRun.id).where(*same)).first() is None:
        first = {"name": name, "day": started.date(), "runs": 1, "started_at": started}
        session.execute(insert(JobRun), [first | values])
    else:
        session.execute(update(JobRun).where(*same).values(values))
