"""A sweep that is killed in the middle is done again, and nothing is there twice."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from correction_service import hours, jobs
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.settings import Settings
from models.checkin import DutyState
from models.errors import Refused
from models.job import JobRun, JobState
from models.points import PointsDraft
from models.risk import RiskFlag
from tests.county import County
from tests.processes import running
from tests.swept import add_case, add_duty

WITHIN_S = 60


OVER = {"opens_at": 9, "closes_at": 7, "missed_after": 5}  # hours ago


def counted(database: Database, of: type[RiskFlag | PointsDraft]) -> int:
    with database.reading() as session:
        return session.scalars(select(func.count()).select_from(of)).one()


def missed_by(database: Database, county: County, people: int, now: datetime) -> None:
    over = {name: now - timedelta(hours=ago) for name, ago in OVER.items()}
    for number in range(2, 2 + people):
        add_duty(database, add_case(database, county, number), DutyState.MISSED, **over)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_sweep_killed_in_the_middle_is_completed_by_the_next_and_nothing_is_twice(
    database: Database, county: County, settings: Settings
) -> None:
    now = datetime.now(UTC)
    missed_by(database, county, 4, now)
    with database.engine.connect() as holder:
        holder.execute(text("LOCK TABLE points_draft IN SHARE MODE"))  # flags yes, drafts no
        with running(settings, "sweep") as process:
            deadline = time.monotonic() + WITHIN_S
            while counted(database, RiskFlag) < 4 and time.monotonic() < deadline:
                assert process.poll() is None
                time.sleep(0.1)
            process.kill()
    assert (counted(database, RiskFlag), counted(database, PointsDraft)) == (4, 0)
    day = hours.local_day(now)
    with pytest.raises(Refused, match="running already"):  # nobody knows yet that it is dead
        sweep.run(database, day, now, settings)
    later = now + jobs.STALE + timedelta(minutes=1)
    for drafted in (4, 0):
        result = sweep.run(database, day, later, settings)
        assert (result.drafts, result.errors) == (drafted, [])
    assert (counted(database, RiskFlag), counted(database, PointsDraft)) == (4, 4)
    with database.reading() as session:
        assert session.scalars(select(JobRun.state)).all() == [JobState.DONE]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sweep_killed_on_one_file_at_its_first_write_is_completed_too(
    database: Database, county: County, settings: Settings
) -> None:
    now, people = datetime.now(UTC), 12
    missed_by(database, county, people, now)
    with running(settings, "sweep") as process:
        deadline = time.monotonic() + WITHIN_S
        while not counted(database, RiskFlag) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.kill()
    assert counted(database, RiskFlag) > 0
    sweep.run(database, hours.local_day(now), now + jobs.STALE + timedelta(minutes=1), settings)
    assert (counted(database, RiskFlag), counted(database, PointsDraft)) == (people, people)
