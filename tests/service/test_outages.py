"""When nothing of any bracelet arrives the fault is the system's: people see it, nobody pays."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service import readiness
from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.incidents import silences
from correction_service.settings import Settings
from correction_service.tracking import ingest_minutes, outages
from correction_service.tracking.meters import Meters
from models.agency import Office
from models.case import Case
from models.device import DeviceState, Gateway
from models.incident import Incident
from models.risk import FlagKind, RiskFlag
from models.telemetry import Outage, OutageCause, listening_since
from tests.county import NOW, County, make_case
from tests.tracked import Tracked, track

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def worn(database: Database, county: County, tracked: Tracked) -> list[int]:
    """Three bracelets at one gateway."""
    with database.transaction(SYSTEM, "test") as session:
        office, gateway = (
            session.get_one(Office, county.office),
            session.get_one(Gateway, tracked.gateway),
        )
        gateway.online = True
        cases: list[Case] = [make_case(session, office, number) for number in (2, 3)]
        others = [
            track(session, case, county, f"B{number}", gateway)
            for number, case in enumerate(cases, 2)
        ]
        session.flush()
        return [tracked.device, *(other.device for other in others)]


def hear(database: Database, devices: Sequence[int], at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for device in devices:
            session.merge(DeviceState(device_id=device, heard_at=at, zones=b""))


def minute(
    database: Database,
    at: datetime,
    committed: int,
    *,
    connected: bool = True,
    beat_s: int = 5,
    name: str = "one",
) -> None:
    """A minute that an ingester wrote."""
    meters = Meters()
    meters.transaction([at], at, at, committed=committed, rejected={})
    start = at.replace(second=0, microsecond=0)
    beat = at + timedelta(seconds=beat_s)
    row = ingest_minutes.row(name, NOW - HOUR, start, beat, meters.read())
    here = {"queue_max": 0, "memory_bytes": 1, "connected": connected}
    with database.transaction(SYSTEM, "test") as session:
        ingest_minutes.keep(session, [row | here])


def watched(database: Database, settings: Settings, at: datetime) -> Outage | None:
    with database.transaction(SYSTEM, "test") as session:
        return outages.watch(session, at, settings)


def silent(database: Database, settings: Settings, at: datetime) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return silences.open_new(session, at, settings)


def test_a_feed_that_speaks_is_no_outage(
    database: Database, worn: list[int], settings: Settings
) -> None:
    minute(database, NOW, 3)
    assert watched(database, settings, NOW + 4 * MINUTE) is None


def test_nobody_to_hear_is_no_outage(
    database: Database, county: County, settings: Settings
) -> None:
    assert watched(database, settings, NOW) is None


def test_when_nothing_arrives_an_outage_opens_with_its_cause_and_ends_with_the_next_fix(
    database: Database, worn: list[int], settings: Settings
) -> None:
    minute(database, NOW, 300)
    hear(database, worn, NOW)
    later = NOW + 6 * MINUTE
    outage = watched(database, settings, later)
    assert outage is not None
    assert (outage.since, outage.cause, outage.bracelets) == (NOW, OutageCause.INGEST_DOWN, 3)
    minute(database, later, 0, connected=False)
    again = watched(database, settings, later + MINUTE / 2)
    assert again is not None
    assert (again.id, again.cause) == (outage.id, OutageCause.BROKER_AWAY)
    minute(database, later, 0)
    again = watched(database, settings, later + MINUTE / 2)
    assert again is not None
    assert again.cause is OutageCause.UNKNOWN
    with database.transaction(SYSTEM, "test") as session:
        session.scalars(select(Gateway)).one().online = False
    again = watched(database, settings, later + MINUTE / 2)
    assert again is not None
    assert again.cause is OutageCause.GATEWAYS_OFFLINE
    minute(database, later + MINUTE, 1)
    assert watched(database, settings, later + 2 * MINUTE) is None
    with database.reading() as session:
        (kept,) = session.execute(select(Outage.since, Outage.ended_at)).all()
        assert kept == (NOW, later + 2 * MINUTE)
        assert outages.over_lately(session, later + 3 * MINUTE) is not None
        assert outages.over_lately(session, later + 3 * HOUR) is None


def test_no_silence_counts_while_nobody_can_be_heard_and_some_time_after(
    database: Database, worn: list[int], settings: Settings
) -> None:
    minute(database, NOW, 300)
    hear(database, worn, NOW - 30 * MINUTE)
    assert watched(database, settings, NOW + 6 * MINUTE) is not None
    for hours in (1, 5, 30):
        assert watched(database, settings, NOW + hours * HOUR) is not None
        assert silent(database, settings, NOW + hours * HOUR) == 0
    back = NOW + 30 * HOUR
    sweep.run(database, (back + MINUTE).date(), back + MINUTE, settings)
    minute(database, back, 1)
    hear(database, worn[1:], back)
    assert watched(database, settings, back + MINUTE) is None
    # Thirty minutes were counted before, and a quarter of an hour after the end is forgiven.
    assert silent(database, settings, back + 45 * MINUTE) == 0
    assert silent(database, settings, back + 47 * MINUTE) == 1
    with database.reading() as session:
        assert session.scalars(select(Incident.device_id)).all() == [worn[0]]
        silent_flags = select(RiskFlag.id).where(RiskFlag.kind == FlagKind.DEVICE_SILENT)
        assert session.scalars(silent_flags).all() == []


def test_one_bracelet_whose_way_is_open_is_silent_by_itself(
    database: Database, tracked: Tracked, settings: Settings
) -> None:
    hear(database, [tracked.device], NOW)
    minute(database, NOW, 60)
    later = NOW + 61 * MINUTE
    minute(database, later, 0)
    assert watched(database, settings, later) is None
    assert silent(database, settings, later) == 1


def test_one_bracelet_whose_way_is_broken_is_not(
    database: Database, tracked: Tracked, settings: Settings
) -> None:
    hear(database, [tracked.device], NOW)
    later = NOW + 61 * MINUTE
    assert watched(database, settings, later) is not None
    assert silent(database, settings, later) == 0
    minute(database, later, 0)
    assert watched(database, settings, later + MINUTE / 2) is None
    assert watched(database, settings, later + 2 * MINUTE) is not None
    with database.reading() as session:
        assert len(session.execute(select(Outage.id)).all()) == 1


def test_bracelets_that_speak_rarely_are_waited_for_longer(
    database: Database, worn: list[int], settings: Settings
) -> None:
    minute(database, NOW - 20 * MINUTE, 6)
    hear(database, worn, NOW)
    assert watched(database, settings, NOW + 30 * MINUTE) is None
    assert watched(database, settings, NOW + 60 * MINUTE) is not None


def test_ready_means_that_an_ingester_is_connected_and_said_so_lately(
    database: Database, settings: Settings
) -> None:
    def ready(at: datetime) -> bool:
        return readiness.check(database, settings, at)["ingest"]

    assert not ready(NOW)
    minute(database, NOW, 0)
    assert ready(NOW + MINUTE)
    assert not ready(NOW + 2 * MINUTE)
    minute(database, NOW, 0, connected=False)
    assert not ready(NOW + MINUTE)


def test_ready_means_that_every_ingester_of_the_last_day_goes_on(
    database: Database, settings: Settings
) -> None:
    def ready(at: datetime) -> bool:
        return readiness.check(database, settings, at)["ingest"]

    minute(database, NOW, 0, name="two")
    for hours, expected in ((0, True), (2, False), (25, True)):
        minute(database, NOW + hours * HOUR, 0)
        assert ready(NOW + hours * HOUR + MINUTE / 2) is expected


def test_time_in_which_nobody_was_heard_is_left_out_of_a_span() -> None:
    def since(*deaf: tuple[int, int]) -> float:
        spans = [(NOW - start * MINUTE, NOW - end * MINUTE) for start, end in deaf]
        return (NOW - listening_since(NOW, HOUR, spans)) / MINUTE

    assert since() == 60
    assert since((30, 20)) == 70
    assert since((65, 55)) == 70
    assert since((90, 70)) == 60
    assert since((90, 61), (20, 18)) == 60 + 2 + 29
    assert since((30, 20), (25, 10)) == 80
    assert since((30, 0)) == 90
