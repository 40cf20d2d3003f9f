"""Telemetry goes when its time is over, not before, and the log says how much went."""

from datetime import timedelta

from sqlalchemy import func, insert, select, update

from correction_service import retention
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.storage import history, packing
from correction_service.tracking import ingest_minutes
from correction_service.tracking.meters import Tally
from models.agency import Office
from models.audit import AuditRecord
from models.base import Base
from models.case import Case, CaseState
from models.command import CommandState, DeviceCommand
from models.device import Binding, StateSnapshot
from models.fix import DeviceEvent, Fix, PackedDay, Reject
from models.standing import StandingChange
from models.telemetry import IngestMinute
from tests.county import NOW, County, make_case
from tests.history import store, wandering
from tests.tracked import FITTED, Tracked, event, live_at

YEAR = timedelta(days=365)
START = history.midnight(FITTED.date() + timedelta(days=1))
ENDED = NOW


def count(database: Database, of: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(of)) or 0


def end(database: Database, case_id: int, *, taken_off: bool = True) -> None:
    with database.transaction(SYSTEM, "test") as session:
        over = {"state": CaseState.RELEASED, "state_since": ENDED}
        session.execute(update(Case).where(Case.id == case_id).values(over))
        if taken_off:
            worn = update(Binding).where(Binding.case_id == case_id, Binding.unbound_at.is_(None))
            session.execute(worn.values(unbound_at=ENDED))


def follow(database: Database, settings: Settings, tracked: Tracked) -> None:
    """A packed day, a day that is still hot, and an event."""
    store(database, wandering(tracked.device, START, 20))
    packing.run(database, settings, NOW)
    store(database, wandering(tracked.device, NOW - timedelta(hours=1), 20))
    live_at(database, event(NOW - timedelta(hours=2), "battery_low"), NOW - timedelta(hours=2))


def test_what_a_bracelet_said_goes_a_year_after_its_case_ended(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    follow(database, settings, tracked)
    end(database, tracked.case)
    retention.run(database, settings, ENDED + YEAR)
    assert [count(database, of) for of in (PackedDay, Fix, DeviceEvent)] == [1, 20, 1]
    retention.run(database, settings, ENDED + YEAR + timedelta(seconds=1))
    assert [count(database, of) for of in (PackedDay, Fix, DeviceEvent)] == [0, 0, 0]
    logged = select(AuditRecord.detail).where(
        AuditRecord.action == "deleted", AuditRecord.subject_kind == "supervised_case"
    )
    with database.reading() as session:
        [detail] = session.scalars(logged)
    rows = {kind: it["rows"] for kind, it in detail["kinds"].items()}
    assert rows == {"packed_day": 1, "fix": 20, "device_event": 1}


def test_a_bracelet_left_on_at_the_end_keeps_nothing_longer(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    follow(database, settings, tracked)
    end(database, tracked.case, taken_off=False)
    retention.run(database, settings, ENDED + YEAR + timedelta(days=1))
    assert [count(database, of) for of in (PackedDay, Fix, DeviceEvent)] == [0, 0, 0]


def test_a_case_that_goes_on_keeps_all(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    follow(database, settings, tracked)
    retention.run(database, settings, ENDED + 3 * YEAR)
    assert [count(database, of) for of in (PackedDay, Fix, DeviceEvent)] == [1, 20, 1]


def test_a_day_on_which_a_bracelet_changed_wrists_stays_as_long_as_either_needs_it(
    database: Database, settings: Settings, tracked: Tracked, county: County
) -> None:
    store(database, wandering(tracked.device, START, 20))
    packing.run(database, settings, NOW)
    end(database, tracked.case)
    with database.transaction(SYSTEM, "test") as session:
        worn = update(Binding).where(Binding.case_id == tracked.case)
        session.execute(worn.values(unbound_at=START + timedelta(minutes=10)))
        case = make_case(session, session.get_one(Office, county.office), 2)
        fitted = START + timedelta(minutes=11)
        session.add(Binding(device_id=tracked.device, case=case, bound_at=fitted))
    retention.run(database, settings, ENDED + 2 * YEAR)
    assert count(database, PackedDay) == 1


def test_technical_rows_go_by_age(database: Database, settings: Settings, tracked: Tracked) -> None:
    old, young = NOW - timedelta(days=91), NOW - timedelta(days=89)
    refused = {"reason": "no_order", "digest": b"", "times": 1}
    asked = {"device_id": tracked.device, "kind": "locate"}
    with database.transaction(SYSTEM, "test") as session:
        session.execute(insert(Reject), [{"received": at, **refused} for at in (old, young)])
        session.execute(
            insert(StateSnapshot),
            [
                {"device_id": 1, "day": at.date(), "zones": b""}
                for at in (old, NOW - timedelta(days=29))
            ],
        )
        session.execute(
            insert(DeviceCommand),
            [
                {"id": f"{at}{state}", "asked_at": at, "expires_at": at, "state": state, **asked}
                for at in (old, young)
                for state in (CommandState.DONE, CommandState.SENT)
            ],
        )
        for at in (old, young):
            minute = ingest_minutes.row("one", at, at, at, Tally())
            here = {"connected": True, "queue_max": 0, "memory_bytes": 1}
            ingest_minutes.keep(session, [minute | here])
    retention.run(database, settings, NOW)
    assert count(database, Reject) == 1
    assert count(database, IngestMinute) == 1
    assert count(database, StateSnapshot) == 1
    assert count(database, DeviceCommand) == 3


def test_notes_for_ingest_go_a_day_after_they_were_seen(
    database: Database, tracked: Tracked
) -> None:
    notes = retention.StandingNotes()
    before = count(database, StandingChange)
    assert before > 1
    for hours, gone in ((0, 0), (23, 0), (24, before - 1), (25, 0)):
        with database.transaction(SYSTEM, "test") as session:
            assert notes.forget(session, NOW + timedelta(hours=hours)) == gone
            session.execute(update(Case).where(Case.id == tracked.case).values(state_since=NOW))
    assert count(database, StandingChange) > 0
