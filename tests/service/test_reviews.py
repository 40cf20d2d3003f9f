"""A no-match takes two: what the first one finds costs nothing until a second person agrees."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.db import Database
from correction_service.discipline import facts
from correction_service.people import photos
from correction_service.presence import checkins, duties, reviews
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyKind, DutyState, Liveness, Outcome, Way
from models.errors import DomainError, Forbidden, Invalid, Refused
from models.face import StoredPhoto
from models.review import CheckInReview, ReviewConfirmation, ReviewDecision, Standing
from models.user import Role, User
from tests.county import NOW, County
from tests.desk import Desk

SOON, LATER = NOW + timedelta(hours=1), NOW + timedelta(days=4)
NO_MATCH = ReviewDecision.NO_MATCH


class Table:
    """The desk's doubtful check-in, and whoever sits down to look at it."""

    def __init__(self, database: Database, settings: Settings, county: County, desk: Desk) -> None:
        self.database, self.settings, self.county, self.desk = database, settings, county, desk

    def user(self, session: Session, role: Role) -> User:
        return session.get_one(User, self.county.users[role])

    def review(
        self,
        role: Role,
        decision: ReviewDecision = NO_MATCH,
        *,
        note: str = "不像",
        now: datetime = SOON,
        after: int | None = None,
        because: str = "",
    ) -> Standing:
        with self.database.transaction(SYSTEM, "test") as session:
            finding = reviews.review(
                session,
                self.settings,
                self.user(session, role),
                self.desk.checkin,
                decision=decision,
                note=note,
                now=now,
                after=after,
                alone_because=because,
            )
            return finding.standing

    def waits_for(self, role: Role) -> bool:
        with self.database.reading() as session:
            waiting = session.scalars(worklist.to_review(self.user(session, role)))
            return self.desk.checkin in {it.id for it in waiting}

    def put(self, found_by: int, by: int) -> None:
        """Write a confirmation past the rules."""
        with self.database.transaction(SYSTEM, "test") as session:
            finding = session.scalars(select(CheckInReview)).one()
            written = {"found_by": found_by, "by": by, "at": NOW, "note": "x"}
            session.add(ReviewConfirmation(review_id=finding.id, **written))

    def refusal(self, role: Role, **how: object) -> DomainError:
        with pytest.raises(DomainError) as refused:
            self.review(role, **how)  # type: ignore[arg-type]
        return refused.value


@pytest.fixture
def table(database: Database, settings: Settings, county: County, desk: Desk) -> Table:
    return Table(database, settings, county, desk)


def test_a_no_match_goes_on_to_a_second_person_at_county_level(table: Table) -> None:
    assert table.review(Role.OFFICER) is Standing.PROVISIONAL
    assert [table.waits_for(it) for it in (Role.OFFICER, Role.OFFICE_HEAD, Role.COUNTY_HEAD)] == [
        False,
        False,
        True,
    ]
    assert table.review(Role.COUNTY_HEAD, note="眼距不同") is Standing.CONFIRMED
    assert not table.waits_for(Role.COUNTY_HEAD)
    with table.database.reading() as session:
        second = session.scalars(select(ReviewConfirmation)).one()
        assert (second.found_by, second.by) == (
            table.county.users[Role.OFFICER],
            table.county.users[Role.COUNTY_HEAD],
        )
        assert (second.note, second.alone_because) == ("眼距不同", None)


@pytest.mark.parametrize("decision", [ReviewDecision.MATCH, ReviewDecision.CONCERN])
def test_a_second_person_who_sees_it_otherwise_takes_its_place(
    table: Table, decision: ReviewDecision
) -> None:
    table.review(Role.OFFICER)
    assert table.review(Role.COUNTY_HEAD, decision) is Standing.FINAL
    with table.database.reading() as session:
        found = reviews.latest(session, table.desk.checkin)
        assert found is not None
        assert found.decision is decision


def test_the_first_person_is_not_the_second(table: Table) -> None:
    table.review(Role.OFFICER)
    assert table.refusal(Role.OFFICER).code == "same_person"
    assert isinstance(table.refusal(Role.OFFICE_HEAD), Forbidden)


def test_no_measure_rests_on_what_only_one_person_found(table: Table) -> None:
    def linked() -> int:
        with table.database.reading() as session:
            case = session.get_one(Case, table.desk.case)
            return len(facts.linked(session, case, [f"checkin:{table.desk.checkin}"]))

    table.review(Role.OFFICER)
    with pytest.raises(Invalid):
        linked()
    table.review(Role.COUNTY_HEAD)
    assert linked() == 1


def until(table: Table) -> datetime | None:
    """When the photo's time ends."""
    with table.database.reading() as session:
        checkin = session.get_one(CheckIn, table.desk.checkin)
        return session.get_one(StoredPhoto, checkin.photo_id).delete_after


