"""Runs of the day's and the month's work: what each left out, who may see it, and until when."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours, jobs
from correction_service.audit import SYSTEM
from correction_service.casework import findings, points, runs, sweep, worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.checkin import DutyState
from models.job import JobRun, JobState
from models.points import PointsDraft
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.swept import add_duty

TODAY = hours.local_day(NOW)
SEEING = {Role.ADMINISTRATOR, Role.COUNTY_HEAD}


def ran(
    session: Session, name: str, day: date, *errors: dict[str, Any], at: datetime = NOW
) -> JobRun:
    """A run that took ninety seconds."""
    ended = at + timedelta(seconds=90)
    result = {"flags": {"term_ending": 3}, "drafts": 1, "passed": 0, "errors": list(errors)}
    terms = {"runs": 1, "started_at": at, "finished_at": ended, "result": result}
    run = JobRun(name=name, day=day, state=JobState.DONE, **terms)
    session.add(run)
    return run


def bad(case_id: int) -> dict[str, Any]:
    return {"part": "points", "subject": "duty 17", "error": "ZeroDivisionError", "case": case_id}


def waits(session: Session, county: County, role: Role) -> bool:
    user = session.get_one(User, county.users[role])
    return Need.RUNS in {item.need for item in worklist.items(session, user, NOW)}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", Role)
def test_the_runs_are_for_who_tends_the_service_or_answers_for_it(
    client_of: SignedInClient, role: Role
) -> None:
    assert client_of(role).get("/runs/").status_code == (200 if role in SEEING else 403)


def test_a_bad_record_is_named_with_its_kind_of_error_and_the_case_where_one_may_see_it(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        elsewhere = Agency(name="别处", level=AgencyLevel.COUNTY, division="520302")
        office = Office(name="丙司法所", agency=elsewhere)
        session.add(office)
        session.flush()
        theirs = make_case(session, office, 5)
        session.flush()
        ran(session, "sweep", TODAY, bad(county.case), bad(theirs.id))
        ours, other = f'href="/cases/{county.case}"', f'href="/cases/{theirs.id}"'
    head = client_of(Role.COUNTY_HEAD).get("/runs/").text
    assert all(said in head for said in ("daily sweep", "90.0 s", "2 left out", "duty 17"))
    assert "ZeroDivisionError" in head
    assert (ours in head, other in head) == (True, False)
    tending = client_of(Role.ADMINISTRATOR).get("/runs/").text
    assert "ZeroDivisionError" in tending
    assert ours not in tending


def test_the_head_is_told_while_the_last_run_left_something_out(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ran(session, "sweep", TODAY - timedelta(days=1), bad(county.case))
        session.flush()
        assert waits(session, county, Role.COUNTY_HEAD)
        assert not waits(session, county, Role.OFFICER)
        ran(session, "sweep", TODAY, at=NOW + timedelta(days=1))
        session.flush()
        assert not waits(session, county, Role.COUNTY_HEAD)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"part": "points", "subject": "all", "error": "DataError"}, True),
        ({"case": 4711, "error": "KeyError"}, False),  # of somebody else
    ],
)
def test_what_others_supervise_is_theirs_and_a_whole_part_is_everybodys(
    database: Database, county: County, error: dict[str, Any], *, told: bool
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ran(session, "points_close", TODAY.replace(day=1), error)
        session.flush()
        assert waits(session, county, Role.COUNTY_HEAD) is told


def test_a_run_that_failed_as_a_whole_is_told(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ran(session, "evidence", TODAY).state = JobState.FAILED
        session.flush()
        assert waits(session, county, Role.COUNTY_HEAD)


def test_a_sweep_names_the_case_of_a_draft_that_it_cannot_write(
    database: Database, county: County, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    duty = add_duty(database, county.case, DutyState.MISSED)

    def fails(*_: object) -> PointsDraft:
        raise ZeroDivisionError

    monkeypatch.setattr(points, "proposed", fails)
    sweep.run(database, TODAY, NOW, settings)
    with database.reading() as session:
        [run] = runs.latest(session)
        [fault] = run.faults
    said = (fault.part, fault.subject, fault.error, fault.case_id)
    assert said == ("points", f"duty {duty}", "ZeroDivisionError", county.case)


def test_a_flag_that_cannot_be_written_leads_to_its_case(
    database: Database, county: County, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_duty(database, county.case, DutyState.MISSED)

    def fails(*_: object) -> findings.Finding:
        raise ZeroDivisionError

    look = next(it for it in sweep.LOOKS if it.kind.value == "checkin_missed")
    broken = findings.Look(look.kind, look.law, look.rows, fails)
    monkeypatch.setattr(sweep, "LOOKS", (broken,))
    sweep.run(database, TODAY, NOW, settings)
    with database.reading() as session:
        [fault] = runs.latest(session)[0].faults
    assert (fault.part, fault.case_id) == ("checkin_missed", county.case)


def test_a_run_says_how_long_it_took(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        mine = jobs.claim(session, "sweep", TODAY, NOW)
        assert mine is not None
        longer = replace(mine, began_s=mine.began_s - 42.5)
        jobs.finish(session, longer, NOW, JobState.DONE, {})
        run = session.scalars(select(JobRun)).one()
        took = runs.read(run).took
        assert took is not None
        assert timedelta(seconds=42) < took < timedelta(seconds=60)


def test_the_heartbeat_of_the_schedule_is_no_run(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        jobs.beat(session, "schedule", "a:1", NOW, NOW)
        assert runs.latest(session) == []
