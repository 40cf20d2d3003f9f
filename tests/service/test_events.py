"""The way of an event: kept raw, judged once, ended by its counterpart or by a word."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets
from correction_service.tracking.fixes import Recorder
from models.device import Device, Gateway
from models.fix import DeviceEvent
from models.incident import IncidentKind, IncidentState
from models.order import PositioningOrder
from tests.county import NOW
from tests.tracked import (
    Tracked,
    event,
    fix,
    heard,
    incidents_of,
    live,
    live_at,
    state_of,
    take,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)


RAISING = {
    "strap_open": IncidentKind.STRAP_OPENED,
    "case_open": IncidentKind.CASE_OPENED,
    "separated": IncidentKind.SEPARATED,
    "jamming": IncidentKind.JAMMED,
    "power_off": IncidentKind.POWER_OFF,
    "sos": IncidentKind.SOS,
}


def test_events_open_their_incidents_at_once_and_once(database: Database, tracked: Tracked) -> None:
    said = [event(NOW, name, detail="x" * 2000) for name in RAISING]
    for one in (*said, *said):
        live_at(database, one, NOW)
    found = incidents_of(database)
    assert [incident.kind for incident in found] == list(RAISING.values())
    assert {(incident.since, incident.facts["times"]) for incident in found} == {(NOW, 1)}
    with database.reading() as session:
        raw = set(session.scalars(select(DeviceEvent.raw)))
        assert raw == {msgspec.json.encode(one) for one in said}


def test_what_stops_by_itself_is_marked_as_ended(database: Database, tracked: Tracked) -> None:
    stopped = NOW + timedelta(minutes=1)
    for name in ("strap_open", "separated", "power_off"):
        live_at(database, event(NOW, name), NOW)
    for name in ("strap_closed", "reunited", "charging"):
        live_at(database, event(stopped, name), stopped)
    found = incidents_of(database)
    assert [(it.state, it.ended_at) for it in found] == [(IncidentState.OPEN, stopped)] * 3


def test_harmless_events_are_kept_and_raise_nothing(database: Database, tracked: Tracked) -> None:
    names = ["battery_low", "charging", "strap_closed", "reunited"]
    for name in names:
        live_at(database, event(NOW, name), NOW)
    assert incidents_of(database) == []
    with database.reading() as session:
        query = select(DeviceEvent.event).order_by(DeviceEvent.seq)
        assert session.scalars(query).all() == names


@pytest.mark.parametrize("clock", ["1970-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"])
def test_an_event_with_a_wrong_clock_is_judged_by_its_receipt(
    database: Database, tracked: Tracked, clock: str
) -> None:
    live_at(database, {**event(NOW, "strap_open"), "time": clock}, NOW)
    (incident,) = incidents_of(database)
    assert incident.since == NOW + 2 * SECOND
    assert incident.facts["clock_bad"] is True


def test_without_an_order_events_are_kept_but_only_a_call_for_help_raises(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).lifted_at = NOW
    for name in ("strap_open", "sos"):
        live_at(database, event(NOW, name), NOW)
    assert [it.kind for it in incidents_of(database)] == [IncidentKind.SOS]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(DeviceEvent)) == 2


def test_an_event_of_a_bracelet_that_nobody_wears_is_refused(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        bracelets.unbind(session, session.get_one(Device, tracked.device), NOW - SECOND)
    recorded = live_at(database, event(NOW, "strap_open"), NOW)
    assert [it.reason for it in recorded.refusals] == ["unbound"]


def test_a_strap_seen_open_in_a_fix_raises_where_the_event_was_lost(
    database: Database, tracked: Tracked
) -> None:
    straps = ["closed", "open", "open", "closed"]
    live(
        database,
        [fix(NOW + timedelta(minutes=at), strap=strap) for at, strap in enumerate(straps)],
    )
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.facts["told_by"]) == (IncidentKind.STRAP_OPENED, "fix")
    assert (incident.since, incident.ended_at) == (
        NOW + timedelta(minutes=1),
        NOW + timedelta(minutes=3),
    )


def test_a_strap_that_an_event_told_open_is_not_told_again_by_fixes(
    database: Database, tracked: Tracked
) -> None:
    live_at(database, event(NOW, "strap_open"), NOW)
    live(database, [fix(NOW + timedelta(minutes=at), strap="open") for at in (1, 2)])
    (incident,) = incidents_of(database)
    assert incident.facts["times"] == 1
    assert state_of(database, tracked.device).strap_open is True


def a_list(
    database: Database, straps: Sequence[str], start: datetime = NOW
) -> list[dict[str, object]]:
    """Fixes with these straps, a minute apart, that come as one list."""
    said = [fix(start + at * MINUTE, strap=strap) for at, strap in enumerate(straps)]
    end = start + len(straps) * MINUTE
    take(database, heard(said, received=end), now=end)
    return said


def test_a_strap_that_opened_and_closed_within_one_list_is_an_incident(
    database: Database, tracked: Tracked
) -> None:
    said = a_list(database, ["closed", "open", "closed", "closed"])
    take(database, heard(said, received=LATER), now=LATER)
    (incident,) = incidents_of(database)
    assert (incident.since, incident.ended_at) == (NOW + MINUTE, NOW + 2 * MINUTE)
    assert (incident.open_key is not None, incident.facts["times"]) == (True, 1)
    assert state_of(database, tracked.device).strap_open is False


def test_every_opening_within_one_list_is_counted(database: Database, tracked: Tracked) -> None:
    a_list(database, ["open", "closed", "open", "closed", "open"])
    (incident,) = incidents_of(database)
    assert (incident.since, incident.ended_at, incident.facts["times"]) == (NOW, None, 3)


def test_an_open_strap_that_only_late_fixes_show_is_an_incident_that_is_over(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["closed"])
    a_list(database, ["closed"], NOW + 20 * MINUTE)
    late = [fix(NOW + at * MINUTE, strap=strap) for at, strap in ((5, "open"), (6, "open"))]
    take(database, heard([late[0], *late], received=LATER), now=LATER)
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.facts["told_by"]) == (IncidentKind.STRAP_OPENED, "late_fix")
    assert (incident.since, incident.ended_at) == (NOW + 5 * MINUTE, NOW + 20 * MINUTE)
    assert (incident.open_key is not None, incident.facts["times"]) == (True, 1)


def test_late_fixes_with_an_open_strap_raise_nothing_twice(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["closed", "open"])
    a_list(database, ["open", "closed"], NOW + 20 * MINUTE)
    late = [fix(NOW + at * MINUTE, strap="open") for at in (0.5, 10)]
    for again in range(2):
        at = LATER + again * MINUTE
        take(database, heard(late, received=at), now=at)
    (incident,) = incidents_of(database)
    assert (incident.facts["times"], incident.facts["told_by"]) == (2, "late_fix")
    assert incident.ended_at == NOW + 21 * MINUTE


def test_a_late_open_strap_of_one_that_is_open_still_goes_on(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["open"], NOW + 20 * MINUTE)
    take(database, heard(fix(NOW, strap="open"), received=LATER), now=LATER)
    (incident,) = incidents_of(database)
    assert (incident.ended_at, incident.facts["times"]) == (None, 2)


def test_a_late_word_of_an_opening_before_the_known_closing_leaves_the_strap_closed(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["closed"])
    a_list(database, ["closed", "closed"], NOW + 20 * MINUTE)
    late = event(NOW + 5 * MINUTE, "strap_open")
    take(database, heard(late, kind="event", received=LATER), now=LATER)
    assert state_of(database, tracked.device).strap_open is False
    (incident,) = incidents_of(database)
    assert (incident.since, incident.ended_at) == (NOW + 5 * MINUTE, NOW + 20 * MINUTE)
    assert (incident.open_key is not None, incident.facts["times"]) == (True, 1)


def test_the_known_closing_may_itself_be_an_event(database: Database, tracked: Tracked) -> None:
    live_at(database, event(NOW + 20 * MINUTE, "strap_closed"), NOW + 20 * MINUTE)
    late = event(NOW + 5 * MINUTE, "strap_open")
    take(database, heard(late, kind="event", received=LATER), now=LATER)
    assert state_of(database, tracked.device).strap_open is False
    (incident,) = incidents_of(database)
    assert incident.ended_at == NOW + 20 * MINUTE


def test_a_late_word_of_an_opening_that_nothing_contradicts_opens_the_strap(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["closed"])
    live(database, [fix(NOW + 20 * MINUTE)])
    late = event(NOW + 5 * MINUTE, "strap_open")
    take(database, heard(late, kind="event", received=LATER), now=LATER)
    assert state_of(database, tracked.device).strap_open is True
    (incident,) = incidents_of(database)
    assert incident.ended_at is None


def test_a_late_opening_and_its_closing_leave_a_later_opening_as_it_is(
    database: Database, tracked: Tracked
) -> None:
    a_list(database, ["closed"])
    a_list(database, ["closed", "open"], NOW + 20 * MINUTE)
    late = [event(NOW + 5 * MINUTE, "strap_open"), event(NOW + 6 * MINUTE, "strap_closed")]
    for one in late:
        take(database, heard(one, kind="event", received=LATER), now=LATER)
    assert state_of(database, tracked.device).strap_open is True
    (incident,) = incidents_of(database)
    assert incident.ended_at is None


def test_a_word_from_a_silent_bracelet_ends_its_silence(
    database: Database, tracked: Tracked
) -> None:
    live_at(database, event(NOW, "power_off"), NOW)
    back = NOW + timedelta(hours=2)
    live_at(database, fix(back), back)
    (incident,) = incidents_of(database)
    assert incident.ended_at == back + 2 * SECOND


def test_a_gateway_says_whether_it_is_there(database: Database, tracked: Tracked) -> None:
    for state, online in (("online", True), ("offline", False)):
        said = {"state": state, "time": NOW.isoformat()}
        take(database, heard(said, kind="status", device=""))
        with database.reading() as session:
            gateway = session.get_one(Gateway, tracked.gateway)
            assert (gateway.online, gateway.heard_at) == (online, NOW)


def test_a_last_will_in_a_batch_that_was_rolled_back_is_kept_with_the_next_try(
    database: Database, tracked: Tracked
) -> None:
    recorder = Recorder()
    will = heard({"state": "offline", "time": NOW.isoformat()}, kind="status", device="")
    with database.transaction(SYSTEM, "test") as session:
        recorder.record(session, [will], NOW)
        session.rollback()
    recorder.forget()
    with database.transaction(SYSTEM, "test") as session:
        recorder.record(session, [will], NOW)
    with database.reading() as session:
        assert session.get_one(Gateway, tracked.gateway).online is False


def test_a_last_will_is_no_sign_of_life(database: Database, tracked: Tracked) -> None:
    for minute, state in enumerate(("online", "offline")):
        said = {"state": state, "time": NOW.isoformat()}
        at = NOW + minute * MINUTE
        take(database, heard(said, kind="status", device="", received=at), now=at)
    with database.reading() as session:
        gateway = session.get_one(Gateway, tracked.gateway)
        assert (gateway.online, gateway.heard_at) == (False, NOW)
