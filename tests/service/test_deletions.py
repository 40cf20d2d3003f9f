"""Deletion leaves a receipt; what may still be needed is kept, and says why."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import retention
from correction_service.audit import SYSTEM
from correction_service.casework import clocks
from correction_service.db import Database
from correction_service.enforcement import deletions
from correction_service.enforcement.deletions import Hold
from correction_service.settings import Settings
from models.assessment import Objection
from models.base import Base
from models.case import Case
from models.discipline import Measure, MeasureKind, MeasureState
from models.fix import DeviceEvent, Fix, PackedDay
from models.movement import MovementDay
from models.person_request import Addressee, PersonRequest, RequestKind
from models.points import PointsEntry
from models.search import SearchRecord, SearchState
from models.user import Role, User
from tests.county import DAY, NOW, County, add_draft
from tests.pages import SignedInClient
from tests.service.test_retention import ENDED, YEAR, end, follow
from tests.tracked import Tracked

AFTER = ENDED + YEAR + timedelta(days=1)
KINDS = (PackedDay, Fix, DeviceEvent, MovementDay)


def left(database: Database) -> list[int]:
    def count(of: type[Base]) -> int:
        return session.scalar(select(func.count()).select_from(of)) or 0

    with database.reading() as session:
        return [count(of) for of in KINDS]


@pytest.fixture
def over(database: Database, settings: Settings, tracked: Tracked) -> int:
    """A case that has ended, with a packed day, hot fixes, an event and a day of movement."""
    follow(database, settings, tracked)
    with database.transaction(SYSTEM, "test") as session:
        session.add(MovementDay(case_id=tracked.case, day=DAY, fixes=900))
    end(database, tracked.case)
    return tracked.case


def seat(session: Session, county: County, role: Role = Role.COUNTY_HEAD) -> User:
    return session.get_one(User, county.users[role])


def test_pipl_47_a_deletion_leaves_kinds_counts_digests_and_the_rule_that_it_was_made_by(
    database: Database, settings: Settings, county: County, over: int
) -> None:
    retention.run(database, settings, AFTER)
    assert left(database) == [0, 0, 0, 0]
    with database.reading() as session:
        found = deletions.receipts(session, seat(session, county))
        said = {kind: it for record, _ in found for kind, it in record.detail["kinds"].items()}
        assert {kind: it["rows"] for kind, it in said.items()} == {
            "packed_day": 1,
            "fix": 20,
            "device_event": 1,
            "movement_day": 1,
        }
        assert said["movement_day"]["digest"] == deletions.gone([DAY]).digest
        for record, case in found:
            rule = record.detail["rule"]
            assert case.id == over
            assert (rule["days"], rule["basis"], rule["mark"]) == (365, "PIPL 19, 47", "R")
            assert record.detail["on"] == AFTER.isoformat()


def test_a_second_run_deletes_nothing_twice_and_writes_no_second_receipt(
    database: Database, settings: Settings, county: County, over: int
) -> None:
    retention.run(database, settings, AFTER)
    with database.reading() as session:
        before = [it.id for it, _ in deletions.receipts(session, seat(session, county))]
    assert retention.run(database, settings, AFTER) == 0
    with database.reading() as session:
        assert [it.id for it, _ in deletions.receipts(session, seat(session, county))] == before


def objecting(session: Session, county: County) -> None:
    draft = add_draft(session, county.case, "checkin_missed", "duty:17")
    entry = PointsEntry(
        case_id=county.case,
        item=draft.item,
        rulebook_id=draft.rulebook_id,
        points=-5,
        happened_on=DAY,
        reason="未签到",
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
    )
    session.add(entry)
    session.flush()
    session.add(
        Objection(
            entry=entry,
            case_id=county.case,
            text="系统故障",
            made_at=NOW,
            timely=True,
            holds=True,
            due_on=DAY,
        )
    )


def searching(session: Session, county: County) -> None:
    session.add(
        SearchRecord(case_id=county.case, reasons=[], drafted_at=NOW, state=SearchState.DRAFT)
    )


def proposing(session: Session, county: County) -> None:
    session.add(
        Measure(
            case_id=county.case,
            kind=MeasureKind.REVOKE_SUSPENSION,
            limb="out_over_a_month",
            law="IM 46 (S)",
            found="脱离监管",
            happened_on=DAY,
            prepared_by=county.users[Role.OFFICER],
            prepared_at=NOW,
            state=MeasureState.DECIDED,
        )
    )


def pending(session: Session, county: County) -> None:
    case = session.get_one(Case, county.case)
    clocks.begin_named(session, case, "pending_revocation", "提请撤销缓刑", NOW)


def asking(session: Session, county: County) -> None:
    session.add(
        PersonRequest(
            case_id=county.case,
            kind=RequestKind.COPY,
            addressee=Addressee.AGENCY,
            asked_at=NOW,
            due_on=DAY,
            basis="PIPL 45 R",
        )
    )


@pytest.mark.parametrize(
    "held_by",
    [
        (objecting, Hold.OBJECTION),
        (searching, Hold.SEARCH),
        (proposing, Hold.PROCEEDINGS),
        (pending, Hold.PROCEEDINGS),
        (asking, Hold.REQUEST),
    ],
)
def test_a_case_that_something_holds_is_kept_and_says_why(
    database: Database,
    settings: Settings,
    county: County,
    over: int,
    held_by: tuple[Callable[[Session, County], None], Hold],
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        held_by[0](session, county)
    before = left(database)
    retention.run(database, settings, AFTER)
    assert left(database) == before
    with database.reading() as session:
        rule, head = deletions.rule(session, settings), seat(session, county)
        ((case, holds),) = deletions.held(session, head, rule, AFTER)
        assert (case.id, holds) == (over, [held_by[1]])
        assert deletions.held(session, head, rule, ENDED + YEAR) == []
        assert deletions.receipts(session, head) == []


def test_receipts_are_of_ones_own_offices_and_come_as_a_page_and_a_file(
    database: Database,
    settings: Settings,
    county: County,
    over: int,
    client_of: SignedInClient,
) -> None:
    retention.run(database, settings, AFTER)
    client = client_of(Role.COUNTY_HEAD)
    assert "packed_day: 1" in client.get("/endings/deletions").text
    lines = client.get("/endings/deletions.csv").text.splitlines()
    assert lines[0].lstrip("\ufeff").startswith("case,on,kind,rows,sha256")
    assert len(lines) == 5
    assert client_of(Role.OFFICER).get("/endings/deletions").status_code == 403
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.COUNTY_HEAD]).office_id = county.other_office
    assert "packed_day" not in client.get("/endings/deletions").text


def test_a_held_case_is_named_on_the_page(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        searching(session, county)
    end(database, county.case)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state_since = NOW - 2 * YEAR
    page = client_of(Role.COUNTY_HEAD).get("/endings/deletions").text
    assert "a search is not ended" in page
