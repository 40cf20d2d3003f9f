"""The clocks of the law: each runs as long as its table says, and none is forgotten."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import clocks, prohibitions
from correction_service.casework.clocks import Running
from correction_service.db import Database, open_database
from correction_service.law import clock_rules, tables
from correction_service.law.clock_rules import Opens
from correction_service.law.legal_days import calendar
from correction_service.law.tables import Mark
from correction_service.people import cases
from correction_service.scope import visible
from correction_service.settings import Settings
from models.agency import Office
from models.case import Case, CaseState, Category
from models.clock import LegalClock
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.order import PositioningOrder
from models.user import Role, User
from tests.county import DAY, NOW, County, make_case
from tests.pages import SignedInClient
from tests.tracked import Tracked

RULES = clock_rules.rules()
WEDNESDAY = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai; nothing near is a holiday
LIMITS = {  # domain: what the law sets, as (basis, mark, the last day in time)
    "notify": ("LCC 20", "V", date(2026, 11, 9)),
    "papers": ("LCC 20", "V", date(2026, 11, 16)),
    "papers_incomplete": ("IM 16", "R", date(2026, 11, 9)),
    "papers_receipt": ("IM 16", "R", date(2026, 11, 9)),
    "report_in": ("LCC 21", "V", date(2026, 11, 16)),
    "handover": ("LCC 21", "V", date(2026, 11, 16)),
    "health_report": ("IM 24", "S", date(2026, 12, 4)),
    "medical_review": ("IM 24", "S", date(2027, 2, 4)),
    "reduction": ("LCC 33", "V", date(2026, 12, 4)),
    "arrest_custody": ("LCC 47", "V", date(2026, 12, 4)),
    "revocation": ("LCC 48", "V", date(2026, 12, 4)),
    "recommitment": ("LCC 49", "V", date(2026, 12, 4)),
    "transfer_consult": ("IM 30–31", "R", date(2026, 11, 9)),
    "transfer_reply": ("IM 30–31", "R", date(2026, 11, 9)),
    "transfer_papers": ("IM 30–31", "R", date(2026, 11, 9)),
    "transfer_report": ("IM 30–31", "R", date(2026, 11, 11)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_clock_runs_as_long_as_the_law_says(name: str) -> None:
    basis, mark, last_day = LIMITS[name]
    rule = RULES[name]
    assert (rule.basis, rule.mark.value) == (basis, mark)
    assert rule.due(WEDNESDAY, calendar()).at == hours.day_end(last_day)


@pytest.mark.parametrize("name", ["papers", "report_in", "handover"])
def test_ten_days_are_ten_where_no_weekend_ends_them(name: str) -> None:
    monday = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # from Wednesday nine would end alike
    assert RULES[name].due(monday, calendar()).at == hours.day_end(date(2026, 11, 12))


@pytest.mark.parametrize("name", ["search", "breach_under_way", "death"])
def test_what_is_to_be_done_at_once_is_due_at_once(name: str) -> None:
    assert RULES[name].due(WEDNESDAY, calendar()).at == WEDNESDAY
    assert RULES[name].mark is Mark.VERIFIED


def test_a_court_decides_an_arrest_within_48_hours() -> None:
    rule = RULES["arrest_decision"]
    assert (rule.basis, rule.mark) == ("LCC 47", Mark.VERIFIED)
    assert rule.due(WEDNESDAY, calendar()).at == WEDNESDAY + timedelta(hours=48)


def test_a_term_in_custody_is_not_lengthened_by_a_holiday() -> None:
    before_spring_festival = datetime(2026, 1, 16, 2, 0, tzinfo=UTC)
    due = RULES["arrest_custody"].due(before_spring_festival, calendar())
    assert due == (hours.day_end(date(2026, 2, 15)), True)
    court = RULES["revocation"].due(before_spring_festival, calendar())
    assert court.at == hours.day_end(date(2026, 2, 24))  # who is free waits for the working day


@pytest.mark.parametrize(
    ("name", "basis", "mark"),
    [
        ("intake", "LCC 22, 24, 25", "V"),
        ("detained", "LCC 32", "V"),
        ("prohibition_report", "IM 24", "S"),
        ("change_reported", "IM 24", "S"),
        ("guardian", "LCC 53", "V"),
        ("pending_revocation", "司办通〔2021〕94号", "S"),
    ],
)
def test_where_the_law_names_no_number_none_is_made_up(name: str, basis: str, mark: str) -> None:
    rule = RULES[name]
    assert (rule.basis, rule.mark.value, rule.limit) == (basis, mark, None)
    assert rule.due(WEDNESDAY, calendar()).at is None


def test_the_hand_over_says_that_the_day_of_receipt_is_not_on_file(
    database: Database, client_of: SignedInClient, county: County
) -> None:
    """LCC 21 counts from the receipt; what is not known is said and not made up."""
    outside = {"category": Category.OUTSIDE_PRISON, "reported_on": None}
    be(database, county, state=CaseState.AWAITING_REPORT, **outside)
    for path in ("/clocks/", "/clocks/table", f"/cases/{county.case}/decisions"):
        assert "received is not on file" in client_of(Role.OFFICER).get(path).text


def test_every_clock_that_facts_open_has_its_facts() -> None:
    by_facts = {name for name, rule in RULES.items() if rule.opens is Opens.FACTS}
    assert by_facts == {*clocks.FACTS, prohibitions.CLOCK}


def test_every_row_speaks_both_languages() -> None:
    for rule in RULES.values():
        for said in (rule.who, rule.trigger, rule.does):
            assert set(said) == {"en", "zh"}


def officer(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def running(database: Database, county: County, now: datetime = NOW) -> dict[str, Running]:
    with database.reading() as session:
        found = clocks.running(session, visible(officer(session, county)), now)
        return {it.rule.name: it for it in found}


def be(database: Database, county: County, **fields: object) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for name, value in fields.items():
            setattr(case, name, value)


def start(database: Database, county: County, name: str, on: date, note: str = "函 3 号") -> int:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        return clocks.start(session, user, county.case, name, on=on, note=note, now=NOW).id


def done(database: Database, county: County, name: str, on: date = DAY, note: str = "已办") -> int:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        return clocks.done(session, user, county.case, name, on=on, note=note, now=NOW).id


def test_a_case_in_order_has_no_clock(database: Database, county: County) -> None:
    assert running(database, county) == {}


def test_reporting_in_is_over_after_the_tenth_day(database: Database, county: County) -> None:
    effective = date(2026, 11, 4)
    be(database, county, state=CaseState.AWAITING_REPORT, reported_on=None, effective_on=effective)
    last = hours.day_end(date(2026, 11, 16))  # the tenth day is a Saturday
    (clock,) = running(database, county).values()
    assert (clock.rule.name, clock.due.at) == ("report_in", last)
    assert (clock.over(last - timedelta(seconds=1)), clock.over(last)) == (False, True)


def test_who_serves_outside_prison_is_handed_over_and_is_not_late(
    database: Database, county: County
) -> None:
    awaited = {"state": CaseState.AWAITING_REPORT, "reported_on": None}
    be(database, county, category=Category.OUTSIDE_PRISON, **awaited)
    assert set(running(database, county)) == {"handover"}


def test_lost_contact_asks_for_a_search_at_once(database: Database, county: County) -> None:
    be(database, county, state=CaseState.LOST_CONTACT, state_since=NOW)
    (clock,) = running(database, county).values()
    assert (clock.rule.name, clock.over(NOW)) == ("search", True)


def test_detention_is_listed_without_an_end(database: Database, county: County) -> None:
    be(database, county, state=CaseState.DETAINED)
    (clock,) = running(database, county).values()
    assert (clock.rule.name, clock.due.at) == ("detained", None)


def test_the_end_of_the_term_is_listed_30_days_before(database: Database, county: County) -> None:
    be(database, county, term_end=DAY + timedelta(days=31))
    assert running(database, county) == {}
    be(database, county, term_end=DAY + timedelta(days=30))
    (clock,) = running(database, county).values()
    assert clock.due.at == hours.day_end(DAY + timedelta(days=30))


def test_health_is_reported_every_month_and_the_next_month_begins_by_itself(
    database: Database, county: County
) -> None:
    be(database, county, category=Category.OUTSIDE_PRISON)
    first = running(database, county)["health_report"]
    assert first.due.at == hours.day_end(date(2026, 12, 3)), "a month after 3 November"
    done(database, county, "health_report", date(2026, 11, 19), "体检报告")
    following = running(database, county)["health_report"]
    assert following.began == hours.day_start(date(2026, 11, 19))
    assert following.due.at == hours.day_end(date(2026, 12, 21)), "the 19th is a Saturday"


def test_an_officer_starts_a_clock_with_the_day_of_its_paper_and_ends_it(
    database: Database, county: County
) -> None:
    start(database, county, "papers_incomplete", date(2026, 11, 4))
    clock = running(database, county)["papers_incomplete"]
    assert clock.due.at == hours.day_end(date(2026, 11, 9))
    assert clock.over(NOW)
    stopped = done(database, county, "papers_incomplete")
    assert running(database, county) == {}
    with database.reading() as session:
        row = session.get_one(LegalClock, stopped)
        assert (row.stopped_at, row.outcome, row.basis) == (NOW, "已办", "IM 16 R")


def test_a_clock_that_runs_keeps_the_end_it_was_given(
    database: Database, county: County, settings: Settings, tmp_path: Path
) -> None:
    start(database, county, "notify", date(2026, 11, 4))
    shipped = (tables.SHIPPED / tables.CLOCKS).read_text()
    (tmp_path / tables.CLOCKS).write_text(shipped.replace("days = 5", "days = 15"))
    amended = open_database(settings.model_copy(update={"law_dir": tmp_path}))
    with amended.reading() as session:
        (clock,) = clocks.running(session, clocks.of(county.case), NOW)
        assert clock.rule.limit is not None
        assert (clock.rule.limit.days, clock.due.at) == (15, hours.day_end(date(2026, 11, 9)))
    amended.close()


def test_a_deadline_in_a_year_without_holidays_on_file_says_so(
    database: Database, county: County
) -> None:
    start(database, county, "medical_review", DAY)
    assert not running(database, county)["medical_review"].due.exact


@pytest.mark.parametrize(
    ("name", "on", "note"),
    [
        ("notify", date(2026, 11, 21), "函"),
        ("notify", DAY, " "),
        ("notify", DAY, "x" * 401),
        ("report_in", DAY, "函"),
        ("nothing", DAY, "函"),
    ],
)
def test_what_is_no_clock_is_not_started(
    database: Database, county: County, name: str, on: date, note: str
) -> None:
    with pytest.raises(Invalid):
        start(database, county, name, on, note)


def test_one_clock_of_a_kind_runs_and_is_ended_once_with_what_was_done(
    database: Database, county: County
) -> None:
    start(database, county, "revocation", DAY)
    with pytest.raises(Refused, match="runs already"):
        start(database, county, "revocation", DAY)
    with pytest.raises(Invalid, match="what was done"):
        done(database, county, "revocation", note="")
    with pytest.raises(Invalid, match="after it began"):
        done(database, county, "revocation", date(2026, 11, 19))
    done(database, county, "revocation")
    with pytest.raises(Refused, match="No such clock"):
        done(database, county, "revocation")


def test_what_the_register_opens_is_ended_by_its_facts_alone(
    database: Database, county: County
) -> None:
    be(database, county, state=CaseState.LOST_CONTACT)
    with pytest.raises(Refused, match="No such clock"):
        done(database, county, "search")


def test_clocks_of_another_office_are_nobodys_business(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.other_office), 9)
        other.state = CaseState.DETAINED
        session.flush()
        mine, volunteer = (officer(session, county, it) for it in (Role.OFFICER, Role.VOLUNTEER))
        with pytest.raises(NotFound):
            clocks.start(session, mine, other.id, "notify", on=DAY, note="函", now=NOW)
        with pytest.raises(Forbidden):
            clocks.start(session, volunteer, county.case, "notify", on=DAY, note="函", now=NOW)
    assert running(database, county) == {}


def test_pending_revocation_holds_the_paper_of_release_and_never_the_end_of_tracking(
    database: Database, county: County, tracked: Tracked
) -> None:
    be(database, county, term_end=DAY)
    start(database, county, "pending_revocation", DAY, "撤销缓刑建议书 2026-1")
    over = hours.day_end(DAY)
    with database.transaction(SYSTEM, "test") as session:
        case, mine = session.get_one(Case, county.case), officer(session, county)
        with pytest.raises(Refused, match="is pending"):
            cases.move(session, mine, case.id, CaseState.RELEASED, note="期满", now=over)
        assert not case.supervised_at(over), "the term is over all the same"
        clocks.done(session, mine, case.id, cases.PENDING, on=DAY, note="不予撤销", now=over)
        cases.move(session, mine, case.id, CaseState.RELEASED, note="期满", now=over)
        assert case.state is CaseState.RELEASED
        order = session.get_one(PositioningOrder, tracked.order)
        assert not order.in_force(over)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_head_and_the_procurator_see_what_is_past_with_its_mark(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    start(database, county, "papers_incomplete", date(2026, 11, 4), "起诉书缺页")
    for role in (Role.COUNTY_HEAD, Role.PROCURATOR):
        page = client_of(role).get("/clocks/?over=1").text
        assert "documents incomplete: ask for the rest" in page
        assert "recalled: check the official text" in page
        assert "起诉书缺页" in page
    assert "5 days" in client_of(Role.PROCURATOR).get("/clocks/table").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_officer_starts_and_ends_a_clock_on_the_page_of_the_person(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    client, today = client_of(Role.OFFICER), hours.local_day(datetime.now(UTC)).isoformat()
    asked = {"rule": "guardian", "on": today, "note": "家访记录"}
    assert "家访记录" in client.post(
        f"/clocks/{county.case}/start", data=asked, follow_redirects=True
    ).text  # fmt: skip
    ended = client.post(
        f"/clocks/{county.case}/guardian/done",
        data={"on": today, "note": "已督促"},
        follow_redirects=True,
    )
    assert "No clock runs." in ended.text
