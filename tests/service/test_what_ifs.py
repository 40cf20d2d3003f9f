"""What-ifs: the same fold as the live service's, over stored fixes; counts, and no places."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, update

from correction_service import retention
from correction_service.audit import SYSTEM
from correction_service.db import Database, alembic_config
from correction_service.incidents import incidents
from correction_service.schedule import Chores
from correction_service.settings import Settings
from correction_service.storage import packing
from correction_service.zones import what_ifs
from correction_service.zones.what_if_folds import Opening
from correction_service.zones.what_if_results import Recorded, compared
from correction_service.zones.what_if_runs import Runner, sample
from models.agency import Agency, AgencyLevel, Office
from models.audit import AuditRecord
from models.case import Case
from models.device import Gateway
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.fix import PackedDay
from models.incident import Cause, Incident, IncidentKind
from models.rule import RULE
from models.user import Role, User
from models.what_if import WhatIf, WhatIfState
from tests.county import NOW, County, make_case
from tests.service.test_leaves import APPROVAL, approve
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, incidents_of, minutes, take, track

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 3 * HOUR
STRICT = {"decided": 12.0, "lasting": 12.0, "sure_moving_s": 1800.0, "sure_s": 3600.0}
LEFT = IncidentKind.LEFT_HOME_AREA


@pytest.fixture
def storm(database: Database, county: County, tracked: Tracked) -> datetime:
    """An hour at home, a quarter of an hour far away, an hour at home; closed as drift. When."""
    away = NOW - DAY + HOUR
    live(database, [HUICHUAN] * 60 + [BEYOND] * 15 + [HUICHUAN] * 60, NOW - DAY)
    (opened,) = incidents_of(database)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.get_one(Incident, opened.id)
        officer = county.users[Role.OFFICER]
        incidents.close(session, incident, officer, NOW, cause=Cause.POSITION_DRIFT, note="")
    return away


def live(
    database: Database, places: list[tuple[float, float]], start: datetime, **named: str
) -> None:
    """Take fixes a minute, ten minutes of them at a time as they come."""
    fixes = minutes(start, places)
    for first in range(0, len(fixes), 10):
        received = start + timedelta(minutes=first + 10)
        take(database, heard(fixes[first : first + 10], received=received, **named), now=received)


def asked(
    database: Database, county: County, figures: Mapping[str, float], now: datetime = LATER
) -> int:
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        return what_ifs.ask(session, head, figures, now).id


def done(database: Database, settings: Settings, what_if_id: int) -> WhatIf:
    """Run it to its end, a second a turn."""
    runner, now = Runner(database, settings), LATER
    while runner.turn(now):
        now += timedelta(seconds=1)
    return found(database, what_if_id)


def found(database: Database, what_if_id: int) -> WhatIf:
    with database.reading() as session:
        it = session.get_one(WhatIf, what_if_id)
        session.expunge_all()
        return it


def kind_of(result: dict[str, Any]) -> dict[str, Any]:
    ((kind, counts),) = result["kinds"].items()
    assert kind == LEFT.value
    assert isinstance(counts, dict)
    return counts


def test_a_false_alarm_vanishes_under_figures_that_would_have_waited(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    it = done(database, settings, asked(database, county, STRICT))
    assert (it.state, it.progress) == (WhatIfState.DONE, 1.0)
    assert it.present["version"] == RULE.version
    counts = kind_of(it.result)
    assert (counts["present"]["all"], counts["present"]["false"]) == (1, 1)
    assert counts["proposed"]["all"] == 0
    assert (counts["vanish"]["false"], counts["vanish"]["true"], counts["new"]) == (1, 0, 0)
    assert it.result["wearer_days"] == pytest.approx(7 + 3 / 24)


def test_the_present_rule_opens_what_the_service_opened(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    it = done(database, settings, asked(database, county, {}))
    counts = kind_of(it.result)
    assert counts["present"] == counts["proposed"] == counts["recorded"]
    assert (counts["later"], counts["earlier"], counts["vanish"]["all"]) == (0, 0, 0)


def test_somewhat_slower_figures_are_later_and_by_how_much_is_said(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    slower = {"sure_moving_s": 660.0, "sure_s": 660.0}
    counts = kind_of(done(database, settings, asked(database, county, slower)).result)
    assert (counts["later"], counts["vanish"]["all"]) == (1, 0)
    assert counts["later_p50_s"] == counts["later_p90_s"] >= 60


def test_what_was_worn_past_the_end_of_a_term_is_not_looked_at(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = storm.date() - DAY
    counts = kind_of(done(database, settings, asked(database, county, {})).result)
    assert (counts["present"]["all"], counts["recorded"]["all"]) == (0, 1)


def test_packed_days_give_the_same_and_broken_ones_are_told(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    hot = done(database, settings, asked(database, county, STRICT)).result
    packing.run(database, settings, NOW + 5 * DAY)
    assert done(database, settings, asked(database, county, STRICT)).result == hot
    with database.engine.begin() as connection:
        connection.execute(update(PackedDay).values(digest=b"\0" * 32))
    broken = done(database, settings, asked(database, county, STRICT))
    assert (broken.state, broken.result["unreadable"]) == (WhatIfState.DONE, 1)


def test_each_look_is_in_the_log_as_the_askers_and_no_place_is_told(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    it = done(database, settings, asked(database, county, STRICT))
    with database.reading() as session:
        looks = session.scalars(select(AuditRecord).where(AuditRecord.action == "replay_trail"))
        said = [(look.actor_kind, look.actor_id, look.subject_id) for look in looks]
    assert said == [("user", str(county.users[Role.COUNTY_HEAD]), str(county.case))]
    told = json.dumps(it.result)
    assert not any(f"{degree:.1f}" in told for degree in (*HUICHUAN, *BEYOND))


def test_the_schedule_does_what_is_asked(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    what_if_id, chores = asked(database, county, STRICT), Chores(database, settings)
    for _ in range(60):
        chores.what_ifs(datetime.now(UTC))
        if found(database, what_if_id).state is WhatIfState.DONE:
            break
    assert found(database, what_if_id).result["kinds"] == {}


def test_one_that_is_cancelled_stops_at_its_next_step(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    what_if_id, runner = asked(database, county, STRICT), Runner(database, settings)
    for seconds in range(4):
        assert runner.turn(LATER + timedelta(seconds=seconds))
    assert 0 < found(database, what_if_id).progress < 1
    with database.transaction(SYSTEM, "test") as session:
        what_ifs.cancel(session, session.get_one(WhatIf, what_if_id), LATER)
    assert runner.turn(LATER + timedelta(seconds=5))
    assert not runner.turn(LATER + timedelta(seconds=6))
    it = found(database, what_if_id)
    assert (it.state, it.result) == (WhatIfState.CANCELLED, {})
    with (
        pytest.raises(Refused, match="over already"),
        database.transaction(SYSTEM, "test") as session,
    ):
        what_ifs.cancel(session, session.get_one(WhatIf, what_if_id), LATER)


def test_what_a_process_left_behind_is_begun_again_and_the_old_one_writes_no_more(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    what_if_id, killed = asked(database, county, STRICT), Runner(database, settings)
    for seconds in range(3):
        killed.turn(LATER + timedelta(seconds=seconds))
    other = Runner(database, settings)
    other.turn(LATER + timedelta(seconds=10))
    assert found(database, what_if_id).progress == 0
    killed.turn(LATER + timedelta(seconds=11))
    assert found(database, what_if_id).progress == 0
    assert done(database, settings, what_if_id).state is WhatIfState.DONE


def test_what_cannot_be_done_is_marked_so_and_holds_nobody_up(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    what_if_id = asked(database, county, STRICT)
    with database.engine.begin() as connection:
        connection.execute(update(WhatIf).values(proposed={}))
    assert done(database, settings, what_if_id).state is WhatIfState.FAILED
    assert done(database, settings, asked(database, county, {})).state is WhatIfState.DONE


def test_of_too_many_wearer_days_some_people_are_drawn_by_lot(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.office), 2)
        session.flush()
        track(session, other, county, "B0002", session.scalars(select(Gateway)).one())
    few = settings.model_copy(update={"what_if_wearer_days": 8})
    it = done(database, few, asked(database, county, STRICT))
    assert (it.result["wearers"], it.result["of_wearers"]) == (1, 2)
    assert it.result["of_wearer_days"] == pytest.approx(2 * it.result["wearer_days"])
    with database.reading() as session:
        again = sample(session, session.get_one(WhatIf, it.id), 8)
    assert len(again.days) == 1


def test_who_may_not_change_rules_may_not_try_them_and_one_waits_for_the_other(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICE_HEAD])
        with pytest.raises(Forbidden):
            what_ifs.ask(session, officer, STRICT, NOW)
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        with pytest.raises(Invalid):
            what_ifs.ask(session, head, {"decided": 40.0}, NOW)
        first = what_ifs.ask(session, head, STRICT, NOW)
        with pytest.raises(Refused, match="under way"):
            what_ifs.ask(session, head, STRICT, NOW)
        assert what_ifs.latest(session, head) == [first]
        upper = session.get_one(User, county.users[Role.UPPER_AGENCY])
        assert what_ifs.what_if_for(session, upper, first.id) is first
        with pytest.raises(NotFound):
            what_ifs.what_if_for(session, head, first.id + 1)


def test_an_overdue_return_is_called_so(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    begins = NOW - 2 * DAY
    overstayed = replace(APPROVAL, starts_at=begins, ends_at=begins + DAY)
    approve(database, county, overstayed, begins)
    live(database, [BEYOND] * 20, begins + DAY)
    result = done(database, settings, asked(database, county, {})).result
    ((kind, counts),) = result["kinds"].items()
    assert kind == IncidentKind.LEAVE_OVERDUE.value
    assert counts["present"] == counts["proposed"] == counts["recorded"]
    assert counts["recorded"]["all"] == 1


def test_a_what_if_stays_where_it_was_asked_for_when_the_asker_goes_elsewhere(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    before = asked(database, county, STRICT)
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        head.agency = Agency(name="别处", level=AgencyLevel.COUNTY, division="520302")
        case = session.get_one(Case, county.case)
        case.agency, case.office = head.agency, Office(name="丙司法所", agency=head.agency)
    assert done(database, settings, before).result["wearers"] == 0, "of no case of the new place"
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        with pytest.raises(NotFound):
            what_ifs.what_if_for(session, head, before)
        assert what_ifs.latest(session, head) == []
        upper = session.get_one(User, county.users[Role.UPPER_AGENCY])
        assert [it.id for it in what_ifs.latest(session, upper)] == [before]


def test_a_what_if_of_before_is_of_where_its_asker_is(
    database: Database, settings: Settings, county: County
) -> None:
    what_if_id = asked(database, county, STRICT)
    config = alembic_config(settings.database_url.get_secret_value())
    command.downgrade(config, "0007")
    command.upgrade(config, "head")
    it = found(database, what_if_id)
    assert (it.agency_id, it.office_id) == (county.agency, None)


def test_where_none_can_be_taken_there_is_nothing_more_to_do(
    database: Database, settings: Settings, county: County, storm: datetime
) -> None:
    what_if_id, runner = asked(database, county, STRICT), Runner(database, settings)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE what_if RENAME TO away")
    assert not runner.turn(LATER)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO what_if")
    assert done(database, settings, what_if_id).state is WhatIfState.DONE


def test_old_ones_are_removed(database: Database, settings: Settings, county: County) -> None:
    what_if_id = asked(database, county, STRICT, NOW - 100 * DAY)
    retention.run(database, settings, NOW)
    with database.reading() as session:
        assert session.get(WhatIf, what_if_id) is None


def test_storms_are_the_same_where_they_overlap_or_nearly() -> None:
    def opening(since: float, decided: float, ended: float) -> Opening:
        return Opening(1, LEFT, since, decided, ended)

    present = [opening(0, 300, 900), opening(20_000, 20_300, 21_000)]
    proposed = [opening(60, 700, 900), opening(60_000, 60_300, 60_400)]
    recorded = [
        Recorded(1, LEFT, 0, 900, Cause.POSITION_DRIFT),
        Recorded(1, LEFT, 20_000, 21_000, Cause.LEFT_WITHOUT_APPROVAL),
        Recorded(2, LEFT, 60_000, 60_400, None),
    ]
    counts = compared(present, proposed, recorded)[LEFT.value]
    assert counts["recorded"] == {"false": 1, "true": 1, "open": 1, "none": 0, "all": 3}
    assert counts["present"] == {"false": 1, "true": 1, "open": 0, "none": 0, "all": 2}
    assert counts["proposed"] == {"false": 1, "true": 0, "open": 0, "none": 1, "all": 2}
    assert counts["vanish"] == {"false": 0, "true": 1, "open": 0, "none": 0, "all": 1}
    assert (counts["later"], counts["later_p50_s"], counts["new"]) == (1, 400, 1)
