"""Statistics: what happened in a period is counted at its office, on the page and in both files."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.reports import periods, responses, statistics
from models.agency import Office
from models.case import Case, CaseState
from models.discipline import Measure, MeasureKind, MeasureState
from models.errors import Invalid
from models.leave import Leave, LeaveReason, LeaveState
from models.person_request import Addressee, PersonRequest, RequestKind
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient

NOVEMBER = periods.read("2026-11")


def counted(
    database: Database, county: County, role: Role = Role.COUNTY_HEAD
) -> statistics.Statistics:
    with database.reading() as session:
        return statistics.count(session, session.get_one(User, county.users[role]), NOVEMBER)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 11, 30)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-q4", date(2026, 10, 1), date(2026, 12, 31)),
        ("2026-H1", date(2026, 1, 1), date(2026, 6, 30)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_is_read_by_its_usual_name(name: str, first: date, last: date) -> None:
    assert (periods.read(name).first, periods.read(name).last) == (first, last)


@pytest.mark.parametrize(
    "name", ["", "2026-13", "2026-00", "2026-q5", "2026-h0", "26", "9999", "x"]
)
def test_what_is_no_period_is_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        periods.read(name)
    assert refused.value.field == "period"


def test_a_period_begins_and_ends_at_legal_midnight() -> None:
    assert NOVEMBER.since == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert NOVEMBER.until == datetime(2026, 11, 30, 16, tzinfo=UTC)


def test_cases_are_counted_at_their_office(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = session.get_one(Office, county.other_office)
        make_case(session, other, 91, minor=True)
        make_case(session, other, 92, state=CaseState.RELEASED, state_since=NOW)
        make_case(session, other, 93, reported_on=date(2026, 10, 3))
        old = NOW - timedelta(days=60)
        make_case(
            session, other, 94, reported_on=date(2026, 1, 3), state_since=old
        ).state = CaseState.TERMINATED
    found = counted(database, county)
    with database.reading() as session:
        names = [session.get_one(Office, it).name for it in (county.office, county.other_office)]
    figures = {line.office: line.figures for line in found.lines}
    assert figures[names[0]]["received"] == 1
    there = figures[names[1]]
    assert (there["received"], there["in_correction"], there["minors"]) == (2, 2, 1)
    assert (there["released"], there["terminated"]) == (1, 0)
    assert there["category.suspended_sentence"] == 2
    assert found.total["in_correction"] == 3


def test_a_leave_signed_off_late_counts_as_late(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for returned in (timedelta(hours=-1), timedelta(hours=1)):
            session.add(
                Leave(
                    case=case,
                    reason=LeaveReason.WORK,
                    divisions=["520103"],
                    starts_at=NOW - timedelta(days=3),
                    ends_at=NOW,
                    note="某单",
                    state=LeaveState.RETURNED,
                    returned_at=NOW + returned,
                )
            )
    figures = counted(database, county).total
    assert (figures["leaves"], figures["leaves_late"]) == (2, 1)
    with database.transaction(SYSTEM, "test") as session:
        for leave in session.scalars(select(Leave)):
            leave.return_said_at = NOW - timedelta(hours=2)  # the office signed off when it could
    assert counted(database, county).total["leaves_late"] == 0


def test_a_new_sentence_within_an_earlier_term_is_counted_as_such(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(Case, county.case)
        again = make_case(session, first.office, 96, effective_on=date(2026, 11, 10))
        again.person = first.person
        make_case(session, first.office, 97)
    figures = counted(database, county).total
    assert (figures["again_within_term"], figures["received_again"]) == (1, 1)
    assert figures["received"] == 3


def revoked(county: County, state: MeasureState) -> Measure:
    return Measure(
        case_id=county.case,
        kind=MeasureKind.REVOKE_SUSPENSION,
        limb="other_serious",
        law="IM 46 (S)",
        found="事实",
        happened_on=NOW.date(),
        prepared_by=county.users[Role.OFFICER],
        prepared_at=NOW,
        state=state,
        decided_at=NOW,
        outcome_at=NOW if state is MeasureState.GRANTED else None,
    )


def test_revocations_are_those_proposed_and_those_granted(
    database: Database, county: County
) -> None:
    states = (MeasureState.DECIDED, MeasureState.GRANTED, MeasureState.REFUSED)
    with database.transaction(SYSTEM, "test") as session:
        session.add_all(revoked(county, state) for state in states)
    figures = counted(database, county).total
    assert (figures["revocations_proposed"], figures["revocations_granted"]) == (2, 1)


def requested(county: County, answered_after: timedelta | None) -> PersonRequest:
    return PersonRequest(
        case_id=county.case,
        kind=RequestKind.PETITION,
        addressee=Addressee.AGENCY,
        asked_at=NOW,
        due_on=NOW.date() + timedelta(days=3),
        basis="LCC 34 (R)",
        answered_at=NOW + answered_after if answered_after else None,
    )


def test_answers_are_timed_and_late_when_past_their_last_day(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for after in (timedelta(hours=2), timedelta(days=4), None):
            session.add(requested(county, after))
        elsewhere = requested(county, None)
        elsewhere.addressee = Addressee.PROCURATORATE
        session.add(elsewhere)
    with database.reading() as session:
        user = session.get_one(User, county.users[Role.COUNTY_HEAD])
        for today, late in ((date(2026, 11, 23), 1), (date(2026, 11, 24), 2)):
            found = {it.what: it for it in responses.count(session, user, NOVEMBER, today)}
            requests = found["requests"]
            assert (requests.asked, requests.answered, requests.late) == (3, 2, late)
    assert requests.hours == (2.0, 96.0)
    assert (found["help"].late, found["help"].hours) == (None, (None, None))


def test_an_officer_counts_their_own_office_only(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        make_case(session, session.get_one(Office, county.other_office), 95)
    assert len(counted(database, county, Role.OFFICER).lines) == 1


def test_the_page_shows_and_both_files_say_the_same(
    client_of: SignedInClient, county: County
) -> None:
    client = client_of(Role.COUNTY_HEAD)
    page = client.get("/statistics/?period=2026-11")
    assert page.status_code == 200
    assert "under correction at the end" in page.text
    sheet = client.get("/statistics/workbook.xlsx?period=2026-11")
    book = load_workbook(BytesIO(sheet.data))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert rows[2][:3] == ("Office", "received", "under correction at the end")
    assert rows[3][1:3] == (1, 1)
    assert "Time to answer" in book.sheetnames
    drawn = [it for it in ZipFile(BytesIO(sheet.data)).namelist() if "charts/chart" in it]
    assert len(drawn) == len(statistics.TABLES)
    assert '<rect class="sum" width="100.0"' in page.text
    paper = client.get("/statistics/paper.pdf?period=2026-11")
    assert paper.data.startswith(b"%PDF")


def test_a_wrong_period_is_said_beside_its_field(client_of: SignedInClient) -> None:
    page = client_of(Role.COUNTY_HEAD).get("/statistics/?period=2026-99")
    assert page.status_code == 422
    assert "Write a period as 2026-11" in page.text


def test_a_volunteer_sees_no_statistics(client_of: SignedInClient) -> None:
    assert client_of(Role.VOLUNTEER).get("/statistics/").status_code == 403
