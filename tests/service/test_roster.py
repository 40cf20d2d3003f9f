"""What ingest keeps in memory: never ahead of the law, never over another's word."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from correction_service import retention
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets
from correction_service.tracking import register
from correction_service.tracking.device_states import Overtaken
from correction_service.tracking.fixes import Recorded, Recorder
from correction_service.tracking.gate import Heard
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.case import Case, CaseState
from models.device import Device, DeviceState, Gateway, Protocol, ReplayDue, StateSnapshot
from models.fix import Fix, Reject
from models.order import PositioningOrder
from models.standing import StandingChange
from models.zone import Zone, ZoneKind
from tests.county import NOW
from tests.tracked import BEYOND, HUICHUAN, Tracked, fix, heard, incidents_of, minutes, state_of

MINUTE = timedelta(minutes=1)


class Ingester:
    """A recorder that lives on, as the ingest process's does."""

    def __init__(self, database: Database) -> None:
        self.database, self.recorder = database, Recorder()

    def take(self, *batch: Heard, now: datetime = NOW) -> Recorded:
        try:
            with self.database.transaction(SYSTEM, "test") as session:
                return self.recorder.record(session, batch, now)
        except BaseException:
            self.recorder.forget()
            raise

    def reasons(self, at: datetime) -> list[str]:
        """Why a fix of this moment is refused now; nothing where it is stored."""
        return [it.reason for it in self.take(heard(fix(at), received=at), now=at).refusals]


@pytest.fixture
def ingester(database: Database, tracked: Tracked) -> Ingester:
    """One that has heard the bracelet before, so that it need not ask the database."""
    made = Ingester(database)
    assert made.reasons(NOW) == []
    return made


def lift(database: Database, tracked: Tracked, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).lifted_at = at


def lift_in_bulk(database: Database, tracked: Tracked, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        chosen = PositioningOrder.id == tracked.order
        session.execute(update(PositioningOrder).where(chosen).values(lifted_at=at))


def release(database: Database, tracked: Tracked, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, tracked.case).move(CaseState.RELEASED, at)


def take_off(database: Database, tracked: Tracked, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        bracelets.unbind(session, session.get_one(Device, tracked.device), at)


def close_gateway(database: Database, tracked: Tracked, _at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Gateway, tracked.gateway).active = False


def register_otherwise(database: Database, tracked: Tracked, _at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Device, tracked.device).protocol = Protocol.TRACCAR


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lift, "no_order"),
        (lift_in_bulk, "no_order"),
        (release, "no_order"),
        (take_off, "unbound"),
        (close_gateway, "wrong_gateway"),
        (register_otherwise, "wrong_protocol"),
    ],
)
def test_what_changed_a_moment_ago_stops_the_next_fix(
    database: Database,
    tracked: Tracked,
    ingester: Ingester,
    change: Callable[[Database, Tracked, datetime], None],
    reason: str,
) -> None:
    assert ingester.reasons(NOW + MINUTE) == []
    change(database, tracked, NOW + MINUTE)
    assert ingester.reasons(NOW + 2 * MINUTE) == [reason]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
