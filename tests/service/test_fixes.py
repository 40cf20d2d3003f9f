"""The way of a fix: the order gate, storage once, zone states, incidents."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.case import Case, CaseState
from models.device import Device, Gateway
from models.fix import Fix, Reject
from models.incident import IncidentKind, IncidentState
from models.order import PositioningOrder
from models.outbox import Outbox
from models.zone import Zone, ZoneChange, ZoneKind, ZoneState
from tests.county import NOW, County, make_case
from tests.tracked import (
    BEYOND,
    DEVICE,
    FITTED,
    GATEWAY,
    HONGHUAGANG,
    HUICHUAN,
    Tracked,
    fix,
    heard,
    incidents_of,
    live,
    minutes,
    state_of,
    stored_of,
    take,
    track,
)

SECOND = timedelta(seconds=1)


def stored(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Fix)) or 0


def changes(database: Database) -> list[ZoneState]:
    with database.reading() as session:
        return list(session.scalars(select(ZoneChange.state).order_by(ZoneChange.decided_at)))


def test_a_trip_between_districts_of_one_city_raises_nothing(
    database: Database, tracked: Tracked
) -> None:
    trip = minutes(NOW, [HUICHUAN] * 8 + [HONGHUAGANG] * 8)
    take(database, heard(trip, received=NOW + timedelta(minutes=16)))
    assert incidents_of(database) == []
    assert (stored(database), changes(database)) == (16, [ZoneState.INSIDE])


def test_a_trip_beyond_the_city_opens_one_incident(database: Database, tracked: Tracked) -> None:
    live(database, minutes(NOW, [HUICHUAN] * 8 + [BEYOND] * 20))
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.LEFT_HOME_AREA
    assert incident.since == NOW + timedelta(minutes=8)
    assert incident.opened_at == NOW + timedelta(minutes=10, seconds=2)
    assert incident.last_seen_at == NOW + timedelta(minutes=27)
    assert incident.facts["sources"] == {"gnss": 3}
    assert incident.facts["fix_at"] == (NOW + timedelta(minutes=27)).isoformat()
    assert incident.facts["age_s"] == 2
    assert 5_000 < incident.facts["beyond_m"] < 20_000
    state = state_of(database, tracked.device)
    assert (state.lat, state.lon) == BEYOND
    with database.reading() as session:
        (row,) = session.scalars(select(Outbox).where(Outbox.topic == "live"))
        assert row.payload == {"kind": "incident", "id": incident.id}


def test_the_same_storm_in_one_late_batch_is_the_same_incident(
    database: Database, tracked: Tracked
) -> None:
    trip = minutes(NOW, [HUICHUAN] * 7 + [BEYOND] * 7 + [HUICHUAN] * 7 + [BEYOND] * 7)
    later = NOW + timedelta(hours=3)
    take(database, heard(trip, received=later), now=later)
    (incident,) = incidents_of(database)
    assert incident.facts["times"] == 2
    assert incident.ended_at is None


def test_a_return_ends_the_incident_and_leaves_it_open_for_an_officer(
    database: Database, tracked: Tracked
) -> None:
    live(database, minutes(NOW, [BEYOND] * 7 + [HUICHUAN] * 7))
    (incident,) = incidents_of(database)
    assert incident.state is IncidentState.OPEN
    assert incident.ended_at == NOW + timedelta(minutes=7)
    assert incident.facts["ended_by"] == "back"


def test_an_exclusion_zone_raises_when_it_is_entered(database: Database, tracked: Tracked) -> None:
    lat, lon = HUICHUAN
    with database.transaction(SYSTEM, "test") as session:
        terms = Terms(kind=ZoneKind.EXCLUSION, name="某小区", valid_from=FITTED)
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, terms, lat=lat + 0.02, lon=lon, radius_m=500)
    live(database, minutes(NOW, [HUICHUAN] * 6))
    assert incidents_of(database) == []
    live(database, minutes(NOW + timedelta(minutes=6), [(lat + 0.02, lon)] * 6))
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.ENTERED_EXCLUSION
    assert incident.facts["beyond_m"] == pytest.approx(500, abs=5)


def test_curfew_counts_in_its_hours_only(database: Database, tracked: Tracked) -> None:
    evening = NOW.replace(hour=13, minute=50)  # 21:50 in legal time
    with database.transaction(SYSTEM, "test") as session:
        terms = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="22:00-06:00")
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, terms, lat=HUICHUAN[0], lon=HUICHUAN[1], radius_m=200)
    live(database, minutes(evening, [HONGHUAGANG] * 20))
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.OUT_IN_CURFEW
    assert incident.since == evening + timedelta(minutes=10)
    morning = NOW.replace(hour=22) - timedelta(minutes=15)
    live(database, minutes(morning, [HONGHUAGANG] * 30))
    (incident,) = incidents_of(database)
    assert incident.ended_at == NOW.replace(hour=22)
    assert incident.facts["ended_by"] == "not_in_force"


def test_a_duplicate_is_success_and_changes_nothing(database: Database, tracked: Tracked) -> None:
    trip = heard(minutes(NOW, [BEYOND] * 6))
    first, again = take(database, trip), take(database, trip, trip)
    assert len(stored_of(first)[GATEWAY][DEVICE]) == 6
    assert set(stored_of(again)[GATEWAY][DEVICE]) == set(stored_of(first)[GATEWAY][DEVICE])
    assert (stored(database), changes(database)) == (6, [ZoneState.OUTSIDE])
    (incident,) = incidents_of(database)
    assert incident.facts["times"] == 1


def test_a_counter_that_starts_again_is_no_duplicate(database: Database, tracked: Tracked) -> None:
    take(database, heard([fix(NOW, seq=1), fix(NOW + SECOND, seq=1)]))
    assert stored(database) == 2


def test_a_late_fix_is_stored_and_leaves_the_newer_state(
    database: Database, tracked: Tracked
) -> None:
    live(database, minutes(NOW, [HUICHUAN] * 6))
    late = minutes(NOW - timedelta(hours=2), [BEYOND] * 10)
    take(database, heard(late, received=NOW + timedelta(minutes=6)))
    assert stored(database) == 16
    assert (changes(database), incidents_of(database)) == ([ZoneState.INSIDE], [])
    state = state_of(database, tracked.device)
    assert (state.time, state.lat) == (NOW + timedelta(minutes=5), HUICHUAN[0])


def test_an_outage_in_a_batch_out_of_order_is_folded_in_order(
    database: Database, tracked: Tracked
) -> None:
    trip = minutes(NOW, [HUICHUAN] * 6 + [BEYOND] * 6)
    take(database, heard(trip[::-1], received=NOW + timedelta(minutes=20)))
    assert changes(database) == [ZoneState.INSIDE, ZoneState.OUTSIDE]


@dataclass(frozen=True)
class Gate:
    """What is sent, and the reason it must come back with."""

    reason: str
    said: dict[str, object]
    device: str = DEVICE
    gateway: str = GATEWAY


GATES = [
    Gate("unknown_device", fix(NOW), device="stranger"),
    Gate("wrong_gateway", fix(NOW), gateway="gw-2"),
    Gate("wrong_gateway", fix(NOW), gateway="nobody"),
    Gate("wrong_gateway", fix(NOW), device="of-inactive", gateway="gw-3"),
    Gate("unbound", fix(NOW), device="spare"),
    Gate("unbound", fix(FITTED - SECOND)),
    Gate("no_order", fix(NOW), device="no-order"),
    Gate("no_order", fix(NOW), device="of-released"),
    Gate("clock_ahead", fix(NOW + timedelta(seconds=301))),
    Gate("bad_lat", fix(NOW, (127.7, 106.9))),
    Gate("bad_accuracy_m", fix(NOW, accuracy_m=-1)),
]


@pytest.fixture
def gates(database: Database, county: County, tracked: Tracked) -> None:
    """Bracelets not to be heard: a spare, an inactive gateway's, without an order, released."""
    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(Gateway, tracked.gateway)
        shut = Gateway(name="gw-3", agency_id=county.agency, secret_hash="!", active=False)
        other = Gateway(name="gw-2", agency_id=county.agency, secret_hash="!")
        spare = Device(name="spare", gateway=first)
        session.add_all([other, spare, Device(name="of-inactive", gateway=shut)])
        office = session.get_one(Case, tracked.case).office
        for number, name in ((2, "no-order"), (3, "of-released")):
            case = make_case(session, office, number)
            track(session, case, county, name, first)
        released = session.scalars(select(Case).where(Case.number == "T000003")).one()
        released.move(CaseState.RELEASED, NOW - timedelta(hours=1))
        lifted = select(PositioningOrder).join(Case).where(Case.number == "T000002")
        session.scalars(lifted).one().lifted_at = NOW - timedelta(hours=1)


