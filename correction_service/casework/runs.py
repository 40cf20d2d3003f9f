"""How the day's and the month's work went: the last runs of each job, and what each had to leave.

A record that cannot be read or written stops no run: it is left out, named in the run's result by
its id and the kind of error, and shown here until the job's next run has none such.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from correction_service.readiness import HEARTBEAT
from correction_service.scope import visible
from models.case import Case
from models.job import JobRun, JobState
from models.user import Permission, User

SHOWN = 60  # runs on the page
DONE = {  # what of each job's result counts records that it went through
    "sweep": ("flags", "drafts", "passed"),
    "points_close": ("first", "corrected", "unchanged"),
    "evidence": ("people",),
}


@dataclass(frozen=True)
class Fault:
    """A record that a run left out: in which part, which, what kind of error, of which case."""

    part: str
    subject: str
    error: str
    case_id: int | None


@dataclass(frozen=True)
class Run:
    """One run as it is shown; `done` are the records that it went through."""

    job: JobRun
    took: timedelta | None
    done: int
    faults: Sequence[Fault]

    @property
    def failed(self) -> bool:
        """Whether something of it has to be looked at."""
        return bool(self.faults) or self.job.state is JobState.FAILED


def may_see(user: User) -> bool:
    """Whether a user tends the service or answers for it."""
    return user.may(Permission.ADMINISTER) or user.may(Permission.APPROVE_ORDERS)


def latest(session: Session) -> list[Run]:
    """The last runs of every job, the newest first."""
    return [read(job) for job in session.scalars(_newest().limit(SHOWN))]


def failing(session: Session, user: User) -> list[Run]:
    """The last run of each job, where it left out what is for the user to look at.

    Records of cases that others supervise are theirs; a part that failed as a whole is for all.
    """
    jobs = [session.scalar(_newest().where(JobRun.name == name).limit(1)) for name in DONE]
    runs = [run for job in jobs if job is not None and (run := read(job)).failed]
    seen = seen_cases(session, user, runs)
    return [run for run in runs if _for(run, seen)]


def _newest() -> Select[JobRun]:
    of_jobs = select(JobRun).where(JobRun.name != HEARTBEAT)
    return of_jobs.order_by(JobRun.started_at.desc(), JobRun.id.desc())


def _for(run: Run, seen: Mapping[int, Case]) -> bool:
    if not run.faults:
        return True
    return any(fault.case_id is None or fault.case_id in seen for fault in run.faults)


def read(job: JobRun) -> Run:
    """What the result of a run says."""
    took = job.finished_at - job.started_at if job.finished_at else None
    counts = (job.result.get(name, 0) for name in DONE.get(job.name, ()))
    done = sum(sum(it.values()) if isinstance(it, dict) else it for it in counts)
    return Run(job, took, done, list(_faults(job)))


def _faults(job: JobRun) -> Iterator[Fault]:
    """Each record by what the job calls it; the oldest results name the case in the subject."""
    for said in job.result.get("errors", ()):
        kind, _, number = said.get("subject", f"case {said.get('case')}").partition(" ")
        case_id = int(number) if kind == "case" and number.isdecimal() else said.get("case")
        subject = f"{kind} {number}".strip()
        yield Fault(said.get("part", job.name), subject, said["error"], case_id)


def seen_cases(session: Session, user: User, runs: Sequence[Run]) -> Mapping[int, Case]:
    """The cases among what failed that the user may see, by id."""
    ids = {fault.case_id for run in runs for fault in run.faults if fault.case_id is not None}
    if not ids:
        return {}
    query = select(Case).where(Case.id.in_(ids), visible(user)).options(joinedload(Case.person))
    return {case.id: case for case in session.scalars(query)}
