"""What others write at the same moment, or wrote of late: nothing is doubled, nothing given up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, text, update

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import incidents, sightings
from correction_service.incidents.sightings import Seen
from correction_service.ingest import Ingest
from correction_service.tracking.meters import Meters
from devices.mqtt import Inbound
from devices.receipts import decode_receipt
from models.device import DeviceState
from models.incident import Cause, Incident, IncidentKind, IncidentState
from models.user import Role
from tests.county import NOW, County
from tests.devices.wires import until
from tests.service.test_ingest import inbound, reasons, said, stored_seqs
from tests.tracked import DEVICE, GATEWAY, HUICHUAN, Tracked, event, incidents_of, minutes

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def test_a_state_that_lags_behind_its_fixes_doubles_nothing(
    database: Database, tracked: Tracked
) -> None:
    """As after a state was restored from an older copy than the fixes."""
    began = NOW - timedelta(minutes=5)
    good = minutes(began, [HUICHUAN] * 4)
    Ingest(database).handle([*map(said, good[:3])])
    with database.engine.begin() as connection:
        older = {"time": began, "seq": good[0]["seq"]}
        connection.execute(update(DeviceState).values(older))
    meters = Meters()
    Ingest(database, meters=meters).handle([*map(said, good)])
    assert stored_seqs(database) == [one["seq"] for one in good]
    assert meters.read().duplicates == 3
    assert reasons(database) == {}


def opened() -> Inbound:
    """The bracelet says that its strap opened."""
    return inbound(
        msgspec.json.encode(event(NOW, "strap_open")), f"correction/v1/{GATEWAY}/{DEVICE}/event"
    )


def waits(database: Database) -> bool:
    """Whether somebody waits for what another has locked."""
    with database.reading() as session:
        return bool(session.scalar(WAITING))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_whose_incident_another_opens_meanwhile_is_not_given_up(
    database: Database, tracked: Tracked
) -> None:
    """SQLite has one writer at a time, so there nobody is in between."""
    ingest = Ingest(database)
    seen = Seen(
        kind=IncidentKind.STRAP_OPENED,
        case_id=tracked.case,
        device_id=tracked.device,
        since=NOW,
        at=NOW,
    )

    with ThreadPoolExecutor(1) as pool:
        with database.transaction(SYSTEM, "test") as session:
            sightings.open_or_update(session, seen, NOW)
            handled = pool.submit(ingest.handle, [opened()])
            until(lambda: waits(database))
        handled.result()
    (incident,) = incidents_of(database)
    assert incident.facts["times"] == 2
    assert reasons(database) == {}
    (receipt,) = ingest.last_words()
    assert list(decode_receipt(receipt.payload).committed) == [DEVICE]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_seen_while_an_officer_closes_an_incident_is_a_new_one(
    database: Database, county: County, tracked: Tracked
) -> None:
    ingest, officer = Ingest(database), county.users[Role.OFFICER]
    ingest.handle([opened()])
    with ThreadPoolExecutor(1) as pool:
        with database.transaction(SYSTEM, "test") as session:
            incident = session.scalars(select(Incident).with_for_update()).one()
            handled = pool.submit(ingest.handle, [opened()])
            until(lambda: waits(database))
            incidents.close(session, incident, officer, NOW, cause=Cause.DEVICE_FAULT, note="")
        handled.result()
    states = [(it.state, it.facts["times"]) for it in incidents_of(database)]
    assert states == [(IncidentState.CLOSED, 1), (IncidentState.OPEN, 1)]