def test_a_change_that_commits_after_a_later_one_is_not_missed(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    """Ids of notes are given out before their transactions commit."""
    with database.transaction(SYSTEM, "test") as slow:
        slow.get_one(PositioningOrder, tracked.order).lifted_at = NOW + MINUTE
        slow.flush()
        with database.transaction(SYSTEM, "test") as quick:
            quick.get_one(Gateway, tracked.gateway).name = "gw-renamed"
        with database.transaction(SYSTEM, "test") as quick:
            quick.get_one(Gateway, tracked.gateway).name = "gw-1"
        assert ingester.reasons(NOW + 2 * MINUTE) == []
    assert ingester.reasons(NOW + 3 * MINUTE) == ["no_order"]


def test_an_order_that_is_renewed_goes_on(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(PositioningOrder, tracked.order)
        values = {
            c.key: getattr(first, c.key) for c in PositioningOrder.__table__.c if c.key != "id"
        }
        ends = NOW + 5 * MINUTE
        session.add(PositioningOrder(**values | {"starts_at": ends, "ends_at": ends + 60 * MINUTE}))
        first.ends_at = ends
    assert [ingester.reasons(NOW + at * MINUTE) for at in (4, 5, 6, 70)] == [
        [],
        [],
        [],
        ["no_order"],
    ]


def test_an_order_that_begins_after_the_first_word_is_seen(
    database: Database, tracked: Tracked
) -> None:
    early = Ingester(database)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).starts_at = NOW
    assert early.reasons(NOW - MINUTE) == ["no_order"]
    assert [early.reasons(NOW + at * MINUTE) for at in (0, 1, 2)] == [[], [], []]


def test_a_bracelet_that_is_renamed_is_a_stranger_under_its_old_name(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Device, tracked.device).name = "B-other"
    assert ingester.reasons(NOW + MINUTE) == ["unknown_device"]


def test_what_is_read_before_it_speaks_is_as_lawful(database: Database, tracked: Tracked) -> None:
    warm = Ingester(database)
    with database.reading() as session:
        warm.recorder.warm(session, register.worn(session), NOW)
        assert list(register.worn(session, ["gw-9"])) == []
    assert warm.recorder.devices_known == 1
    lift(database, tracked, NOW + MINUTE)
    assert [warm.reasons(NOW), warm.reasons(NOW + 2 * MINUTE)] == [[], ["no_order"]]


def test_a_zone_made_a_moment_ago_is_watched(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        terms = Terms(kind=ZoneKind.EXCLUSION, name="学校", valid_from=NOW)
        lat, lon = HUICHUAN
        made = zones.circle(session, case, terms, lat=lat, lon=lon, radius_m=500)
    for one in minutes(NOW + MINUTE, [HUICHUAN] * 6):
        at = datetime.fromisoformat(str(one["time"]))
        ingester.take(heard(one, received=at), now=at)
    assert [it.zone_id for it in incidents_of(database)] == [made.id]


def test_a_zone_that_ends_ends_its_incident_and_is_forgotten(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    for one in minutes(NOW + MINUTE, [BEYOND] * 6):
        at = datetime.fromisoformat(str(one["time"]))
        ingester.take(heard(one, received=at), now=at)
    with database.transaction(SYSTEM, "test") as session:
        zones.end(session, session.get_one(Zone, tracked.zone), NOW + 8 * MINUTE)
    assert ingester.reasons(NOW + 9 * MINUTE) == []
    (left,) = incidents_of(database)
    assert left.facts["ended_by"] == "not_in_force"


def test_a_state_that_another_changed_is_not_written_over(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    other = Ingester(database)
    other.take(heard(fix(NOW + MINUTE), received=NOW + MINUTE), now=NOW + MINUTE)
    with pytest.raises(Overtaken):
        ingester.reasons(NOW + 2 * MINUTE)
    assert ingester.reasons(NOW + 2 * MINUTE) == []
    state = state_of(database, tracked.device)
    assert (state.time, state.revision) == (NOW + 2 * MINUTE, 2)


def test_after_a_failed_commit_nothing_is_counted_twice(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    at = NOW + 6 * MINUTE
    walk = heard(minutes(NOW + MINUTE, [BEYOND] * 5), received=at)
    with database.engine.connect() as connection:
        session = Session(connection, info={"actor": SYSTEM, "via": "test"})
        ingester.recorder.record(session, [walk], at)
        session.rollback()
    ingester.recorder.forget()
    assert incidents_of(database) == []
    ingester.take(walk, now=at)
    assert len(incidents_of(database)) == 1
    assert state_of(database, tracked.device).revision == 1


def test_notes_that_were_swept_up_are_not_trusted(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    lift(database, tracked, NOW + MINUTE)
    with database.transaction(SYSTEM, "test") as session:
        session.execute(delete(StandingChange))
    assert ingester.reasons(NOW + timedelta(hours=2)) == ["no_order"]


def test_an_order_lifted_after_every_note_was_swept_up_stops_the_next_fix(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    notes = retention.StandingNotes()
    for at in (NOW, NOW + retention.NOTES_KEPT):
        with database.transaction(SYSTEM, "test") as session:
            notes.forget(session, at)
    lift(database, tracked, NOW + MINUTE)
    assert ingester.reasons(NOW + 2 * MINUTE) == ["no_order"]


def test_a_storm_of_one_refusal_is_kept_as_its_first_and_a_count(
    database: Database, tracked: Tracked
) -> None:
    storm = [heard(fix(NOW, seq=number), device="B-unknown") for number in range(500)]
    Ingester(database).take(*storm)
    with database.reading() as session:
        rows, payloads = session.execute(select(func.count(), func.sum(Reject.times))).one()
    assert (rows, payloads) == (10, 500)


def test_a_late_fix_waits_for_a_replay_and_a_duplicate_does_not(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    late = fix(NOW - 5 * MINUTE)
    for counted in ((1, 0), (0, 1)):
        recorded = ingester.take(heard(late, received=NOW + MINUTE), now=NOW + MINUTE)
        assert (recorded.late, recorded.duplicates) == counted
        with database.transaction(SYSTEM, "test") as session:
            due = session.scalars(select(ReplayDue)).all()
            assert [it.since for it in due] in ([NOW - 5 * MINUTE], [])
            session.execute(delete(ReplayDue))
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Fix)) == 2
        assert session.scalar(select(func.count()).select_from(ReplayDue)) == 0


def test_the_states_before_each_day_are_kept(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    before = state_of(database, tracked.device)
    for days in (1, 1, 3):
        at = NOW + timedelta(days=days)
        ingester.take(heard(fix(at), received=at), now=at)
    with database.reading() as session:
        rows = session.execute(select(StateSnapshot.__table__).order_by(StateSnapshot.day)).all()
    assert [it.day for it in rows] == [(NOW + timedelta(days=it)).date() for it in (1, 3)]
    assert (rows[0].time, rows[0].seq, rows[0].zones) == (before.time, before.seq, before.zones)


def test_bracelets_that_are_not_worn_cost_no_state_of_a_person(
    database: Database, tracked: Tracked, ingester: Ingester
) -> None:
    take_off(database, tracked, NOW + MINUTE)
    assert ingester.reasons(NOW + 2 * MINUTE) == ["unbound"]
    state = state_of(database, tracked.device)
    assert (state.lat, state.zones, state.heard_at) == (None, b"", NOW + 2 * MINUTE)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(DeviceState)) == 1
