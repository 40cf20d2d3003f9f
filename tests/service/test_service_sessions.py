"""Service sessions: what an officer does to a bracelet is recorded, and nothing else is hidden."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import service_sessions
from correction_service.settings import Settings
from models.device import Device
from models.errors import Invalid, Refused
from models.incident import Cause, Incident, IncidentKind, IncidentState, IncidentStep
from models.service import ServiceKind, ServiceSession
from models.user import Role
from tests.county import NOW, County
from tests.tracked import Tracked, event, fix, heard, incidents_of, live_at, take

MINUTE = timedelta(minutes=1)
OVER = NOW + 15 * MINUTE


@pytest.fixture
def service(database: Database, settings: Settings, county: County, tracked: Tracked) -> int:
    """A battery swap of fifteen minutes that has just begun."""
    return begun(database, settings, county, tracked)


def begun(
    database: Database,
    settings: Settings,
    county: County,
    tracked: Tracked,
    *,
    at: datetime = NOW,
    minutes: int = 15,
) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return service_sessions.begin(
            session,
            tracked.case,
            session.get_one(Device, tracked.device),
            ServiceKind.BATTERY_SWAP,
            minutes,
            by=county.users[Role.OFFICER],
            now=at,
            settings=settings,
        ).id


def expired(database: Database, at: datetime) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return service_sessions.expire(session, at)


def closed(database: Database, service: int, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        running = session.get_one(ServiceSession, service)
        service_sessions.close(session, running, "换好电池", at)


TOLD = ["strap_open", "case_open", "separated", "power_off", "sos"]


def test_tamper_and_calls_within_a_session_are_recorded_and_closed_as_serviced(
    database: Database, service: int
) -> None:
    for name in (*TOLD, *TOLD):
        live_at(database, event(NOW + MINUTE, name), NOW + MINUTE)
    found = incidents_of(database)
    assert [it.facts["event"] for it in found] == TOLD
    assert {(it.state, it.cause, it.open_key) for it in found} == {
        (IncidentState.CLOSED, Cause.SERVICED, None)
    }
    assert {(it.facts["service"], it.facts["times"]) for it in found} == {(service, 2)}
    with database.reading() as session:
        steps = session.scalars(select(IncidentStep)).all()
        assert [(it.action, it.by) for it in steps] == [("closed", None)] * len(TOLD)


@pytest.mark.parametrize("at", [NOW - MINUTE, OVER])
def test_what_happens_before_or_after_a_session_opens_its_incident(
    database: Database, service: int, at: datetime
) -> None:
    live_at(database, event(at, "strap_open"), at)
    (incident,) = incidents_of(database)
    assert incident.state is IncidentState.OPEN


def test_jamming_is_no_part_of_a_service(database: Database, service: int) -> None:
    live_at(database, event(NOW + MINUTE, "jamming"), NOW + MINUTE)
    (incident,) = incidents_of(database)
    assert incident.state is IncidentState.OPEN


def test_a_storm_that_was_open_before_the_session_goes_on(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    live_at(database, event(NOW - MINUTE, "strap_open"), NOW - MINUTE)
    begun(database, settings, county, tracked)
    live_at(database, event(NOW + MINUTE, "strap_open"), NOW + MINUTE)
    (incident,) = incidents_of(database)
    assert (incident.state, incident.facts["times"]) == (IncidentState.OPEN, 2)


def test_what_is_told_only_after_the_session_is_an_incident(
    database: Database, service: int
) -> None:
    closed(database, service, NOW + 5 * MINUTE)
    later = NOW + 30 * MINUTE
    said = event(NOW + MINUTE, "strap_open")
    take(database, heard(said, kind="event", received=later), now=later)
    (incident,) = incidents_of(database)
    assert incident.state is IncidentState.OPEN


@pytest.mark.parametrize("by_officer", [True, False])
def test_a_strap_that_is_open_when_the_session_ends_raises_its_incident_then(
    database: Database, service: int, *, by_officer: bool
) -> None:
    live_at(database, event(NOW + MINUTE, "strap_open"), NOW + MINUTE)
    end = NOW + 5 * MINUTE if by_officer else OVER
    if by_officer:
        closed(database, service, end)
    assert expired(database, OVER + MINUTE) == (0 if by_officer else 1)
    assert expired(database, OVER + MINUTE) == 0
    recorded, raised = incidents_of(database)
    assert recorded.cause is Cause.SERVICED
    assert (raised.kind, raised.since, raised.state) == (
        IncidentKind.STRAP_OPENED, end, IncidentState.OPEN,
    )  # fmt: skip
    assert raised.facts["service"] == service


def test_a_strap_that_was_closed_in_time_raises_nothing(database: Database, service: int) -> None:
    live_at(database, event(NOW + MINUTE, "strap_open"), NOW + MINUTE)
    live_at(database, event(NOW + 2 * MINUTE, "strap_closed"), NOW + 2 * MINUTE)
    closed(database, service, NOW + 3 * MINUTE)
    assert len(incidents_of(database)) == 1


def test_a_strap_that_opened_while_the_session_was_being_closed_is_found_by_the_next_look(
    database: Database, service: int
) -> None:
    closed(database, service, NOW + 2 * MINUTE)
    with database.transaction(SYSTEM, "test") as session:  # ingest's view: it still ran
        session.get_one(ServiceSession, service).closed_at = None
    live_at(database, event(NOW + MINUTE, "strap_open"), NOW + MINUTE)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(ServiceSession, service).closed_at = NOW + 2 * MINUTE
    expired(database, NOW + 3 * MINUTE)
    assert [it.cause for it in incidents_of(database)] == [Cause.SERVICED, None]


def test_a_position_that_shows_an_open_strap_counts_as_serviced_too(
    database: Database, service: int
) -> None:
    live_at(database, fix(NOW + MINUTE, strap="open"), NOW + MINUTE)
    (incident,) = incidents_of(database)
    assert (incident.cause, incident.facts["told_by"]) == (Cause.SERVICED, "fix")


def test_a_person_has_one_session_at_a_time_and_a_new_one_after_its_end(
    database: Database, settings: Settings, county: County, tracked: Tracked, service: int
) -> None:
    with pytest.raises(Refused, match="running for this person"):
        begun(database, settings, county, tracked, at=NOW + MINUTE)
    begun(database, settings, county, tracked, at=OVER)  # no job was needed to end the first
    with database.reading() as session:
        assert session.get_one(ServiceSession, service).closed_at == OVER


def test_a_session_is_for_minutes_and_for_the_bracelet_that_is_worn(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    for minutes in (0, settings.service_minutes + 1):
        with pytest.raises(Invalid) as refused:
            begun(database, settings, county, tracked, minutes=minutes)
        assert refused.value.field == "minutes"
    with database.transaction(SYSTEM, "test") as session:
        gateway = session.get_one(Device, tracked.device).gateway
        spare = Device(name="spare", gateway=gateway)
        session.add(spare)
        session.flush()
        begin = partial(
            service_sessions.begin,
            session,
            tracked.case,
            spare,
            minutes=5,
            by=county.users[Role.OFFICER],
            now=NOW,
            settings=settings,
        )
        with pytest.raises(Refused, match="does not wear"):
            begin(kind=ServiceKind.REMOVE)
        begin(kind=ServiceKind.FIT)


def test_a_session_is_closed_once(database: Database, service: int) -> None:
    closed(database, service, NOW + MINUTE)
    with pytest.raises(Refused, match="over already"):
        closed(database, service, NOW + 2 * MINUTE)
    with database.reading() as session:
        assert session.get_one(ServiceSession, service).note == "换好电池"
        assert session.scalars(select(Incident)).all() == []