@pytest.mark.usefixtures("gates")
def test_what_must_not_be_stored_is_refused_for_good_and_only_its_digest_kept(
    database: Database,
) -> None:
    told = [heard(gate.said, device=gate.device, gateway=gate.gateway) for gate in GATES]
    recorded = take(database, *told)
    assert stored_of(recorded) == {}
    refused = [(it.gateway, it.device, it.seq, it.reason) for it in recorded.refusals]
    wanted = [(gate.gateway, gate.device, gate.said["seq"], gate.reason) for gate in GATES]
    assert sorted(refused) == sorted(wanted)
    with database.reading() as session:
        rows = session.scalars(select(Reject)).all()
        assert sorted((row.gateway, row.device, row.seq, row.reason) for row in rows) == sorted(
            wanted
        )
        assert {row.digest for row in rows} == {hashlib.sha256(it.payload).digest() for it in told}
    assert stored(database) == 0


def test_one_bad_fix_of_a_list_costs_only_itself(database: Database, tracked: Tracked) -> None:
    good, bad = fix(NOW), fix(NOW, lat=1000)
    recorded = take(database, heard([good, bad]))
    assert stored_of(recorded) == {GATEWAY: {DEVICE: [good["seq"]]}}
    assert [it.seq for it in recorded.refusals] == [bad["seq"]]


