"""A month closes once for everybody, again where something came late, and can be reckoned anew."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours, jobs
from correction_service.assessment import months
from correction_service.assessment.months import Span
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.agency import Agency, AgencyLevel, Office
from models.assessment import PointsMonth
from models.case import Case, CaseState
from models.errors import Refused
from models.points import PointsEntry, Rulebook
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import Role
from tests.county import NOW, County, add_draft, make_case
from tests.filed import put_right

NOVEMBER = date(2026, 11, 1)
FOURTH = datetime(2026, 12, 4, 4, 0, tzinfo=UTC)
FIFTH = datetime(2026, 12, 5, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def enter(session: Session, county: County, item: str, fact: str, now: datetime) -> PointsEntry:
    made = add_draft(session, county.case, item, fact)
    return points.confirm(session, made, county.users[Role.OFFICER], now, "核实")


def editions(database: Database, case_id: int) -> list[tuple[int, int]]:
    with database.reading() as session:
        query = select(PointsMonth.edition, PointsMonth.total).where(PointsMonth.case_id == case_id)
        return list(session.execute(query.order_by(PointsMonth.edition)))


@pytest.fixture
def ledgers(database: Database, county: County) -> list[int]:
    """The county's case with entries, five more without."""
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        office = session.get_one(Office, county.office)
        more = [make_case(session, office, number) for number in range(2, 7)]
        enter(session, county, "checkin_missed", "duty:1", NOW)
        for number in range(5):
            enter(session, county, "volunteering", f"service:{number}", NOW)
        session.flush()
        return [county.case, *(case.id for case in more)]


def test_a_month_closes_on_the_fifth_and_not_before(database: Database, ledgers: list[int]) -> None:
    with pytest.raises(Refused, match="2026-12-05"):
        months.run(database, NOVEMBER, FOURTH)
    closed = months.run(database, NOVEMBER, FIFTH, page=2)
    assert (closed.first, closed.corrected, closed.errors) == (6, 0, [])
    assert editions(database, ledgers[0]) == [(1, 93 - 5 + 6)]  # pro rata, volunteering capped
    assert editions(database, ledgers[1]) == [(1, 93)]


def test_closing_again_writes_nothing(database: Database, ledgers: list[int]) -> None:
    months.run(database, NOVEMBER, FIFTH)
    again = months.run(database, NOVEMBER, FIFTH + 3 * DAY)
    assert (again.first, again.corrected, again.unchanged) == (0, 0, 6)


def test_a_run_that_died_is_completed_and_nothing_is_closed_twice(
    database: Database, ledgers: list[int]
) -> None:
    span = Span(NOVEMBER, hours.day_start(date(2026, 12, 5)))
    with database.transaction(SYSTEM, "test") as session:
        jobs.claim(session, months.JOB, NOVEMBER, FIFTH)
        months.close_some(session, span, ledgers[:3], FIFTH, months.Closed(NOVEMBER))
    with pytest.raises(Refused, match="being closed"):
        months.run(database, NOVEMBER, FIFTH + timedelta(minutes=1))
    closed = months.run(database, NOVEMBER, FIFTH + timedelta(minutes=20))
    assert (closed.first, closed.unchanged) == (3, 3)


def test_what_is_entered_late_makes_a_new_edition_and_the_old_one_stays(
    database: Database, county: County, ledgers: list[int]
) -> None:
    months.run(database, NOVEMBER, FIFTH)
    with database.transaction(SYSTEM, "test") as session:
        enter(session, county, "stand_in", "checkin:9", FIFTH)
    assert months.correct(database, FIFTH) == []  # the day of the entry is not over
    [corrected] = months.correct(database, FIFTH + DAY)
    assert (corrected.first, corrected.corrected) == (0, 1)
    assert editions(database, county.case) == [(1, 94), (2, 74)]
    assert months.correct(database, FIFTH + DAY)[0].corrected == 0


def agreed(county: County, before: dict[str, str], after: dict[str, str]) -> SentenceCorrection:
    correction = put_right(county.case, county)
    correction.before, correction.after = before, after
    correction.state, correction.decided_at = CorrectionState.AGREED, FIFTH
    return correction


def test_a_month_closed_without_the_case_stays_so_where_no_longer_term_was_corrected(
    database: Database, county: County, ledgers: list[int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        reported, case.reported_on = case.reported_on, date(2026, 12, 2)
    months.run(database, NOVEMBER, FIFTH)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).reported_on = reported
        session.add(agreed(county, {"born_on": "1990-01-01"}, {"born_on": "1991-01-01"}))
    assert months.correct(database, FIFTH + DAY) == []
    assert editions(database, county.case) == []


def test_a_term_that_was_too_short_leaves_its_closed_months_to_be_written(
    database: Database, county: County, ledgers: list[int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.term_start, case.term_end = date(2025, 11, 1), date(2026, 10, 31)
    months.run(database, NOVEMBER, FIFTH)
    assert editions(database, county.case) == []
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = date(2027, 10, 31)
        session.add(agreed(county, {"term_end": "2026-10-31"}, {"term_end": "2027-10-31"}))
    [corrected] = months.correct(database, FIFTH + DAY)
    assert (corrected.first, corrected.corrected, corrected.errors) == (1, 0, [])
    assert editions(database, county.case) == [(1, 93 - 5 + 6)]
    assert months.correct(database, FIFTH + DAY)[0].unchanged == 1


def test_an_edition_follows_from_what_was_entered_before_it(
    database: Database, county: County, ledgers: list[int]
) -> None:
    months.run(database, NOVEMBER, FIFTH)
    with database.transaction(SYSTEM, "test") as session:
        enter(session, county, "stand_in", "checkin:9", FIFTH)
    months.correct(database, FIFTH + DAY)
    with database.transaction(SYSTEM, "test") as session:
        for row in session.scalars(select(PointsMonth).where(PointsMonth.case_id == county.case)):
            anew = months.figures_of(session, Span(row.month, row.as_of), [row.case_id])
            assert anew[row.case_id]["total"] == row.total


def test_only_who_was_under_correction_in_the_month_has_one(
    database: Database, county: County, ledgers: list[int]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        late = session.get_one(Case, ledgers[1])
        late.reported_on = date(2026, 12, 1)
        session.get_one(Case, ledgers[2]).move(CaseState.TERMINATED, NOW)
    assert months.run(database, NOVEMBER, FIFTH).first == 5
    assert editions(database, ledgers[1]) == []
    assert editions(database, ledgers[2]) == [(1, 60)]  # 3 to 20 November


def test_a_case_without_a_rulebook_is_named_and_the_others_are_closed(
    database: Database, county: County, ledgers: list[int]
) -> None:
    october = date(2026, 10, 1)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, ledgers[5])
        case.reported_on = october
        rules = dict(points.rulebook_on(session, NOVEMBER).rules)
        rules.pop("floor")
        office = Office(name="丙司法所", agency_id=_other_agency(session))
        session.add(office)
        session.flush()
        case.agency_id, case.office_id = office.agency_id, office.id
        broken = Rulebook(
            name="broken",
            version=1,
            agency_id=office.agency_id,
            effective_from=october,
            rules=rules,
            source="x",
            verified=False,
        )
        session.add(broken)
    closed = months.run(database, NOVEMBER, FIFTH)
    assert closed.first == 5
    assert closed.errors == [{"case": ledgers[5], "error": "KeyError"}]


def _other_agency(session: Session) -> int:
    agency = Agency(name="邻县社区矫正中心", level=AgencyLevel.COUNTY, division="520302")
    session.add(agency)
    session.flush()
    return agency.id
