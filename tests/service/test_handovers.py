"""Incidents come to who is on duty, pass on at the end of a shift, and higher when unanswered."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.db import Database
from correction_service.incidents import escalations, handovers, incidents, shifts
from correction_service.incidents.shifts import Crew
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.incident import Cause, Incident, IncidentState, Tier
from models.user import Role, User
from tests.county import NOW, County
from tests.service.test_incidents import open_one
from tests.service.test_shifts import HOUR, crew_of, place_of, put
from tests.tracked import Tracked

MINUTE = timedelta(minutes=1)


@pytest.fixture
def incident(database: Database, tracked: Tracked) -> int:
    """An urgent incident, opened at NOW."""
    with database.transaction(SYSTEM, "test") as session:
        return open_one(session, tracked).id


def turn(session: Session, now: datetime, settings: Settings) -> tuple[int, int, int]:
    """What the clock's job does in one turn: handed over, assigned, escalated."""
    return (
        handovers.hand_over(session, now, settings),
        handovers.assign(session, now, settings),
        escalations.escalate(session, now, settings),
    )


def story(session: Session, incident: int) -> list[tuple[str, int | None]]:
    return [(it.action, it.owner_id) for it in session.get_one(Incident, incident).steps]


def test_a_new_incident_comes_to_the_officer_on_duty_once(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert turn(session, NOW, settings) == (0, 0, 0)
        put(session, county)
        assert turn(session, NOW, settings) == (0, 1, 0)
        assert turn(session, NOW + MINUTE, settings) == (0, 0, 0)
        assert story(session, incident) == [("assigned", county.users[Role.OFFICER])]


def test_unanswered_it_goes_to_who_covers_then_to_the_head_and_no_further(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    crew = crew_of(county)
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        for minute in range(40):
            turn(session, NOW + minute * MINUTE, settings)
        found = session.get_one(Incident, incident)
        assert [(it.action, it.owner_id, it.at - NOW) for it in found.steps] == [
            ("assigned", crew.officer, 0 * MINUTE),
            ("to_cover", crew.cover, 5 * MINUTE),
            ("to_head", crew.head, 15 * MINUTE),
        ]
        assert (found.state, found.tier) == (IncidentState.OPEN, Tier.HEAD)


def test_who_answers_stops_the_clock(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        turn(session, NOW, settings)
        found = session.get_one(Incident, incident)
        incidents.acknowledge(session, found, county.users[Role.OFFICER], NOW + 4 * MINUTE)
        assert turn(session, NOW + HOUR, settings) == (0, 0, 0)


def test_with_nobody_on_duty_a_head_is_asked_at_once(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert turn(session, NOW + 5 * MINUTE, settings) == (0, 0, 1)
        assert story(session, incident) == [("to_head", county.users[Role.OFFICE_HEAD])]
        assert turn(session, NOW + HOUR, settings) == (0, 0, 0)


def test_zero_minutes_are_never(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    never = settings.model_copy(update={"urgent_cover_minutes": 0, "urgent_head_minutes": 0})
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        turn(session, NOW, never)
        assert turn(session, NOW + 7 * HOUR, never) == (0, 0, 0)


def test_at_the_end_of_a_shift_what_is_open_passes_to_the_next_one_step_each(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    officer, cover, head = (
        county.users[Role.OFFICER],
        *(crew_of(county).cover, crew_of(county).head),
    )
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        incidents.acknowledge(session, session.get_one(Incident, incident), officer, NOW)
        assert handovers.hand_over(session, NOW + 8 * HOUR, settings) == 0  # nobody is on duty
        night = (NOW + 8 * HOUR, NOW + 16 * HOUR)
        shifts.add(session, place_of(county), [night], Crew(cover, head, head), NOW)
        assert handovers.hand_over(session, NOW + 9 * HOUR, settings) == 1
        assert handovers.hand_over(session, NOW + 10 * HOUR, settings) == 0
        assert story(session, incident) == [("acknowledged", officer), ("handed_over", cover)]
        assert session.get_one(Incident, incident).state is IncidentState.ACKNOWLEDGED
        (item,) = worklist.items(session, session.get_one(User, cover), NOW + 9 * HOUR)
        assert item.passed is not None
        assert (item.passed.action, item.passed.owner_id) == ("handed_over", cover)


def test_whoever_stays_on_duty_keeps_what_they_have(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        put(session, county, NOW + 8 * HOUR)
        officer = county.users[Role.OFFICER]
        incidents.act(session, session.get_one(Incident, incident), officer, NOW)
        assert handovers.hand_over(session, NOW + 8 * HOUR, settings) == 0
        assert story(session, incident) == [("acting", officer)]


def reassigned(
    session: Session, county: County, settings: Settings, chosen: list[int], **given: object
) -> int:
    head = session.get_one(User, county.users[Role.COUNTY_HEAD])
    said = {"to": county.users[Role.OFFICER], "reason": "值班调整", **given}
    return handovers.reassign(session, head, chosen, NOW, settings, **said)  # type: ignore[arg-type]


def test_a_head_gives_incidents_to_an_officer_with_a_reason_on_the_record(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert reassigned(session, county, settings, [incident]) == 1
    with database.reading() as session:
        (step,) = session.get_one(Incident, incident).steps
        assert (step.action, step.note) == ("reassigned", "值班调整")
        assert (step.by, step.owner_id) == (
            county.users[Role.COUNTY_HEAD],
            county.users[Role.OFFICER],
        )
        subjects = session.scalars(select(AuditRecord.subject_kind)).all()
        assert {"incident", "incident_step"} <= set(subjects)


@pytest.mark.parametrize(
    ("given", "field"),
    [({"reason": " "}, "note"), ({"to": None}, "officer"), ({"to": 999}, "officer")],
)
def test_bulk_work_names_what_is_missing(
    *,
    database: Database,
    county: County,
    settings: Settings,
    incident: int,
    given: dict[str, object],
    field: str,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Invalid) as refusal:
            reassigned(session, county, settings, [incident], **given)
        assert refusal.value.field == field
        with pytest.raises(Invalid, match="at least one"):
            reassigned(session, county, settings, [])


def test_nothing_is_given_that_either_cannot_see_or_that_is_closed(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(NotFound):
            reassigned(session, county, settings, [incident, 999])
        case = session.get_one(Case, county.case)
        case.office_id = county.other_office
        with pytest.raises(Invalid, match="does not see"):
            reassigned(session, county, settings, [incident])
        case.office_id = county.office
        found = session.get_one(Incident, incident)
        officer = county.users[Role.OFFICER]
        incidents.close(session, found, officer, NOW, cause=Cause.OTHER, note="")
        with pytest.raises(Refused, match="closed"):
            reassigned(session, county, settings, [incident])


def test_opened_again_it_is_nobodys_and_comes_to_who_is_on_duty_now(
    database: Database, county: County, settings: Settings, incident: int
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(Incident, incident)
        incidents.close(session, found, officer, NOW, cause=Cause.OTHER, note="")
        later = NOW + 3 * HOUR
        incidents.reopen(session, found, county.users[Role.COUNTY_HEAD], later, "误操作")
        assert (found.owner_id, found.asked_at) == (None, later)
        put(session, county)
        assert turn(session, later + MINUTE, settings) == (0, 1, 0)
        assert turn(session, later + 7 * MINUTE, settings) == (0, 0, 1)
        assert [it.action for it in found.steps] == ["closed", "open", "assigned", "to_cover"]
