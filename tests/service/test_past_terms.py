"""What was stored past the true end of a corrected sentence goes, with a receipt, and no more."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import deletions, past_terms
from correction_service.enforcement.deletions import Hold
from correction_service.people import sentences
from correction_service.people.sentences import Sentence
from correction_service.settings import Settings
from correction_service.storage import history, packing
from correction_service.tracking import trails
from models.agency import Office
from models.case import Case
from models.device import Binding
from models.fix import DeviceEvent, Fix, PackedDay
from models.movement import MovementDay
from models.search import SearchRecord, SearchState
from models.user import Role, User
from models.zone import ZoneChange, ZoneState
from tests.county import DAY, NOW, County, make_case
from tests.history import store, wandering
from tests.pages import SignedInClient
from tests.tracked import Tracked, event, live_at

LAST = DAY - timedelta(days=3)
END = hours.day_end(LAST)  # 16:00 UTC: in the middle of a packed day
MINUTES = 20


def correct(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        wanted = replace(Sentence.of(session.get_one(Case, county.case)), term_end=LAST)
        officer, head = (
            session.get_one(User, county.users[it]) for it in (Role.OFFICER, Role.OFFICE_HEAD)
        )
        paper = {"number": "刑更 7", "reason": "减刑裁定"}
        made = sentences.propose(session, officer, county.case, wanted, **paper, now=NOW)
        sentences.decide(session, head, made.id, agreed=True, reason="裁定属实", now=NOW)


def kept(database: Database, device: int) -> list[datetime]:
    with database.reading() as session:
        columns = history.fixes(session, device, NOW - timedelta(days=30), NOW + timedelta(days=1))
        return history.moments(columns["time"])


def receipts(database: Database, county: County) -> list[dict[str, Any]]:
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        return [record.detail for record, _ in deletions.receipts(session, head)]


def held(database: Database, county: County, role: Role) -> list[tuple[int, list[Hold]]]:
    with database.reading() as session:
        user = session.get_one(User, county.users[role])
        return [(case.id, why) for case, why in past_terms.held(session, user, NOW)]


@pytest.fixture
def followed(database: Database, settings: Settings, tracked: Tracked) -> Tracked:
    """Followed over the true end: a day packed on both sides of it, one after, one still hot."""
    for start in (END - timedelta(hours=1), END + timedelta(hours=1), END + timedelta(days=1)):
        store(database, wandering(tracked.device, start, MINUTES))
    packing.run(database, settings, NOW)
    store(database, wandering(tracked.device, NOW - timedelta(hours=1), MINUTES))
    live_at(database, event(NOW - timedelta(hours=2), "battery_low"), NOW - timedelta(hours=2))
    with database.transaction(SYSTEM, "test") as session:
        session.add_all(MovementDay(case_id=tracked.case, day=day, fixes=9) for day in (LAST, DAY))
        session.add_all(
            ZoneChange(
                zone_id=tracked.zone,
                device_id=tracked.device,
                state=ZoneState.INSIDE,
                since=at,
                decided_at=at,
                recorded_at=at,
                evidence={},
            )
            for at in (END - timedelta(hours=1), END + timedelta(hours=1))
        )
    return tracked


def test_what_was_stored_past_the_true_end_goes_and_what_was_before_it_stays(
    database: Database, settings: Settings, county: County, followed: Tracked
) -> None:
    before = [at for at in kept(database, followed.device) if at < END]
    correct(database, county)
    past_terms.run(database, settings, NOW)
    assert kept(database, followed.device) == before
    assert len(before) == MINUTES
    with database.reading() as session:
        for of, left in ((Fix, 0), (PackedDay, 1), (DeviceEvent, 0), (ZoneChange, 1)):
            assert session.scalar(select(func.count()).select_from(of)) == left
        assert session.scalars(select(MovementDay.day)).all() == [LAST]


def test_the_receipt_names_the_span_and_counts_and_is_written_once(
    database: Database, settings: Settings, county: County, followed: Tracked
) -> None:
    past = [at for at in kept(database, followed.device) if at >= END]
    correct(database, county)
    assert past_terms.run(database, settings, NOW) == 1
    assert past_terms.run(database, settings, NOW + timedelta(days=1)) == 0
    [detail] = receipts(database, county)
    assert detail["span"] == [END.isoformat(), NOW.isoformat()]
    assert detail["rule"]["basis"] == "LCC 29, 44; PIPL 47"
    assert detail["kinds"]["position"] == vars(deletions.gone(it.isoformat() for it in past))
    assert {kind: it["rows"] for kind, it in detail["kinds"].items()} == {
        "position": 3 * MINUTES,
        "packed_day": 2,
        "fix": MINUTES,
        "device_event": 1,
        "movement_day": 1,
        "zone_change": 1,
    }


def test_nobody_sees_what_is_to_be_deleted_meanwhile(
    database: Database, county: County, followed: Tracked
) -> None:
    correct(database, county)
    with database.reading() as session:
        trail = trails.unseen_trail(session, followed.case, NOW - timedelta(days=30), NOW)
    assert len(trail) == MINUTES
    assert max(it.time for it in trail) < END


def test_a_search_that_is_open_holds_it_back_until_it_ends_and_the_page_says_so(
    database: Database,
    settings: Settings,
    county: County,
    followed: Tracked,
    client_of: SignedInClient,
) -> None:
    correct(database, county)
    with database.transaction(SYSTEM, "test") as session:
        drafted = {"case_id": county.case, "reasons": [], "drafted_at": NOW}
        session.add(SearchRecord(**drafted, state=SearchState.DRAFT))
    assert past_terms.run(database, settings, NOW) == 0
    assert len(kept(database, followed.device)) == 4 * MINUTES
    assert held(database, county, Role.COUNTY_HEAD) == [(county.case, [Hold.SEARCH])]
    page = client_of(Role.COUNTY_HEAD).get("/endings/deletions").text
    assert "a search is not ended" in page
    with database.transaction(SYSTEM, "test") as session:
        session.execute(update(SearchRecord).values(state=SearchState.DROPPED))
    assert held(database, county, Role.COUNTY_HEAD) == []
    assert past_terms.run(database, settings, NOW) == 1


def test_who_wore_the_bracelet_next_loses_nothing(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    store(database, wandering(tracked.device, END + timedelta(minutes=10), MINUTES))
    changed = END + timedelta(hours=1)
    store(database, wandering(tracked.device, changed + timedelta(minutes=10), MINUTES))
    packing.run(database, settings, NOW)
    with database.transaction(SYSTEM, "test") as session:
        session.execute(update(Binding).values(unbound_at=changed))
        other = make_case(session, session.get_one(Office, county.office), 5)
        session.add(Binding(device_id=tracked.device, case=other, bound_at=changed))
    correct(database, county)
    past_terms.run(database, settings, NOW)
    assert len(kept(database, tracked.device)) == MINUTES
    assert min(kept(database, tracked.device)) > changed


def test_a_term_that_nobody_corrected_and_one_still_running_lose_nothing(
    database: Database, settings: Settings, followed: Tracked
) -> None:
    assert past_terms.run(database, settings, NOW) == 0
    assert len(kept(database, followed.device)) == 4 * MINUTES


def test_the_span_stands_on_the_page_and_in_the_file(
    database: Database,
    settings: Settings,
    county: County,
    followed: Tracked,
    client_of: SignedInClient,
) -> None:
    correct(database, county)
    past_terms.run(database, settings, NOW)
    client = client_of(Role.COUNTY_HEAD)
    assert "from 11-18 00:00 to 11-20 16:00" in client.get("/endings/deletions").text
    heads, *rows = client.get("/endings/deletions.csv").text.splitlines()
    assert "since,until" in heads
    assert all(END.isoformat() in row for row in rows)