def test_a_clock_a_little_ahead_is_believed(database: Database, tracked: Tracked) -> None:
    take(database, heard(fix(NOW + timedelta(seconds=300))))
    assert stored(database) == 1


def test_an_order_lifted_stops_the_next_fix_and_keeps_the_late_ones_from_before(
    database: Database, tracked: Tracked
) -> None:
    take(database, heard(fix(NOW)))
    lifted_at = NOW + timedelta(minutes=5)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).lifted_at = lifted_at
    after = lifted_at + timedelta(minutes=1)
    before, at_once = fix(lifted_at - SECOND), fix(lifted_at)
    recorded = take(database, heard([before, at_once], received=after), now=after)
    assert stored_of(recorded) == {GATEWAY: {DEVICE: [before["seq"]]}}
    assert [it.reason for it in recorded.refusals] == ["no_order"]


def test_a_batch_of_several_devices_is_sorted_by_device(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Case, tracked.case).office
        other = make_case(session, office, 2)
        track(session, other, county, "B0002", session.get_one(Gateway, tracked.gateway))
    batch = [{**fix(NOW), "device": DEVICE}, {**fix(NOW, BEYOND), "device": "B0002"}]
    recorded = take(database, heard(batch, kind="batch", device=""))
    assert stored_of(recorded) == {GATEWAY: {DEVICE: [batch[0]["seq"]], "B0002": [batch[1]["seq"]]}}


def test_the_next_wearer_does_not_begin_where_the_last_one_was(
    database: Database, county: County, tracked: Tracked
) -> None:
    take(database, heard(minutes(NOW, [BEYOND] * 6)))
    handed_over = NOW + timedelta(hours=1)
    with database.transaction(SYSTEM, "test") as session:
        device = session.get_one(Device, tracked.device)
        bracelets.unbind(session, device, handed_over)
        other = make_case(session, session.get_one(Case, tracked.case).office, 2)
        spare = track(session, other, county, "spare", device.gateway)
        bracelets.unbind(session, session.get_one(Device, spare.device), handed_over)
        bracelets.bind(session, other, device, handed_over)
    state = state_of(database, tracked.device)
    assert (state.lat, state.time, state.zones) == (None, None, b"")
    late = fix(NOW + timedelta(minutes=10), BEYOND)
    take(database, heard(late, received=handed_over), now=handed_over)
    assert stored(database) == 7
    assert state_of(database, tracked.device).lat is None


def test_a_person_without_zones_is_followed_without_incidents(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        zones.end(session, session.get_one(Zone, tracked.zone), NOW - timedelta(days=1))
    live(database, minutes(NOW, [BEYOND] * 8))
    assert (stored(database), incidents_of(database), changes(database)) == (8, [], [])