def test_the_photo_of_a_no_match_stays_until_it_is_confirmed_and_can_be_objected_to(
    table: Table,
) -> None:
    table.review(Role.OFFICER)
    assert until(table) is None
    table.review(Role.COUNTY_HEAD, now=LATER)
    assert until(table) == LATER + timedelta(days=table.settings.no_match_photo_days)


def test_the_photo_of_a_concern_stays_until_an_officer_has_seen_the_person(table: Table) -> None:
    def swept(now: datetime) -> int:
        with table.database.transaction(SYSTEM, "test") as session:
            return photos.expire(session, table.settings, now)

    table.review(Role.OFFICER, ReviewDecision.CONCERN)
    late = LATER + timedelta(days=table.settings.match_photo_days + 1)
    assert swept(late) == 0
    assert until(table) is None
    with table.database.transaction(SYSTEM, "test") as session:
        officer = table.user(session, Role.OFFICER)
        case = table.desk.case
        checkins.attest(session, officer, case, way=Way.OFFICER_VISIT, note="", now=late)
    assert swept(late) == 0
    assert until(table) == late + timedelta(days=table.settings.match_photo_days)
    assert swept(late + timedelta(days=table.settings.match_photo_days)) == 1


def test_the_duty_is_not_missed_while_a_no_match_is_provisional(table: Table) -> None:
    with table.database.transaction(SYSTEM, "test") as session:
        duty = CheckInDuty(
            case_id=table.desk.case,
            kind=DutyKind.SCHEDULED,
            key="scheduled:2026-11-20",
            opens_at=NOW - timedelta(hours=2),
            closes_at=NOW + timedelta(hours=1),
            missed_after=NOW + timedelta(hours=2),
            state=DutyState.DUE,
        )
        session.add(duty)
    for role, state in ((Role.OFFICER, DutyState.DUE), (Role.COUNTY_HEAD, DutyState.MISSED)):
        table.review(role)
        with table.database.transaction(SYSTEM, "test") as session:
            duties.lapse(session, LATER, table.settings)
            assert session.get_one(CheckInDuty, duty.id).state is state


def test_a_head_who_is_alone_confirms_after_some_days_with_a_reason(table: Table) -> None:
    table.review(Role.COUNTY_HEAD)
    early = table.refusal(Role.COUNTY_HEAD, because="只有我")
    assert (early.code, early.facts) == ("too_early", {"days": 3})
    wordless = table.refusal(Role.COUNTY_HEAD, now=LATER)
    assert (type(wordless), wordless.field) == (Invalid, "alone_because")
    assert table.review(Role.COUNTY_HEAD, now=LATER, because="只有我") is Standing.CONFIRMED


def test_a_head_who_is_not_alone_does_not_confirm_alone(table: Table) -> None:
    table.review(Role.COUNTY_HEAD)
    with table.database.transaction(SYSTEM, "test") as session:
        table.user(session, Role.OFFICER).office_id = None
    refused = table.refusal(Role.COUNTY_HEAD, now=LATER, because="忙")
    assert refused.code == "others_can"
    assert table.waits_for(Role.OFFICER)
    assert table.review(Role.OFFICER) is Standing.CONFIRMED


def test_the_database_refuses_one_person_as_both(table: Table) -> None:
    table.review(Role.OFFICER)
    officer, head = (table.county.users[it] for it in (Role.OFFICER, Role.COUNTY_HEAD))
    for found_by, by in ((officer, officer), (head, officer)):  # openly, and by a lie
        with pytest.raises(IntegrityError):
            table.put(found_by=found_by, by=by)


def test_of_two_who_decide_at_once_the_later_is_told_and_both_are_seen(table: Table) -> None:
    def decide(role: Role) -> str:
        try:
            return table.review(role, after=reviews.NONE_YET).value
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        came_of_it = sorted(pool.map(decide, (Role.OFFICER, Role.OFFICE_HEAD)))
    assert came_of_it == ["decided_meanwhile", "provisional"]


@pytest.mark.parametrize("liveness", [Liveness.NOT_LIVE, Liveness.CANNOT_TELL])
def test_a_match_that_may_not_be_a_living_person_comes_to_review(
    table: Table, liveness: Liveness
) -> None:
    with table.database.transaction(SYSTEM, "test") as session:
        of_desk = session.get_one(CheckIn, table.desk.checkin)
        doubtful = CheckIn(
            case_id=table.desk.case,
            at=NOW,
            way=of_desk.way,
            outcome=Outcome.MATCH,
            liveness=liveness,
            reasons=[],
            answers={},
            receipt="R0000009",
        )
        session.add(doubtful)
        session.flush()
        waiting = session.scalars(worklist.to_review(table.user(session, Role.OFFICER)))
        assert doubtful.id in {it.id for it in waiting}
