"""A leave approved for Guiyang raises no exit and its overdue return does, late fixes or not."""

from datetime import datetime, timedelta

import pytest

from correction_service.audit import SYSTEM
from correction_service.casework import leaves, overdue
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.tracking import replays
from models.incident import Incident, IncidentKind, Severity
from models.leave import LeaveReason
from models.user import Role, User
from tests.county import NOW, County
from tests.tracked import HUICHUAN, Tracked, heard, incidents_of, live, minutes, take

GUIYANG = (26.6470, 106.6300)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGINS, ENDS = NOW + HOUR, NOW + DAY


@pytest.fixture
def leave(database: Database, county: County, tracked: Tracked) -> int:
    """A leave for Guiyang from an hour after now on, for most of a day."""
    with database.transaction(SYSTEM, "test") as session:
        approval = Approval(
            reason=LeaveReason.FAMILY,
            divisions=["520100"],
            starts_at=BEGINS,
            ends_at=ENDS,
            note="外出审批表 17",
        )
        officer = session.get_one(User, county.users[Role.OFFICER])
        return leaves.approve(session, officer, county.case, approval, NOW).id


def be(
    database: Database, start: datetime, place: tuple[float, float], many: int = 30
) -> list[Incident]:
    """Half an hour at a place, a fix a minute as they come; all incidents after it."""
    live(database, minutes(start, [place] * many))
    return incidents_of(database)


def sign_off(database: Database, county: County, leave: int, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        leaves.sign_off(session, officer, leave, now)


def watch(database: Database, now: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, now)


@pytest.mark.usefixtures("leave")
def test_in_guiyang_on_leave_nothing_is_raised(database: Database) -> None:
    assert be(database, NOW, HUICHUAN) == []
    assert be(database, BEGINS + HOUR, GUIYANG) == []
    assert be(database, ENDS - HOUR, GUIYANG) == []


@pytest.mark.usefixtures("leave")
def test_in_guiyang_after_the_leave_the_return_is_overdue(database: Database) -> None:
    be(database, NOW, HUICHUAN)
    be(database, ENDS - HOUR, GUIYANG)
    (incident,) = be(database, ENDS, GUIYANG)
    assert incident.kind is IncidentKind.LEAVE_OVERDUE
    assert (incident.severity, incident.since) == (Severity.SOON, ENDS)
    assert incident.facts["beyond_m"] > 50_000
    watch(database, ENDS + HOUR)
    (incident,) = incidents_of(database)
    assert incident.severity is Severity.SOON
    watch(database, ENDS + DAY)
    (incident,) = incidents_of(database)
    assert incident.severity is Severity.URGENT, "a day later"


@pytest.mark.usefixtures("leave")
def test_who_leaves_before_the_leave_has_left_the_home_area(database: Database) -> None:
    be(database, NOW, HUICHUAN)
    (incident,) = be(database, BEGINS - HOUR / 2, GUIYANG, 25)
    assert incident.kind is IncidentKind.LEFT_HOME_AREA
    (incident,) = be(database, BEGINS, GUIYANG, 5)
    assert incident.facts["ended_by"] == "not_in_force"


@pytest.mark.usefixtures("leave")
def test_back_in_time_nothing_is_raised_and_nothing_asked(database: Database) -> None:
    be(database, ENDS - HOUR, GUIYANG, 10)
    assert be(database, ENDS, HUICHUAN) == []
    watch(database, ENDS + 2 * HOUR)
    assert incidents_of(database) == []


@pytest.mark.usefixtures("leave")
def test_back_late_the_overdue_return_is_over(database: Database) -> None:
    be(database, ENDS, GUIYANG)
    (incident,) = be(database, ENDS + 2 * HOUR, HUICHUAN)
    assert (incident.kind, incident.facts["ended_by"]) == (IncidentKind.LEAVE_OVERDUE, "back")


def test_signed_off_nothing_is_overdue_and_another_departure_is_one(
    database: Database, county: County, leave: int
) -> None:
    be(database, ENDS - HOUR, GUIYANG, 10)
    back = ENDS - HOUR / 2
    sign_off(database, county, leave, back)
    assert be(database, back, HUICHUAN) == []
    (incident,) = be(database, ENDS + HOUR, GUIYANG)
    assert incident.kind is IncidentKind.LEFT_HOME_AREA


def test_who_is_signed_off_and_not_there_has_left_the_home_area(
    database: Database, county: County, leave: int
) -> None:
    be(database, ENDS, GUIYANG)
    sign_off(database, county, leave, ENDS + HOUR)
    over, left = be(database, ENDS + HOUR, GUIYANG)
    assert (over.kind, over.facts["ended_by"]) == (IncidentKind.LEAVE_OVERDUE, "signed_off")
    assert (left.kind, left.since) == (IncidentKind.LEFT_HOME_AREA, ENDS + HOUR)


@pytest.mark.usefixtures("leave")
def test_unknown_becomes_overdue_when_the_bracelet_tells(database: Database) -> None:
    watch(database, ENDS + HOUR)
    (unknown,) = incidents_of(database)
    assert (unknown.severity, unknown.facts["where"]) == (Severity.WATCH, "unknown")
    (away,) = be(database, ENDS + 2 * HOUR, GUIYANG)
    assert (away.id, away.severity) == (unknown.id, Severity.SOON)
    assert away.facts["beyond_m"] > 50_000


@pytest.mark.usefixtures("leave")
def test_unknown_ends_when_the_bracelet_tells_of_home(database: Database) -> None:
    watch(database, ENDS + HOUR)
    (unknown,) = be(database, ENDS + 2 * HOUR, HUICHUAN)
    assert (unknown.ended_at, unknown.facts["ended_by"]) == (ENDS + 2 * HOUR, "back")


@pytest.mark.usefixtures("leave")
def test_fixes_that_come_late_are_judged_by_what_was_asked_at_their_time(
    database: Database,
) -> None:
    be(database, NOW, HUICHUAN)
    be(database, ENDS + 3 * HOUR, HUICHUAN)
    came = ENDS + 4 * HOUR
    on_leave = minutes(BEGINS + HOUR, [GUIYANG] * 30)
    take(database, heard(on_leave, received=came), now=came)
    replays.run(database, came)
    assert incidents_of(database) == []
    take(database, heard(minutes(ENDS, [GUIYANG] * 30), received=came), now=came)
    replays.run(database, came)
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.LEAVE_OVERDUE
    assert incident.since == ENDS
    assert incident.ended_at is not None
    assert incident.facts["late"] is True
