"""Should be here and is not: places to be at in their hours, and the destination of a leave."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import leaves
from correction_service.casework.leaves import Approval
from correction_service.db import Database
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.case import Case
from models.errors import Invalid, Refused
from models.incident import Incident, IncidentKind, Severity
from models.leave import LeaveReason
from models.leave_request import LeaveLevel
from models.user import Role, User
from models.zone import Zone, ZoneKind
from tests.county import NOW, County
from tests.tracked import (
    BEYOND,
    FITTED,
    HONGHUAGANG,
    HUICHUAN,
    Tracked,
    incidents_of,
    live,
    minutes,
)

GUIYANG = (26.6470, 106.6300)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MORNING = NOW.replace(hour=0) + DAY  # 8:00 in legal time
WORK = Terms(kind=ZoneKind.PLACE, name="公益活动基地", valid_from=FITTED, hours="09:00-17:00")
APPROVAL = Approval(
    reason=LeaveReason.MEDICAL,
    divisions=["520100"],
    starts_at=NOW + HOUR,
    ends_at=NOW + 5 * DAY,
    note="外出审批表 17",
)
BEGINS, ENDS = APPROVAL.starts_at + DAY, APPROVAL.ends_at - DAY


def place(
    database: Database, county: County, terms: Terms = WORK, at: tuple[float, float] = HUICHUAN
) -> Zone:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        return zones.circle(session, case, terms, lat=at[0], lon=at[1], radius_m=200)


def test_a_way_to_keep_to_is_a_place_drawn_as_a_line(
    database: Database, county: County, tracked: Tracked
) -> None:
    lat, lon = HUICHUAN
    way = {"type": "LineString", "coordinates": [[lon - 0.01, lat], [lon + 0.01, lat]]}
    with database.transaction(SYSTEM, "test") as session:
        zones.drawn(session, session.get_one(Case, county.case), WORK, way)
    assert be(database, MORNING + 2 * HOUR, (lat, lon + 0.009)) == []
    (incident,) = be(database, MORNING + 3 * HOUR, (lat + 0.01, lon))
    assert incident.kind is IncidentKind.AWAY_FROM_PLACE


def be(
    database: Database, start: datetime, at: tuple[float, float], many: int = 30
) -> list[Incident]:
    """Half an hour at a place, a fix a minute as they come; all incidents after it."""
    live(database, minutes(start, [at] * many))
    return incidents_of(database)


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def approve(database: Database, county: County, approval: Approval = APPROVAL) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return leaves.approve(session, officer(session, county), county.case, approval, NOW).id


def destination(database: Database) -> Zone | None:
    with database.reading() as session:
        zone = session.scalar(select(Zone).where(Zone.kind == ZoneKind.DESTINATION))
        session.expunge_all()
        return zone


def test_away_from_a_place_in_its_hours_is_looked_at_soon(
    database: Database, county: County, tracked: Tracked
) -> None:
    place(database, county)
    assert be(database, MORNING, HONGHUAGANG) == [], "nobody has to be there yet"
    (incident,) = be(database, MORNING + HOUR, HONGHUAGANG)
    assert (incident.kind, incident.severity) == (IncidentKind.AWAY_FROM_PLACE, Severity.SOON)
    assert incident.since == MORNING + HOUR
    assert incident.rule == "place-away@1"
    (incident,) = be(database, MORNING + 3 * HOUR, HUICHUAN)
    assert incident.facts["ended_by"] == "back"


def test_who_is_at_the_place_raises_nothing_and_goes_home_after_hours(
    database: Database, county: County, tracked: Tracked
) -> None:
    place(database, county)
    assert be(database, MORNING + HOUR, HUICHUAN) == []
    assert be(database, MORNING + 9 * HOUR, HONGHUAGANG) == []


def test_a_place_has_hours_and_lies_in_the_home_area(
    database: Database, county: County, tracked: Tracked
) -> None:
    with pytest.raises(Invalid, match="have hours"):
        place(database, county, replace(WORK, hours=None))
    with pytest.raises(Refused, match="outside the home area"):
        place(database, county, at=BEYOND)


def test_on_leave_nobody_has_to_be_at_a_place(
    database: Database, county: County, tracked: Tracked
) -> None:
    place(database, county)
    approve(database, county)
    assert be(database, MORNING + HOUR, GUIYANG) == []


def test_a_leave_opens_its_destination_but_for_the_journeys(
    database: Database, county: County, tracked: Tracked
) -> None:
    approve(database, county)
    zone = destination(database)
    assert zone is not None
    assert (zone.name, zone.divisions) == ("贵阳市", ["520100"])
    assert (zone.valid_from, zone.valid_to) == (BEGINS, ENDS)
    assert be(database, BEGINS + HOUR, GUIYANG) == []
    assert be(database, BEGINS + 2 * HOUR, HUICHUAN) == [], "back early is no question"


def test_elsewhere_is_something_to_watch(
    database: Database, county: County, tracked: Tracked
) -> None:
    approve(database, county)
    chengdu = (30.6570, 104.0660)
    (incident,) = be(database, BEGINS + HOUR, chengdu)
    assert incident.kind is IncidentKind.AWAY_FROM_DESTINATION
    assert incident.severity is Severity.WATCH
    (incident,) = be(database, BEGINS + 3 * HOUR, GUIYANG)
    assert incident.facts["ended_by"] == "back"


def test_a_short_leave_opens_no_destination(database: Database, county: County) -> None:
    approve(database, county, replace(APPROVAL, ends_at=NOW + 2 * DAY))
    assert destination(database) is None


def test_the_destination_follows_the_leave(
    database: Database, county: County, tracked: Tracked
) -> None:
    leave = approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        leaves.extend(
            session, officer(session, county), leave, ENDS + 9 * DAY,
            paper="表 18", level=LeaveLevel.COUNTY, now=NOW + HOUR,
        )  # fmt: skip
    zone = destination(database)
    assert zone is not None
    assert zone.valid_to == ENDS + 8 * DAY
    with database.transaction(SYSTEM, "test") as session:
        leaves.sign_off(session, officer(session, county), leave, BEGINS + HOUR)
    zone = destination(database)
    assert zone is not None
    assert zone.valid_to == BEGINS + HOUR


def test_a_leave_that_is_not_taken_opens_nothing(database: Database, county: County) -> None:
    leave = approve(database, county)
    with database.transaction(SYSTEM, "test") as session:
        leaves.cancel(session, officer(session, county), leave, NOW)
    zone = destination(database)
    assert zone is not None
    assert zone.valid_to == zone.valid_from, "it asks nothing at any time"


def test_nobody_makes_a_destination_by_hand(database: Database, county: County) -> None:
    with pytest.raises(Invalid, match="by itself"):
        place(database, county, replace(WORK, kind=ZoneKind.DESTINATION, hours=None))
