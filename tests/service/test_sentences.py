"""A sentence is corrected by a paper: one proposes, another decides, nobody is followed past it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import orders
from correction_service.db import Database
from correction_service.enforcement import endings
from correction_service.people import sentences
from correction_service.people.sentences import Sentence
from models.case import Case, CaseState, Category
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.device import Binding
from models.errors import DomainError, Forbidden, Invalid, NotFound, Refused
from models.fix import Fix
from models.notice import Notice
from models.order import PositioningOrder
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import Role, User
from models.zone import Zone
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient
from tests.tracked import Tracked, fix, heard, take

YESTERDAY = DAY - timedelta(days=1)


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def proposed(
    session: Session,
    county: County,
    role: Role = Role.OFFICER,
    **changes: Any,  # noqa: ANN401 - days and a category
) -> SentenceCorrection:
    wanted = replace(Sentence.of(session.get_one(Case, county.case)), **changes)
    user = by(session, county, role)
    paper = {"number": "刑更 7", "reason": "减刑裁定"}
    return sentences.propose(session, user, county.case, wanted, **paper, now=NOW)


def corrected(
    session: Session,
    county: County,
    **changes: Any,  # noqa: ANN401 - days and a category
) -> SentenceCorrection:
    made = proposed(session, county, **changes)
    head = by(session, county, Role.OFFICE_HEAD)
    return sentences.decide(session, head, made.id, agreed=True, reason="裁定属实", now=NOW)


def owed(session: Session, county: County, day: date, state: DutyState) -> CheckInDuty:
    opens = hours.day_start(day) + timedelta(hours=9)
    duty = CheckInDuty(
        case_id=county.case,
        kind=DutyKind.SCHEDULED,
        key=f"scheduled:{day}",
        opens_at=opens,
        closes_at=opens + timedelta(hours=2),
        missed_after=opens + timedelta(hours=3),
        state=state,
    )
    session.add(duty)
    return duty


def stored_at(database: Database, *moments: datetime) -> int:
    later = max(moments) + timedelta(minutes=1)
    take(database, *(heard(fix(at), received=later) for at in moments), now=later)
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Fix)) or 0


def test_a_correction_stands_once_a_second_person_agreed(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county, term_end=date(2027, 6, 30), category=Category.PAROLE)
        case = session.get_one(Case, county.case)
        assert case.term_end == date(2027, 10, 31)
        head = by(session, county, Role.OFFICE_HEAD)
        sentences.decide(session, head, made.id, agreed=True, reason="裁定属实", now=NOW)
        assert (case.term_end, case.category) == (date(2027, 6, 30), Category.PAROLE)
        assert made.before == {"term_end": "2027-10-31", "category": "suspended_sentence"}
        assert made.after == {"term_end": "2027-06-30", "category": "parole"}
        told = select(Notice.kind).where(Notice.person_id == case.person_id)
        assert session.scalars(told).all() == ["sentence"]


def test_a_refused_correction_changes_nothing(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county, term_end=date(2027, 6, 30))
        head = by(session, county, Role.COUNTY_HEAD)
        sentences.decide(session, head, made.id, agreed=False, reason="文书不符", now=NOW)
        assert made.state is CorrectionState.REFUSED
        assert session.get_one(Case, county.case).term_end == date(2027, 10, 31)
        proposed(session, county, term_end=date(2027, 7, 31))  # another may be proposed now


def test_nobody_decides_what_they_proposed_nor_an_officer_at_all(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county, Role.OFFICE_HEAD, term_end=date(2027, 6, 30))

        def decide(role: Role) -> SentenceCorrection:
            user = by(session, county, role)
            return sentences.decide(session, user, made.id, agreed=True, reason="属实", now=NOW)

        with pytest.raises(Refused, match="does not decide it"):
            decide(Role.OFFICE_HEAD)
        with pytest.raises(Forbidden):
            decide(Role.OFFICER)
        assert decide(Role.COUNTY_HEAD).state is CorrectionState.AGREED
        with pytest.raises(Refused, match="already decided"):
            decide(Role.COUNTY_HEAD)


def test_another_office_neither_proposes_nor_decides(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county, term_end=date(2027, 6, 30))
        for role in (Role.OFFICER, Role.OFFICE_HEAD):
            by(session, county, role).office_id = county.other_office
        session.flush()
        with pytest.raises(NotFound):
            proposed(session, county, term_end=date(2027, 5, 31))
        head = by(session, county, Role.OFFICE_HEAD)
        with pytest.raises(NotFound):
            sentences.decide(session, head, made.id, agreed=True, reason="属实", now=NOW)
        assert session.scalars(sentences.waiting(head)).all() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "term_end"),
        ({"term_end": date(2026, 10, 31)}, "term_end"),
        ({"term_start": date(2026, 10, 1), "term_end": date(2026, 10, 31)}, "term_end"),
        ({"effective_on": date(2026, 11, 21)}, "effective_on"),
        ({"effective_on": date(2026, 11, 4)}, "effective_on"),
        ({"born_on": date(2026, 11, 21)}, "born_on"),
    ],
)
def test_days_that_cannot_follow_each_other_are_refused_at_their_field(
    database: Database, county: County, changes: dict[str, Any], field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Invalid) as refusal:
            proposed(session, county, **changes)
        assert refusal.value.field == field


def test_two_corrections_of_one_case_do_not_wait_together(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposed(session, county, term_end=date(2027, 6, 30))
        with pytest.raises(DomainError, match="waits to be decided already"):
            proposed(session, county, term_end=date(2027, 5, 31))


def test_a_reduced_term_cuts_orders_zones_and_duties(
    database: Database, county: County, tracked: Tracked
) -> None:
    end = hours.day_end(DAY + timedelta(days=3))
    with database.transaction(SYSTEM, "test") as session:
        within = owed(session, county, DAY + timedelta(days=3), DutyState.DUE)
        past = owed(session, county, DAY + timedelta(days=4), DutyState.DUE)
        corrected(session, county, term_end=DAY + timedelta(days=3))
        assert session.get_one(PositioningOrder, tracked.order).ends_at == end
        assert session.get_one(Zone, tracked.zone).valid_to == end
        assert (past.state, past.void_reason) == (DutyState.VOID, "term_over")
        assert within.state is DutyState.DUE
        worn = select(Binding.unbound_at).where(Binding.case_id == county.case)
        assert session.scalars(worn).one() is None  # it is worn until the day
    last = end - timedelta(minutes=10)
    assert stored_at(database, last, end + timedelta(minutes=10)) == 1


def test_no_fix_after_a_corrected_end_is_stored_and_release_is_next(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        missed = owed(session, county, DAY, DutyState.MISSED)
        corrected(session, county, term_end=YESTERDAY)
        case = session.get_one(Case, county.case)
        assert not case.supervised_at(NOW)
        assert missed.state is DutyState.VOID
        assert orders.in_force(session, case, NOW) is None
        worn = select(Binding.unbound_at).where(Binding.case_id == county.case)
        assert session.scalars(worn).one() == NOW
        head = by(session, county, Role.COUNTY_HEAD)
        assert county.case in [it.case.id for it in endings.queue(session, head, NOW)]
    over = hours.day_end(YESTERDAY)
    assert stored_at(database, over - timedelta(hours=1), over + timedelta(hours=1)) == 1


def test_an_order_that_began_after_the_true_end_was_never_in_force(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = session.get_one(PositioningOrder, tracked.order)
        case = session.get_one(Case, county.case)
        began = order.starts_at
        orders.cut(session, case, began - timedelta(days=1))
        assert not order.in_force(began)
        assert not order.in_force(NOW)


def test_minor_is_reckoned_anew_from_birth_and_the_day_correction_begins(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        corrected(session, county, born_on=date(2008, 11, 2))
        case = session.get_one(Case, county.case)
        assert case.minor  # seventeen on the first of November
        assert case.person.born_on == date(2008, 11, 2)
        corrected(session, county, effective_on=date(2026, 11, 2))
        assert not case.minor


def test_the_file_of_an_ended_case_is_put_right_too(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.RELEASED
        corrected(session, county, born_on=date(2008, 11, 2))
        assert session.get_one(Case, county.case).minor


def test_an_officer_proposes_and_the_head_decides_on_the_cases_page(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, head = client_of(Role.OFFICER), client_of(Role.OFFICE_HEAD)
    page = f"/corrections/cases/{county.case}"
    assert page in officer.get(f"/cases/{county.case}/file").text
    form = {"term_end": "2027-06-30", "number": "刑更 7", "reason": "减刑裁定"}
    officer.post(page, data=form)
    with database.reading() as session:
        made = session.scalars(select(SentenceCorrection.id)).one()
    said = {"decision": "agreed", "note": "裁定属实"}
    assert officer.post(f"/corrections/{made}/decide", data=said).status_code == 403
    assert "1 correction of a sentence to decide" in head.get("/needs").text
    assert page in head.get("/corrections/").text
    head.post(f"/corrections/{made}/decide", data=said)
    shown = officer.get(page).text
    assert "2027-10-31" in shown
    assert "<strong>2027-06-30</strong>" in shown
    with database.reading() as session:
        assert session.get_one(Case, county.case).term_end == date(2027, 6, 30)
