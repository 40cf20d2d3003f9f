"""Another bracelet for the same person: what is known of the zones goes with them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets
from correction_service.tracking import replays
from models.case import Case
from models.device import Device, DeviceState
from models.errors import Refused
from models.incident import IncidentKind
from models.zone import ZoneChange, ZoneState
from tests.county import NOW
from tests.service.test_roster import Ingester
from tests.tracked import BEYOND, HUICHUAN, Tracked, fix, heard, incidents_of, minutes, state_of

MINUTE = timedelta(minutes=1)
SPARE = "B0002"
CHANGED = NOW + 20 * MINUTE


@pytest.fixture
def ingester(database: Database, tracked: Tracked) -> Ingester:
    """One that runs all the time and has followed the person out of the home area."""
    running = Ingester(database)
    for one in minutes(NOW, [HUICHUAN] * 8 + [BEYOND] * 12):
        running.take(heard(one, received=CHANGED), now=CHANGED)
    return running


def changed(database: Database, tracked: Tracked, *, heard_before: bool) -> int:
    """The number of the bracelet that took the place."""
    with database.transaction(SYSTEM, "test") as session:
        gateway = session.get_one(Device, tracked.device).gateway
        spare = Device(name=SPARE, gateway=gateway)
        session.add(spare)
        session.flush()
        if heard_before:
            session.add(DeviceState(device_id=spare.id, heard_at=NOW, zones=b"", revision=7))
            session.flush()
        bracelets.replace(session, session.get_one(Case, tracked.case), spare, CHANGED)
        return spare.id


@pytest.mark.parametrize("heard_before", [True, False])
def test_an_ingester_that_runs_goes_on_where_the_other_bracelet_was(
    database: Database, tracked: Tracked, ingester: Ingester, *, heard_before: bool
) -> None:
    known = state_of(database, tracked.device).zones
    spare = changed(database, tracked, heard_before=heard_before)
    assert (state_of(database, spare).zones, state_of(database, tracked.device).zones) == (
        known, b"",
    )  # fmt: skip
    for one in minutes(CHANGED, [BEYOND] * 10):
        later = CHANGED + 10 * MINUTE
        ingester.take(heard(one, device=SPARE, received=later), now=later)
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.facts["times"], incident.ended_at) == (
        IncidentKind.LEFT_HOME_AREA, 1, None,
    )  # fmt: skip
    back = minutes(CHANGED + 10 * MINUTE, [HUICHUAN] * 12)
    later = CHANGED + 22 * MINUTE
    ingester.take(heard(back, device=SPARE, received=later), now=later)
    (incident,) = incidents_of(database)
    assert incident.ended_at is not None
    with database.reading() as session:
        states = session.scalars(select(ZoneChange.state).order_by(ZoneChange.id)).all()
    assert states == [ZoneState.INSIDE, ZoneState.OUTSIDE, ZoneState.INSIDE]


def test_the_bracelet_that_was_taken_off_speaks_for_nobody(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    changed(database, tracked, heard_before=False)
    after = CHANGED + MINUTE
    assert ingester.reasons(after) == ["unbound"]
    recorded = ingester.take(heard(fix(after), device=SPARE, received=after), now=after)
    assert recorded.readings == 1


def test_a_late_fix_of_the_new_bracelet_is_folded_from_what_it_began_with(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    spare = changed(database, tracked, heard_before=False)
    later = CHANGED + 10 * MINUTE
    fixes = minutes(CHANGED, [BEYOND] * 10)
    for one in (*fixes[:4], *fixes[5:], fixes[4]):
        ingester.take(heard(one, device=SPARE, received=later), now=later)
    live = state_of(database, spare).zones
    assert replays.run(database, later) == 1
    assert len(state_of(database, spare).zones) == len(live)
    (incident,) = incidents_of(database)
    assert (incident.facts["times"], incident.ended_at) == (1, None)
    with database.reading() as session:
        superseded = select(ZoneChange).where(ZoneChange.superseded_at.is_not(None))
        assert session.scalars(superseded).all() == []


def test_only_what_is_worn_is_replaced_and_not_by_itself(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, device = session.get_one(Case, tracked.case), session.get_one(Device, tracked.device)
        with pytest.raises(Refused, match="this very bracelet"):
            bracelets.replace(session, case, device, NOW)
        bracelets.unbind(session, device, NOW)
        with pytest.raises(Refused, match="wears no bracelet"):
            bracelets.replace(session, case, device, NOW)
