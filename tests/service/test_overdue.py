"""After a leave: of whom nothing is known it is said so, and nobody goes unnoticed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from correction_service.audit import SYSTEM
from correction_service.casework import leaves, worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.incidents import incidents
from models.case import Case, CaseState
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.user import Role
from tests.county import County
from tests.service.test_leaves import (
    APPROVAL,
    BEGINS,
    DAY,
    ENDS,
    HOUR,
    approve,
    extend,
    officer,
    sign_off,
    watch,
)
from tests.tracked import HUICHUAN, Tracked, incidents_of, live, minutes

MINUTE = timedelta(minutes=1)
AGAIN = ENDS + 5 * DAY  # the end of a leave that was extended


def test_of_whom_nothing_is_known_after_the_end_it_is_said_so(
    database: Database, county: County
) -> None:
    approve(database, county)
    watch(database, ENDS + timedelta(minutes=59))
    assert incidents_of(database) == []
    for hour in (1, 2, 3):
        watch(database, ENDS + hour * HOUR)
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.LEAVE_OVERDUE
    assert (incident.severity, incident.since) == (Severity.WATCH, ENDS)
    assert incident.facts["where"] == "unknown"
    watch(database, ENDS + 25 * HOUR)
    (incident,) = incidents_of(database)
    assert incident.severity is Severity.SOON


def test_a_signing_off_ends_the_question(database: Database, county: County) -> None:
    leave = approve(database, county)
    watch(database, ENDS + HOUR)
    sign_off(database, county, leave, ENDS + 2 * HOUR)
    (incident,) = incidents_of(database)
    assert (incident.ended_at, incident.facts["ended_by"]) == (ENDS + 2 * HOUR, "signed_off")
    assert incident.state is IncidentState.OPEN, "an officer closes it with a cause"
    assert watch(database, ENDS + 30 * HOUR) == 0


def test_an_extension_ends_the_question_and_asks_it_again_later(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    watch(database, ENDS + HOUR)
    extend(database, county, leave, AGAIN, ENDS + 2 * HOUR)
    (incident,) = incidents_of(database)
    assert incident.facts["ended_by"] == "extended"
    assert watch(database, AGAIN) == 0
    for minute in (60, 61):
        watch(database, AGAIN + minute * MINUTE)
    (incident,) = incidents_of(database)
    assert incident.ended_at is None, "nobody has closed it: it is the same question"
    assert (incident.since, incident.facts["times"]) == (AGAIN, 2), "asked anew, and once"
    watch(database, AGAIN + DAY)
    (incident,) = incidents_of(database)
    assert incident.severity is Severity.SOON


def test_the_question_of_before_an_extension_is_not_the_one_that_coming_home_ends(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    watch(database, ENDS + HOUR)
    extend(database, county, leave, AGAIN, ENDS + 2 * HOUR)
    for minute in (60, 61):
        watch(database, AGAIN + minute * MINUTE)
    watch(database, AGAIN + DAY)
    before, asked = incidents_of(database)
    assert (before.ended_at, before.facts["ended_by"]) == (ENDS + 2 * HOUR, "extended")
    assert (asked.since, asked.facts["times"]) == (AGAIN, 1)
    assert (asked.ended_at, asked.severity) == (None, Severity.SOON)
    home = AGAIN + DAY + HOUR
    live(database, minutes(home, [HUICHUAN] * 15))
    before, asked = incidents_of(database)
    assert (asked.ended_at, asked.facts["ended_by"]) == (home, "back")
    assert before.ended_at == ENDS + 2 * HOUR
    watch(database, home + HOUR)
    assert incidents_of(database)[1].ended_at == home


def test_home_before_an_extension_is_not_home_after_it(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    live(database, minutes(ENDS, [HUICHUAN] * 15))
    extend(database, county, leave, AGAIN, ENDS + HOUR)
    watch(database, AGAIN + HOUR)
    (incident,) = incidents_of(database)
    assert (incident.since, incident.facts["where"]) == (AGAIN, "unknown")


def test_a_question_that_an_officer_has_closed_is_not_asked_again(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    watch(database, ENDS + HOUR)
    extend(database, county, leave, AGAIN, ENDS + 2 * HOUR)
    watch(database, AGAIN + HOUR)
    (asked,) = incidents_of(database)
    with database.transaction(SYSTEM, "test") as session:
        it = session.get_one(Incident, asked.id)
        officer = county.users[Role.OFFICER]
        incidents.close(session, it, officer, AGAIN + 2 * HOUR, cause=Cause.OTHER, note="")
    watch(database, AGAIN + 3 * HOUR)
    (still,) = incidents_of(database)
    assert still.state is IncidentState.CLOSED


def test_a_signing_off_leaves_the_question_about_another_leave_open(
    database: Database, county: County
) -> None:
    first = approve(database, county)
    approve(database, county, replace(APPROVAL, starts_at=AGAIN, ends_at=AGAIN + DAY))
    watch(database, AGAIN + 2 * DAY)
    sign_off(database, county, first, AGAIN + 2 * DAY)
    watch(database, AGAIN + 2 * DAY + HOUR)
    assert [it.since for it in incidents_of(database) if it.ended_at is None] == [AGAIN + DAY]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
def test_a_leave_that_is_being_signed_off_is_not_asked_about(
    database: Database, county: County
) -> None:
    leave = approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        leaves.sign_off(session, officer(session, county), leave, ENDS + HOUR)
        assert watch(database, ENDS + HOUR) == 0
    assert incidents_of(database) == []


def test_the_return_of_who_is_detained_is_nobodys_question(
    database: Database, county: County
) -> None:
    approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.DETAINED, BEGINS)
    watch(database, ENDS + HOUR)
    assert incidents_of(database) == []


def test_the_list_shows_who_is_due_back_today_and_who_is_over(
    database: Database, county: County
) -> None:
    approve(database, county)

    def listed(now: datetime) -> list[Severity]:
        with database.reading() as session:
            items = worklist.items(session, officer(session, county), now)
            return [it.severity for it in items if it.need is Need.LEAVE]

    assert listed(ENDS - DAY) == []
    assert listed(ENDS - HOUR) == [Severity.WATCH]
    assert listed(ENDS) == [Severity.SOON]
    watch(database, ENDS + HOUR)
    assert listed(ENDS + HOUR) == [], "the incident stands in the list now"


def test_nobody_is_awaited_back_whose_case_has_ended(database: Database, county: County) -> None:
    approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.RELEASED, BEGINS)
    with database.reading() as session:
        items = worklist.items(session, officer(session, county), ENDS)
        assert [it.need for it in items if it.need is Need.LEAVE] == []
    assert watch(database, ENDS + HOUR) == 0
