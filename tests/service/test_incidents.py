"""Incidents: one a storm, worked on by people, closed with a cause."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import incidents, sightings
from correction_service.incidents.sightings import Seen
from correction_service.tracking.trails import viewed_trail
from models.audit import AuditRecord
from models.errors import Invalid, Refused
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.incident_kinds import MEANINGS
from models.user import Role
from tests.county import NOW, County
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, incidents_of, minutes, take

HOUR = timedelta(hours=1)


def departure(tracked: Tracked, hour: int = 0) -> Seen:
    return Seen(
        kind=IncidentKind.LEFT_HOME_AREA,
        case_id=tracked.case,
        device_id=tracked.device,
        zone_id=tracked.zone,
        since=NOW + hour * HOUR,
        at=NOW + hour * HOUR,
        facts={"beyond_m": 100 + hour},
    )


def open_one(session: Session, tracked: Tracked, hour: int = 0) -> Incident:
    return sightings.open_or_update(session, departure(tracked, hour), NOW + hour * HOUR)


def test_every_kind_has_its_meaning() -> None:
    assert MEANINGS.keys() == set(IncidentKind)
    assert all(meaning.innocent and "@" in meaning.rule for meaning in MEANINGS.values())


def test_a_storm_is_one_incident_with_its_newest_facts(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first, again = open_one(session, tracked), open_one(session, tracked, 1)
        assert first is again
        assert first.facts == {"beyond_m": 101, "times": 2}
        assert (first.since, first.last_seen_at) == (NOW, NOW + HOUR)
        assert (first.severity, first.rule) == (Severity.URGENT, "home-exit@1")


def seen_again(session: Session, tracked: Tracked, **facts: object) -> dict[str, object]:
    """What is said of it after it was seen once more with these facts."""
    seen = replace(departure(tracked, 1), facts=facts)
    return sightings.open_or_update(session, seen, NOW + HOUR).facts


def test_the_rule_that_raised_it_stays_beside_the_newest_that_saw_it(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        seen = replace(departure(tracked), facts={"rule": "old", "beyond_m": 100})
        sightings.open_or_update(session, seen, NOW)
        facts = seen_again(session, tracked, rule="new", beyond_m=200)
        assert (facts["rule"], facts["rule_seen"], facts["beyond_m"]) == ("old", "new", 200)


def test_what_the_clock_raised_is_not_counted_by_the_rule_that_confirms_it(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        seen = replace(departure(tracked), facts={"where": "unknown"})
        sightings.open_or_update(session, seen, NOW)
        facts = seen_again(session, tracked, rule="new", beyond_m=200)
        assert facts == {"rule_seen": "new", "beyond_m": 200, "times": 2}


def test_either_it_is_known_how_far_away_the_wearer_is_or_nobody_knows_where(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        open_one(session, tracked)
        assert "beyond_m" not in seen_again(session, tracked, where="unknown")
        assert "where" not in seen_again(session, tracked, beyond_m=200)


def test_what_was_confirmed_once_is_not_an_approach_any_more(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        seen = replace(departure(tracked), facts={"approach": True})
        sightings.open_or_update(session, seen, NOW)
        said = [seen_again(session, tracked, approach=it)["approach"] for it in (True, False, True)]
        assert said == [True, False, False]


def test_an_officer_takes_it_acts_and_closes_it_with_a_cause(
    database: Database, county: County, tracked: Tracked
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        incident = open_one(session, tracked)
        incidents.acknowledge(session, incident, officer, NOW)
        incidents.act(session, incident, officer, NOW + HOUR, "电话联系")
        with pytest.raises(Invalid, match="cause"):
            incident.move(IncidentState.CLOSED, officer, NOW)
        incidents.close(
            session, incident, officer, NOW + 2 * HOUR, cause=Cause.POSITION_DRIFT, note="已核实"
        )
        assert [step.action for step in incident.steps] == ["acknowledged", "acting", "closed"]
        assert (incident.open_key, incident.owner_id) == (None, officer)
        assert incident.closed_at == NOW + 2 * HOUR


def test_after_closing_the_next_departure_is_a_new_incident(
    database: Database, county: County, tracked: Tracked
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        first = open_one(session, tracked)
        incidents.close(session, first, officer, NOW, cause=Cause.OTHER, note="")
        second = open_one(session, tracked, 1)
        assert second.id != first.id
        with pytest.raises(Refused, match=str(second.id)):
            incidents.reopen(session, first, officer, NOW, "")


def test_a_closing_can_be_taken_back(database: Database, county: County, tracked: Tracked) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        incident = open_one(session, tracked)
        incidents.close(session, incident, officer, NOW, cause=Cause.OTHER, note="")
        incidents.reopen(session, incident, officer, NOW + HOUR, "误操作")
        assert (incident.state, incident.cause) == (IncidentState.OPEN, None)
        assert open_one(session, tracked, 2) is incident


def test_closed_while_still_outside_it_stays_closed_until_a_return_and_a_new_departure(
    database: Database, county: County, tracked: Tracked
) -> None:
    take(database, heard(minutes(NOW, [BEYOND] * 6), received=NOW + HOUR))
    with database.transaction(SYSTEM, "test") as session:
        (incident,) = session.scalars(select(Incident))
        officer = county.users[Role.OFFICER]
        incidents.close(session, incident, officer, NOW, cause=Cause.APPROVED_ABSENCE, note="")
    take(database, heard(minutes(NOW + 1.5 * HOUR, [BEYOND] * 6), received=NOW + 2 * HOUR))
    assert len(incidents_of(database)) == 1
    again = minutes(NOW + 2 * HOUR, [HUICHUAN] * 6 + [BEYOND] * 6)
    take(database, heard(again, received=NOW + 3 * HOUR))
    assert [it.state for it in incidents_of(database)] == [
        IncidentState.CLOSED,
        IncidentState.OPEN,
    ]


def test_a_trail_is_of_the_case_and_every_look_at_it_is_logged(
    database: Database, tracked: Tracked
) -> None:
    take(database, heard(minutes(NOW, [HUICHUAN] * 3), received=NOW + HOUR))
    with database.transaction(SYSTEM, "test") as session:
        trail = viewed_trail(session, tracked.case, NOW, NOW + timedelta(minutes=2))
        assert [(place.time, place.lat) for place in trail] == [
            (NOW + timedelta(minutes=number), HUICHUAN[0]) for number in range(2)
        ]
        assert viewed_trail(session, tracked.case + 1, NOW, NOW + HOUR) == []
    with database.reading() as session:
        looks = session.scalars(select(AuditRecord).where(AuditRecord.action == "view_trail"))
        assert [look.subject_id for look in looks] == [str(tracked.case), str(tracked.case + 1)]
