"""Late fixes are folded into the past, and what was known before stays to be seen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking import replays
from correction_service.tracking.device_states import Overtaken
from correction_service.tracking.roster import Roster
from correction_service.zones import bands, late_folds
from models.agency import Office
from models.device import Gateway, ReplayDue, StateSnapshot
from models.fix import PackedDay
from models.memory import unpack
from models.zone import ZoneChange, ZoneState
from tests.county import NOW, County, make_case
from tests.tracked import (
    BEYOND,
    DEVICE,
    HUICHUAN,
    Tracked,
    fix,
    heard,
    incidents_of,
    minutes,
    state_of,
    take,
    track,
)

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)
OTHER = "B0002"


def moment(said: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(said["time"]))


def come(
    database: Database,
    said: Sequence[dict[str, object]],
    device: str = DEVICE,
    now: datetime | None = None,
) -> None:
    """Fixes come together, right after the last of them unless said otherwise."""
    at = now or max(map(moment, said)) + timedelta(seconds=2)
    take(database, heard(said, device=device, received=at), now=at)


def due(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(ReplayDue)) or 0


def held(database: Database, zone: int) -> list[tuple[ZoneState, datetime, datetime]]:
    """What is held to be true of a zone, in order."""
    with database.reading() as session:
        query = select(ZoneChange.state, ZoneChange.since, ZoneChange.decided_at)
        mine = query.where(ZoneChange.zone_id == zone, ZoneChange.superseded_at.is_(None))
        rows = session.execute(mine.order_by(ZoneChange.decided_at))
        return [(row.state, row.since, row.decided_at) for row in rows]


def remembered(database: Database, device: int) -> list[tuple[object, ...]]:
    """The packed memory of a device, without the ids of its zones."""
    return [tuple(map(str, list(it)[1:])) for it in unpack(state_of(database, device).zones)]


def snapshots(database: Database, device: int) -> list[tuple[object, ...]]:
    with database.reading() as session:
        rows = session.scalars(select(StateSnapshot).where(StateSnapshot.device_id == device))
        return [
            (row.day, row.time, *(str(list(it)[1:]) for it in unpack(row.zones))) for row in rows
        ]


@pytest.fixture
def home_then_gap(database: Database, tracked: Tracked) -> Tracked:
    """Live: at home for 20 minutes, and at home again after a quarter of an hour of nothing."""
    come(database, minutes(NOW, [HUICHUAN] * 20))
    come(database, minutes(NOW + 36 * MINUTE, [HUICHUAN] * 10))
    return tracked


def test_a_departure_that_only_late_fixes_show_is_opened_as_ended(
    database: Database, home_then_gap: Tracked
) -> None:
    before = held(database, home_then_gap.zone)
    come(database, minutes(NOW + 21 * MINUTE, [BEYOND] * 14), now=LATER)
    assert (due(database), incidents_of(database)) == (1, [])
    assert replays.run(database, LATER) == 1
    assert due(database) == 0
    states = [state for state, _, _ in held(database, home_then_gap.zone)]
    assert states == [ZoneState.INSIDE, ZoneState.OUTSIDE, ZoneState.INSIDE]
    assert held(database, home_then_gap.zone)[0] == before[0]
    (incident,) = incidents_of(database)
    assert incident.since == NOW + 21 * MINUTE
    assert incident.ended_at == NOW + 36 * MINUTE
    assert incident.open_key is not None
    assert (incident.facts["late"], incident.facts["ended_by"]) == (True, "back")


def test_the_earlier_view_is_kept(database: Database, home_then_gap: Tracked) -> None:
    come(database, minutes(NOW + 21 * MINUTE, [BEYOND] * 14), now=LATER)
    replays.run(database, LATER)
    span = (home_then_gap.case, NOW, NOW + 46 * MINUTE)
    with database.reading() as session:
        (now,) = bands.of_case(session, *span)
        (then,) = bands.of_case(session, *span, as_of=LATER - MINUTE)
    assert ZoneState.OUTSIDE in {it.state for it in now.stretches}
    assert {it.state for it in then.stretches} == {ZoneState.INSIDE}


def test_late_fixes_that_show_the_wearer_inside_end_what_was_not_so(
    database: Database, tracked: Tracked
) -> None:
    come(database, minutes(NOW, [HUICHUAN] * 7))
    away = [fix(NOW + minute * MINUTE, BEYOND) for minute in range(8, 18, 2)]
    come(database, away)
    (opened,) = incidents_of(database)
    assert opened.ended_at is None
    between = [
        fix(moment(it) + seconds * timedelta(seconds=1)) for it in away for seconds in (20, 60)
    ]
    come(database, between[:-2], now=LATER)
    replays.run(database, LATER)
    assert [state for state, _, _ in held(database, tracked.zone)] == [ZoneState.INSIDE]
    (incident,) = incidents_of(database)
    assert incident.ended_at == moment(away[-1])
    assert incident.facts["ended_by"] == "late_fixes"
    assert incident.open_key is not None, "an officer closes it with a cause"
    with database.reading() as session:
        gone = session.scalars(select(ZoneChange).where(ZoneChange.superseded_at.is_not(None)))
        assert [it.state for it in gone] == [ZoneState.OUTSIDE]


def test_a_departure_that_began_earlier_than_was_seen_stays_one_incident(
    database: Database, tracked: Tracked
) -> None:
    come(database, minutes(NOW, [HUICHUAN] * 7))
    come(database, minutes(NOW + 20 * MINUTE, [BEYOND] * 7))
    come(database, minutes(NOW + 8 * MINUTE, [BEYOND] * 7), now=LATER)
    replays.run(database, LATER)
    assert len(incidents_of(database)) == 1
    assert held(database, tracked.zone)[-1][1] == NOW + 8 * MINUTE


def test_a_replay_again_changes_nothing(database: Database, home_then_gap: Tracked) -> None:
    late = minutes(NOW + 21 * MINUTE, [BEYOND] * 14)
    come(database, late, now=LATER)
    replays.run(database, LATER)
    known = held(database, home_then_gap.zone), state_of(database, home_then_gap.device).revision
    with database.transaction(SYSTEM, "test") as session:
        since = moment(late[0])
        session.add(ReplayDue(device_id=home_then_gap.device, since=since, marked_at=LATER))
    assert replays.run(database, LATER + MINUTE) == 1
    after = held(database, home_then_gap.zone), state_of(database, home_then_gap.device).revision
    assert after == known
    assert len(incidents_of(database)) == 1


def test_duplicates_make_no_replay(database: Database, tracked: Tracked) -> None:
    fixes = minutes(NOW, [HUICHUAN] * 7)
    come(database, fixes)
    come(database, fixes, now=LATER)
    assert due(database) == 0


@pytest.mark.parametrize("seed", range(2))
def test_a_replay_gives_what_the_fixes_in_order_would_have_given(
    database: Database, county: County, tracked: Tracked, seed: int
) -> None:
    dice = Random(seed)  # noqa: S311 - a walk, not a secret
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), 2)
        second = track(session, case, county, OTHER, session.get_one(Gateway, tracked.gateway))
    start = NOW.replace(hour=22) - timedelta(days=1)  # over midnight of UTC
    places = [place for _ in range(8) for place in [dice.choice((HUICHUAN, BEYOND))] * 9]
    walk = [fix(start + number * 3 * MINUTE, place) for number, place in enumerate(places)]
    held_back = [it for it in walk[:-1] if dice.random() < 0.4]
    on_time = [it for it in walk if it not in held_back]
    dice.shuffle(held_back)
    for at in range(0, len(walk), 10):  # the 40th is the first of a day
        come(database, walk[at : at + 10], OTHER)
    for at in range(0, len(on_time), 10):
        come(database, on_time[at : at + 10])
    for part in (held_back[::2], held_back[1::2]):
        come(database, part, now=LATER)
        assert replays.run(database, LATER) == 1
    assert held(database, tracked.zone) == held(database, second.zone)
    assert remembered(database, tracked.device) == remembered(database, second.device)
    assert snapshots(database, tracked.device) == snapshots(database, second.device)
    mine, others = (
        [it.ended_at for it in incidents_of(database) if it.case_id == of.case]
        for of in (tracked, second)
    )
    assert bool(mine) == bool(others)
    assert (mine[-1:] == [None]) == (others[-1:] == [None])


def test_a_state_that_changed_meanwhile_leaves_the_replay_for_later(
    database: Database, tracked: Tracked
) -> None:
    come(database, minutes(NOW, [HUICHUAN] * 20))
    come(database, [fix(NOW + part * MINUTE, BEYOND) for part in (18.4, 18.7)], now=LATER)
    roster = Roster()
    with database.reading() as session:
        (walk,) = late_folds.fold(session, roster, [tracked.device], LATER)
    come(database, [fix(NOW + 21 * MINUTE)])
    with pytest.raises(Overtaken), database.transaction(SYSTEM, "test") as session:
        replays.keep(session, roster, walk, LATER)
    assert due(database) == 1
    assert replays.run(database, LATER) == 1
    assert due(database) == 0


def test_late_fixes_that_come_meanwhile_are_not_forgotten(
    database: Database, home_then_gap: Tracked
) -> None:
    late = minutes(NOW + 21 * MINUTE, [BEYOND] * 14)
    come(database, late[:1], now=LATER)
    roster = Roster()
    with database.reading() as session:
        (walk,) = late_folds.fold(session, roster, [home_then_gap.device], LATER)
    come(database, late[1:], now=LATER + MINUTE)
    with database.transaction(SYSTEM, "test") as session:
        replays.keep(session, roster, walk, LATER)
    assert due(database) == 1
    replays.run(database, LATER + MINUTE)
    assert [it.since for it in incidents_of(database)] == [NOW + 21 * MINUTE]


def test_many_are_replayed_together_each_with_its_own_past(
    database: Database, county: County, home_then_gap: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), 2)
        speaker = session.get_one(Gateway, home_then_gap.gateway)
        second = track(session, case, county, OTHER, speaker)
    come(database, minutes(NOW, [HUICHUAN] * 20), OTHER)
    come(database, minutes(NOW + 36 * MINUTE, [HUICHUAN] * 10), OTHER)
    come(database, minutes(NOW + 21 * MINUTE, [BEYOND] * 14), now=LATER)
    come(database, minutes(NOW + 21 * MINUTE, [HUICHUAN] * 14), OTHER, now=LATER)
    assert replays.run(database, LATER) == 2
    assert [it.case_id for it in incidents_of(database)] == [home_then_gap.case]
    assert [state for state, _, _ in held(database, second.zone)] == [ZoneState.INSIDE]


def forgotten(database: Database) -> None:
    """What the snapshots remember was made by a rule that is no more."""
    with database.transaction(SYSTEM, "test") as session:
        for snapshot in session.scalars(select(StateSnapshot)):
            snapshot.zones = b"\x01" + snapshot.zones[1:]


@pytest.fixture
def away_over_midnight(database: Database, tracked: Tracked) -> Tracked:
    """Live: at home, then away from 23:40 UTC on, and seen away twice after midnight."""
    start = NOW.replace(hour=23, minute=20)
    come(database, minutes(start, [HUICHUAN] * 7))
    come(database, minutes(start + 20 * MINUTE, [BEYOND] * 15))
    come(database, [fix(start + 42 * MINUTE, BEYOND), fix(start + 52 * MINUTE, BEYOND)])
    forgotten(database)
    return tracked


def test_a_replay_that_cannot_tell_changes_no_incident(
    database: Database, away_over_midnight: Tracked
) -> None:
    (before,) = incidents_of(database)
    come(database, [fix(before.since + 25 * MINUTE, BEYOND)], now=before.since + 60 * MINUTE)
    assert replays.run(database, LATER + timedelta(days=1)) == 1
    (incident,) = incidents_of(database)
    assert (incident.ended_at, incident.facts) == (None, before.facts)


def test_a_replay_that_knows_no_beginning_ends_an_incident_but_does_not_deny_it(
    database: Database, away_over_midnight: Tracked
) -> None:
    (before,) = incidents_of(database)
    back = before.since + 23 * MINUTE
    come(database, minutes(back, [HUICHUAN] * 7), now=before.since + 60 * MINUTE)
    assert replays.run(database, LATER + timedelta(days=1)) == 1
    (incident,) = incidents_of(database)
    assert (incident.ended_at, incident.facts["ended_by"]) == (back, "back")


def test_a_device_that_is_overtaken_is_folded_alone_again_at_once(
    database: Database, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(database, minutes(NOW, [HUICHUAN] * 20))
    come(database, [fix(NOW + part * MINUTE, BEYOND) for part in (18.4, 18.7)], now=LATER)
    folded: list[Sequence[int]] = []

    def overtaken(
        session: Session, roster: Roster, device_ids: Sequence[int], now: datetime
    ) -> list[late_folds.Walk]:
        walks = late_folds.fold(session, roster, device_ids, now)
        folded.append(device_ids)
        if len(folded) == 1:
            session.rollback()
            come(database, [fix(NOW + 21 * MINUTE)])
        return walks

    monkeypatch.setattr(replays, "fold", overtaken)
    assert replays.run(database, LATER) == 1
    assert (due(database), folded) == (0, [[tracked.device]] * 2)


def test_a_device_that_cannot_be_folded_holds_up_no_other(
    database: Database, county: County, home_then_gap: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), 2)
        speaker = session.get_one(Gateway, home_then_gap.gateway)
        broken = track(session, case, county, OTHER, speaker)
        torn = PackedDay(device_id=broken.device, day=NOW.date(), edition=1, packed_at=NOW)
        torn.fixes, torn.codec, torn.digest, torn.data = 1, "planes-1", bytes(32), b"torn"
        session.add(torn)
    come(database, minutes(NOW, [HUICHUAN] * 7), OTHER)
    come(database, [fix(NOW + 1.5 * MINUTE)], OTHER, now=LATER - MINUTE)
    come(database, minutes(NOW + 21 * MINUTE, [BEYOND] * 14), now=LATER)
    monkeypatch.setattr(replays, "MOST", 1)
    assert [replays.run(database, LATER + MINUTE) for _ in range(2)] == [0, 1]
    with database.reading() as session:
        (left,) = session.scalars(select(ReplayDue))
        assert (left.device_id, left.marked_at) == (broken.device, LATER + MINUTE)


def test_a_fault_in_one_fold_leaves_the_others_to_be_done_alone(
    database: Database, county: County, home_then_gap: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), 2)
        speaker = session.get_one(Gateway, home_then_gap.gateway)
        faulty = track(session, case, county, OTHER, speaker).device
    come(database, minutes(NOW, [HUICHUAN] * 7), OTHER)
    come(database, [fix(NOW + 1.5 * MINUTE)], OTHER, now=LATER)
    come(database, minutes(NOW + 21 * MINUTE, [BEYOND] * 14), now=LATER)

    def at_fault(
        session: Session, roster: Roster, device_ids: Sequence[int], now: datetime
    ) -> list[late_folds.Walk]:
        if faulty in device_ids:
            raise ValueError
        return late_folds.fold(session, roster, device_ids, now)

    monkeypatch.setattr(replays, "fold", at_fault)
    assert replays.run(database, LATER) == 1
    with database.reading() as session:
        assert session.scalars(select(ReplayDue.device_id)).all() == [faulty]
    assert [it.case_id for it in incidents_of(database)] == [home_then_gap.case]
