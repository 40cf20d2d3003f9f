"""A silent bracelet is one incident, whatever an officer does about it meanwhile."""

from datetime import datetime, timedelta

from sqlalchemy import select

from correction_service import incidents, silences
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from models.device import Binding, Device, DeviceState, Gateway
from models.incident import Cause, Incident, IncidentKind
from models.order import Ground, PositioningOrder
from models.user import Role
from tests.county import NOW, County


def wear(database: Database, county: County, heard_at: datetime) -> int:
    """Bind a bracelet under an order in force; return its id."""
    with database.transaction(SYSTEM, "test") as session:
        gateway = Gateway(name="g1", agency_id=county.agency, secret_hash="x", online=False)
        device = Device(name="b1", gateway=gateway)
        order = PositioningOrder(
            case_id=county.case,
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="x",
            starts_at=NOW - timedelta(days=9),
            ends_at=NOW + timedelta(days=9),
            approved_by=county.users[Role.COUNTY_HEAD],
            approved_at=NOW,
        )
        bound_at = NOW - timedelta(days=3)
        session.add_all([order, Binding(device=device, case_id=county.case, bound_at=bound_at)])
        session.flush()
        session.add(DeviceState(device_id=device.id, heard_at=heard_at, zones=b""))
        return device.id


def opened(database: Database, now: datetime, settings: Settings) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return silences.open_new(session, now, settings)


def hear(database: Database, county: County, device: int, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.merge(DeviceState(device_id=device, heard_at=at, zones=b""))
        key = incidents.key_of(IncidentKind.DEVICE_SILENT, county.case, device)
        incidents.end(session, key, at, {}, at)


def test_a_silence_opens_one_incident_with_what_is_known(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, NOW - timedelta(minutes=59))
    assert opened(database, NOW, settings) == 0
    for minutes, number in ((2, 1), (3, 0), (600, 0)):
        assert opened(database, NOW + timedelta(minutes=minutes), settings) == number
    with database.reading() as session:
        incident = session.scalars(select(Incident)).one()
        assert incident.since == NOW - timedelta(minutes=59)
        known = {"battery": "unknown", "gateway": "offline", "others_heard": False}
        assert incident.facts.items() >= known.items()


def test_a_closed_incident_is_not_opened_again_for_the_same_silence(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, NOW - timedelta(hours=2))
    opened(database, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.scalars(select(Incident)).one()
        officer = county.users[Role.OFFICER]
        incidents.close(session, incident, officer, NOW, cause=Cause.NO_COVERAGE, note="山区")
    assert opened(database, NOW + timedelta(hours=1), settings) == 0


def test_a_second_silence_is_seen_whether_or_not_the_first_was_closed(
    database: Database, county: County, settings: Settings
) -> None:
    device = wear(database, county, NOW - timedelta(hours=2))
    opened(database, NOW, settings)
    hear(database, county, device, NOW + timedelta(minutes=5))
    assert opened(database, NOW + timedelta(minutes=30), settings) == 0
    later = NOW + timedelta(minutes=70)
    assert opened(database, later, settings) == 1
    assert opened(database, later + timedelta(minutes=1), settings) == 0
    with database.reading() as session:
        incident = session.scalars(select(Incident)).one()
        assert incident.ended_at is None
