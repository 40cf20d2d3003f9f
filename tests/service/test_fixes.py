"""The way of a fix: the order gate, storage once, zone states, incidents."""

from datetime import timedelta

from sqlalchemy import func, select

from correction_service.db import Database
from models.device import DeviceState
from models.fix import Fix
from models.incident import IncidentKind
from models.outbox import Outbox
from models.zone import ZoneChange, ZoneState
from tests.county import NOW
from tests.tracked import (
    BEYOND,
    HONGHUAGANG,
    HUICHUAN,
    Tracked,
    heard,
    incidents_of,
    minutes,
    take,
)


def test_a_trip_between_districts_of_one_city_raises_nothing(
    database: Database, tracked: Tracked
) -> None:
    trip = minutes(NOW, [HUICHUAN] * 8 + [HONGHUAGANG] * 8)
    take(database, heard(trip, received=NOW + timedelta(minutes=16)))
    assert incidents_of(database) == []
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Fix)) == 16
        (change,) = session.scalars(select(ZoneChange))
        assert (change.state, change.since) == (ZoneState.INSIDE, NOW)


def test_a_trip_beyond_the_city_opens_one_incident(database: Database, tracked: Tracked) -> None:
    trip = minutes(NOW, [HUICHUAN] * 8 + [BEYOND] * 20)
    for number, one in enumerate(trip):
        at = NOW + timedelta(minutes=number, seconds=2)
        take(database, heard(one, received=at), now=at)
    (incident,) = incidents_of(database)
    assert incident.kind is IncidentKind.LEFT_HOME_AREA
    assert incident.since == NOW + timedelta(minutes=8)
    assert incident.opened_at == NOW + timedelta(minutes=12, seconds=2)
    assert incident.last_seen_at == NOW + timedelta(minutes=27)
    assert incident.facts["sources"] == {"gnss": 5}
    assert 5_000 < incident.facts["beyond_m"] < 20_000
    with database.reading() as session:
        state = session.get_one(DeviceState, tracked.device)
        assert (state.lat, state.lon) == BEYOND
        (row,) = session.scalars(select(Outbox).where(Outbox.topic == "live"))
        assert row.payload == {"kind": "incident", "id": incident.id}
