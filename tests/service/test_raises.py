"""What becomes more urgent is asked anew: its owner is told, and the clock runs again."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import escalations, handovers, incidents, sightings
from correction_service.messages import alerts
from correction_service.settings import Settings
from models.incident import Incident, IncidentState, Severity
from models.outbox import Outbox
from models.user import Role
from tests.county import NOW, County
from tests.service.test_handovers import story
from tests.service.test_incidents import departure
from tests.service.test_shifts import HOUR, crew_of, put
from tests.tracked import Tracked

MINUTE = timedelta(minutes=1)


def turn(session: Session, now: datetime, settings: Settings) -> tuple[int, int, int]:
    """What the clock's job does in one turn: assigned, told again, escalated."""
    return (
        handovers.assign(session, now, settings),
        handovers.ask_again(session, now, settings),
        escalations.escalate(session, now, settings),
    )


@pytest.fixture
def lesser(database: Database, tracked: Tracked) -> int:
    """Something to look at soon, opened at NOW."""
    with database.transaction(SYSTEM, "test") as session:
        seen = replace(departure(tracked), severity=Severity.SOON)
        return sightings.open_or_update(session, seen, NOW).id


def worsen(session: Session, tracked: Tracked, now: datetime) -> Incident:
    """The same is seen again, and is urgent now."""
    return sightings.open_or_update(session, replace(departure(tracked), at=now), now)


def mailed(session: Session) -> list[tuple[str, int, list[int]]]:
    """Of what mails speak, to whom, of which incidents."""
    rows = session.scalars(select(Outbox).where(Outbox.topic == alerts.MAIL).order_by(Outbox.id))
    return [(it.payload["kind"], it.payload["to"], it.payload["ids"]) for it in rows]


def test_whoever_acknowledged_what_becomes_urgent_is_told_and_the_clock_runs_again(
    database: Database, county: County, settings: Settings, tracked: Tracked, lesser: int
) -> None:
    crew, mailing = crew_of(county), settings.model_copy(update={"smtp_host": "mail.example"})
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        turn(session, NOW, mailing)
        found = session.get_one(Incident, lesser)
        incidents.acknowledge(session, found, crew.officer, NOW + MINUTE)
        turn(session, NOW + HOUR, mailing)
        worsen(session, tracked, NOW + HOUR)
        assert escalations.escalate(session, NOW + HOUR, mailing) == 0, "first the owner is told"
        assert (found.state, found.owner_id) == (IncidentState.OPEN, crew.officer)
        for minute in range(40):
            turn(session, NOW + HOUR + minute * MINUTE, mailing)
        assert [(it.action, it.owner_id, it.at - NOW - HOUR) for it in found.steps[2:]] == [
            ("raised", crew.officer, 0 * MINUTE),
            ("to_cover", crew.cover, 5 * MINUTE),
            ("to_head", crew.head, 15 * MINUTE),
        ]
        assert mailed(session) == [
            ("incident_raised", crew.officer, [lesser]),
            ("incident_escalated", crew.cover, [lesser]),
            ("incident_escalated", crew.head, [lesser]),
        ]


def test_whoever_is_dealing_with_it_is_told_and_goes_on(
    database: Database, county: County, settings: Settings, tracked: Tracked, lesser: int
) -> None:
    crew, mailing = crew_of(county), settings.model_copy(update={"smtp_host": "mail.example"})
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        found = session.get_one(Incident, lesser)
        incidents.act(session, found, crew.officer, NOW)
        worsen(session, tracked, NOW + MINUTE)
        worsen(session, tracked, NOW + 2 * MINUTE)
        for minute in range(1, 40):
            turn(session, NOW + minute * MINUTE, mailing)
        assert (found.state, found.severity) == (IncidentState.ACTING, Severity.URGENT)
        assert [it.action for it in found.steps] == ["acting", "raised"]
        assert mailed(session) == [("incident_raised", crew.officer, [lesser])]


def test_whoever_answers_before_they_are_told_is_not_told(
    database: Database, county: County, settings: Settings, tracked: Tracked, lesser: int
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(Incident, lesser)
        incidents.acknowledge(session, found, officer, NOW)
        worsen(session, tracked, NOW + MINUTE)
        incidents.acknowledge(session, found, officer, NOW + MINUTE)
        assert turn(session, NOW + MINUTE, settings) == (0, 0, 0)
        assert found.asked_at is None


def test_what_is_nobodys_has_its_time_anew_when_it_becomes_urgent(
    database: Database, county: County, settings: Settings, tracked: Tracked, lesser: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        worsen(session, tracked, NOW + MINUTE)
        assert turn(session, NOW + 5 * MINUTE, settings) == (0, 0, 0)
        assert turn(session, NOW + 6 * MINUTE, settings) == (0, 0, 1)
        assert story(session, lesser) == [
            ("raised", None),
            ("to_head", county.users[Role.OFFICE_HEAD]),
        ]
