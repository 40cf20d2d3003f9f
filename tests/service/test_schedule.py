"""One schedule works, another stands by and takes over when the first is killed."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from correction_service import jobs, locks, readiness, schedule
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.schedule import Chores, Job
from correction_service.settings import Settings
from models.audit import AuditLeaf, AuditRecord
from models.job import JobRun
from tests.county import NOW, County
from tests.processes import environment

T = TypeVar("T")
COMMAND = (
    "from correction_service.commands.schedule import schedule;"
    "from correction_service.settings import load;"
    "schedule(obj=load())"
)


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", COMMAND], env=environment(settings)) as child:
        try:
            yield child
        finally:
            child.kill()


def until(ask: Callable[[], T | None], within_s: float = 60) -> T:
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.05)
    return answer


def holder(database: Database) -> int | None:
    with database.reading() as session:
        result = session.scalars(select(JobRun.result).where(JobRun.name == "schedule")).first()
    return int(result["holder"].rsplit(":")[1]) if result else None


def unsealed(database: Database) -> int:
    with database.reading() as session:
        counts = [
            session.scalar(select(func.count(c))) for c in (AuditRecord.id, AuditLeaf.position)
        ]
    return (counts[0] or 0) - (counts[1] or 0)


def test_one_holds_the_other_takes_over_after_kill_9_and_ends_cleanly(
    database: Database, county: County, settings: Settings
) -> None:
    with ExitStack() as stack:
        children = {}
        for _ in range(2):
            child = stack.enter_context(process(settings))
            children[child.pid] = child
        first = until(lambda: holder(database))
        until(lambda: unsealed(database) == 0)
        assert readiness.check(database, settings, datetime.now(UTC))["schedule"]
        assert all(child.poll() is None for child in children.values())
        children.pop(first).send_signal(signal.SIGKILL)
        [(second, child)] = children.items()
        until(lambda: holder(database) == second)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0


def test_only_one_takes_the_lock_and_it_can_be_given_back(
    database: Database, settings: Settings
) -> None:
    one, two = (locks.schedule_lock(database, settings) for _ in range(2))
    assert one.take()
    assert not two.take()
    assert (one.held(), two.held()) == (True, False)
    one.release()
    assert two.take()
    two.release()


def test_a_lock_whose_connection_died_is_no_longer_held(
    database: Database, settings: Settings
) -> None:
    if database.engine.dialect.name == "sqlite":
        return  # a file lock lives as long as its process
    lock = locks.schedule_lock(database, settings)
    assert lock.take()
    with database.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        )
    assert not lock.held()
    lock.release()


def test_every_job_comes_again_in_order_and_a_missed_one_runs_once(
    database: Database, settings: Settings
) -> None:
    for job in schedule.timetable(Chores(database, settings)):
        assert job.grace_s > 0
        moments = [NOW]
        for _ in range(3):
            moments.append(job.trigger.get_next_fire_time(moments[-1], moments[-1]))
            moments[-1] += timedelta(microseconds=1)
        assert all(before < after for before, after in pairwise(moments))


def test_the_sweep_is_at_half_past_five_in_the_morning_local_time(
    database: Database, settings: Settings
) -> None:
    [job] = [j for j in schedule.timetable(Chores(database, settings)) if j.name == "sweep"]
    assert job.trigger.get_next_fire_time(None, NOW) == datetime(2026, 11, 20, 21, 30, tzinfo=UTC)


def test_a_job_that_fails_is_logged_by_kind_and_place_without_values(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(_now: datetime) -> None:
        raise ValueError("13800000000")

    schedule.perform(Job("broken", None, 1, work))
    logged = "".join(capsys.readouterr())
    assert re.search(r"job_failed.*ValueError.*test_schedule.py:\d+", logged)
    assert "13800000000" not in logged


def test_every_chore_runs_on_an_empty_and_on_a_living_county(
    database: Database, settings: Settings, county: County
) -> None:
    chores = Chores(database, settings)
    chores.rulebook()
    for job in schedule.timetable(chores):
        job.work(NOW)
    with database.reading() as session:
        assert set(session.scalars(select(JobRun.name))) == {"sweep", "points_close", "evidence"}
    chores.seal(NOW)
    assert unsealed(database) == 0


def test_a_heartbeat_is_one_row_a_start(database: Database) -> None:
    for seconds in (0, 10):
        with database.transaction(SYSTEM, "test") as session:
            jobs.beat(session, "schedule", "h:1", NOW, NOW + timedelta(seconds=seconds))
    with database.reading() as session:
        assert session.scalars(select(JobRun.finished_at)).all() == [NOW + timedelta(seconds=10)]
