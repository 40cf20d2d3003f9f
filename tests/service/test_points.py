"""A fact becomes a draft, an officer makes it an entry, and a second entry takes it back."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.errors import Invalid, Refused
from models.notice import Notice
from models.points import DraftState, PointsEntry, Rulebook
from models.user import Role
from tests.county import DAY, NOW, County, add_draft


def enter(session: Session, county: County, item: str, fact: str) -> PointsEntry:
    made = add_draft(session, county.case, item, fact)
    return points.confirm(session, made, county.users[Role.OFFICER], NOW, "核实")


def test_the_shipped_rulebook_is_installed_once(database: Database) -> None:
    for _ in range(2):
        with database.transaction(SYSTEM, "test") as session:
            points.install_default(session)
    with database.reading() as session:
        rulebook = session.scalars(select(Rulebook)).one()
        assert not rulebook.verified
        assert rulebook.points_for("stand_in") == -20
        assert all(
            rule.keys() >= {"zh", "en", "points"} for rule in rulebook.rules["items"].values()
        )


def test_the_version_in_force_on_the_day_is_used(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        old = points.install_default(session)
        rules = {**old.rules, "items": {"stand_in": {"points": -30}}}
        new = Rulebook(
            name="local", version=1, effective_from=DAY, rules=rules, source="x", verified=True
        )
        session.add(new)
        session.flush()
        assert points.rulebook_on(session, DAY) is new
        assert points.rulebook_on(session, date(2026, 11, 19)) is old
        with pytest.raises(Refused, match="2019-01-01"):
            points.rulebook_on(session, date(2019, 1, 1))
        assert points.proposed(new, county.case, "stand_in", "checkin:1", DAY).points == -30
        with pytest.raises(Invalid) as refusal:
            points.proposed(new, county.case, "whistling", "duty:1", DAY)
        assert refusal.value.field == "item"


def test_a_draft_counts_only_when_an_officer_confirms_it_and_the_person_is_told(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = add_draft(session, county.case, "checkin_missed", "duty:1")
        before = points.balance(session, county.case, DAY, NOW)
        with pytest.raises(Invalid) as refusal:
            points.confirm(session, made, county.users[Role.OFFICER], NOW, "  ")
        assert refusal.value.field == "reason"
        entry = points.confirm(session, made, county.users[Role.OFFICER], NOW, "未签到，无理由")
        after = points.balance(session, county.case, DAY, NOW)
        assert (before.entries, after.entries) == ((), (entry,))
        assert before.total - after.total == 5
        assert session.scalars(select(Notice.kind)).all() == ["points"]
        with pytest.raises(Refused, match="already decided"):
            points.confirm(session, made, county.users[Role.OFFICER], NOW, "再次")


def test_a_month_has_its_base_pro_rata_and_stays_in_its_range(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        # Reported in on 3 November: 28 of 30 days.
        assert points.balance(session, county.case, DAY, NOW).base == 93
        assert points.balance(session, county.case, date(2026, 12, 9), NOW).base == 100
        assert points.balance(session, county.case, date(2026, 10, 1), NOW).base == 0
        for number in range(4):
            enter(session, county, "public_security_penalty", f"penalty:{number}")
        assert points.balance(session, county.case, DAY, NOW).total == 0


def test_the_base_ends_with_the_case(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        session.get_one(Case, county.case).move(CaseState.TERMINATED, NOW)
        assert points.balance(session, county.case, DAY, NOW).base == 60  # 3 to 20 November
        assert points.balance(session, county.case, date(2026, 12, 1), NOW).base == 0


def test_an_item_counts_up_to_its_cap(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for number in range(5):
            enter(session, county, "volunteering", f"service:{number}")
        assert points.balance(session, county.case, DAY, NOW).total == 93 + 6
        for number in range(7):
            enter(session, county, "leave_signoff_late", f"leave:3:{number}")
        assert points.balance(session, county.case, DAY, NOW).total == 93 + 6 - 10


def test_an_entry_is_taken_back_once_by_a_second_line(database: Database, county: County) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        entry = enter(session, county, "stand_in", "checkin:1")
        reversal = points.reverse(session, entry, officer, NOW, "查明是本人")
        assert points.ledger(session, county.case) == [reversal, entry]
        assert points.balance(session, county.case, DAY, NOW).total == 93
        with pytest.raises(Refused, match="already taken back"):
            points.reverse(session, entry, officer, NOW, "再次")
        with pytest.raises(Refused, match="not itself reversed"):
            points.reverse(session, reversal, officer, NOW, "再次")


def test_nothing_is_deducted_for_a_fact_that_a_protected_reason_covers(
    database: Database, county: County
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        made = add_draft(session, county.case, "checkin_missed", "duty:1")
        other = add_draft(session, county.case, "verification_avoided", "duty:1")
        with pytest.raises(Invalid) as refusal:
            points.refuse(session, made, officer, NOW, "住院", excuse="holiday")
        assert refusal.value.field == "excuse"
        points.refuse(session, made, officer, NOW, "住院", excuse="illness")
        assert made.state is DraftState.REFUSED
        with pytest.raises(Refused, match="protected"):
            points.confirm(session, other, officer, NOW, "扣分")
        assert points.balance(session, county.case, DAY, NOW).total == 93


def test_one_fact_is_deducted_once(database: Database, county: County) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        missed = enter(session, county, "checkin_missed", "duty:1")
        late = add_draft(session, county.case, "checkin_late", "duty:1")
        with pytest.raises(Refused, match="already counts"):
            points.confirm(session, late, officer, NOW, "迟到")
        points.reverse(session, missed, officer, NOW, "当日迟到，并非未签")
        points.confirm(session, late, officer, NOW, "迟到")
        assert points.balance(session, county.case, DAY, NOW).total == 93 - 2


def test_a_draft_whose_duty_was_settled_otherwise_is_not_confirmed(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duty = CheckInDuty(
            case_id=county.case,
            kind=DutyKind.SCHEDULED,
            key=f"scheduled:{DAY}",
            opens_at=NOW - timedelta(hours=4),
            closes_at=NOW - timedelta(hours=2),
            missed_after=NOW - timedelta(hours=1),
            state=DutyState.MISSED,
        )
        session.add(duty)
        session.flush()
        missed = add_draft(session, county.case, "checkin_missed", f"duty:{duty.id}")
        duty.settle(NOW)
        with pytest.raises(Refused) as refusal:
            points.confirm(session, missed, county.users[Role.OFFICER], NOW, "未签到")
        assert refusal.value.code == "settled_otherwise"
        assert points.ledger(session, county.case) == []


def test_a_penalty_replaces_the_deduction_for_the_same_fact(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        enter(session, county, "checkin_missed", "duty:1")
        enter(session, county, "checkin_missed", "duty:2")
        enter(session, county, "warning", "duty:1")
        assert points.balance(session, county.case, DAY, NOW).total == 93 - 5 - 25
        late = add_draft(session, county.case, "verification_avoided", "duty:1")
        with pytest.raises(Refused, match="already counts"):
            points.confirm(session, late, county.users[Role.OFFICER], NOW, "扣分")
