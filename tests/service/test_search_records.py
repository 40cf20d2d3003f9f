"""A search: drafted by the software, declared, led and ended by officers."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.searches import searches
from correction_service.searches.searches import Step
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, Refused
from models.risk import FlagKind, FlagState, RiskFlag
from models.risk_score import Band
from models.search import Finding, LetterKind, SearchRecord, SearchState, StepKind
from models.user import Role, User
from tests.county import DAY, NOW, County, make_case
from tests.pages import SignedInClient

HOUR = timedelta(hours=1)
TRIED = Step(kind=StepKind.CALL, happened_at=NOW - HOUR, outcome="无人接听", evidence="录音 7")


def officer(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def lost(session: Session, county: County) -> Case:
    case = session.get_one(Case, county.case)
    case.move(CaseState.LOST_CONTACT, NOW - HOUR)
    session.flush()
    return case


def opened(session: Session, county: County, since: date = DAY) -> SearchRecord:
    return searches.begin(session, officer(session, county), county.case, since, NOW)


def flag(session: Session, county: County, band: Band) -> RiskFlag:
    made = RiskFlag(
        case_id=county.case,
        kind=FlagKind.SLIPPING_AWAY,
        key="slipping",
        day=DAY,
        law="LCC 30",
        reasons=[{"fact": "last_check_in", "at": None, "quality": "register", "facts": {}}],
        band=band,
        points=9,
        weights="x",
        raised_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def test_lost_contact_drafts_a_search_at_once_and_only_one(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert searches.draft(session, NOW) == 0
        lost(session, county)
        assert searches.draft(session, NOW) == 1
        assert searches.draft(session, NOW + HOUR) == 0
        made = session.scalars(select(SearchRecord)).one()
        assert (made.state, made.since) == (SearchState.DRAFT, None)


def test_red_evidence_drafts_one_with_its_reasons_and_amber_none(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        seen = flag(session, county, Band.AMBER)
        assert searches.draft(session, NOW) == 0
        seen.band = Band.RED
        session.flush()
        assert searches.draft(session, NOW) == 1
        made = session.scalars(select(SearchRecord)).one()
        assert made.reasons == seen.reasons
        assert made.case.state is CaseState.UNDER_CORRECTION  # a draft changes nothing
        searches.drop(session, officer(session, county), made.id, "已联系上", NOW)
        assert seen.state is FlagState.OPEN
        assert searches.draft(session, NOW + HOUR) == 0


def test_an_officer_declares_it_and_says_since_when(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for wrong in (DAY + timedelta(days=1), date(2026, 10, 31)):
            with pytest.raises(Invalid) as refusal, session.begin_nested():
                opened(session, county, wrong)
            assert refusal.value.field == "since"
        made = opened(session, county, date(2026, 11, 9))
        assert made.case.state is CaseState.LOST_CONTACT
        assert searches.days_out(made, DAY) == 11
        user = officer(session, county, Role.PROCURATOR)
        with pytest.raises(Forbidden):
            searches.begin(session, user, county.case, DAY, NOW)


def test_its_clocks_are_ten_days_and_a_calendar_month(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ten, month = searches.clocks(opened(session, county, date(2026, 11, 9)))
        assert (ten.day, ten.law) == (date(2026, 11, 19), "IM 34 (S)")
        assert (month.day, month.law) == (date(2026, 12, 9), "LCC 46, IM 46 (S)")
        assert ten.over(date(2026, 11, 20))
        assert not ten.over(date(2026, 11, 19))


def test_a_step_has_its_time_its_outcome_and_who_made_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user, made = officer(session, county), opened(session, county)
        step = searches.step(session, user, made.id, TRIED, NOW)
        assert (step.made_by, step.evidence) == (user.id, "录音 7")
        future = Step(kind=StepKind.VISIT, happened_at=NOW + HOUR, outcome="无人")
        with pytest.raises(Invalid) as refusal:
            searches.step(session, user, made.id, future, NOW)
        assert refusal.value.field == "happened_at"


def test_not_found_goes_to_the_police_and_the_procuratorate_after_a_step(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user, made = officer(session, county), opened(session, county)
        police = LetterKind.POLICE
        with pytest.raises(Refused, match="tried comes first"):
            searches.send(session, user, made.id, police, number="1号", now=NOW)
        searches.step(session, user, made.id, TRIED, NOW)
        session.refresh(made)
        for kind in LetterKind:
            searches.send(session, user, made.id, kind, number="1号", now=NOW)
        session.refresh(made)
        with pytest.raises(Refused, match="already"):
            searches.send(session, user, made.id, police, number="2号", now=NOW)
        letter = searches.receive(session, user, made.id, police, how="回执", now=NOW)
        assert letter.received_at == NOW
        assert made.state is SearchState.OPEN


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (Finding.BACK, CaseState.UNDER_CORRECTION),
        (Finding.REFUSING, CaseState.ABSCONDED),
        (Finding.CUSTODY, CaseState.DETAINED),
        (Finding.DEAD, CaseState.LOST_CONTACT),  # the end of the case has its own act
    ],
)
def test_how_somebody_was_found_is_an_officers_finding(
    database: Database, county: County, finding: Finding, state: CaseState
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user, made = officer(session, county), opened(session, county)
        day = DAY if finding is Finding.CUSTODY else None
        searches.find(session, user, made.id, finding, note="见笔录", now=NOW, in_custody_since=day)
        assert (made.state, made.case.state) == (SearchState.FOUND, state)
        with pytest.raises(Refused, match="not open"):
            searches.find(session, user, made.id, finding, note="见笔录", now=NOW)
        assert searches.draft(session, NOW + HOUR) == 0


def test_the_pages_lead_from_the_draft_to_the_end(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        lost(session, county)
        searches.draft(session, NOW)
        made = session.scalars(select(SearchRecord.id)).one()
    client = client_of(Role.OFFICER)
    assert "an officer says since when" in client.get("/searches/").text
    client.post(f"/searches/cases/{county.case}", data={"since": "2026-11-09"})
    url = f"/searches/{made}"
    tried = {"kind": "visit", "happened_at": "2026-11-10T09:00", "note": "nobody there"}
    client.post(f"{url}/step", data=tried)
    client.post(f"{url}/letter", data={"kind": "police", "number": "L-1"})
    client.post(f"{url}/receipt", data={"kind": "police", "note": "stamp"})
    page = client.get(url).text
    assert all(said in page for said in ("nobody there", "L-1", "stamp", "2026-11-19", "IM 34 (S)"))
    client.post(f"{url}/found", data={"finding": "back", "note": "at home, was ill"})
    assert "at home, was ill" in client.get(url).text
    assert "Nobody is searched for." in client.get("/searches/").text
    procurator = client_of(Role.PROCURATOR)
    assert "L-1" in procurator.get(url).text
    assert procurator.post(f"{url}/step", data=tried).status_code == 403


def test_a_search_that_an_officer_begins_at_the_same_moment_stops_no_other_draft(
    database: Database, county: County
) -> None:
    def draft() -> int:
        with database.transaction(SYSTEM, "test") as session:
            return searches.draft(session, NOW)

    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(Case, county.case)
        second = make_case(session, first.office, 2)
        for case in (first, second):
            case.state, case.state_since = CaseState.LOST_CONTACT, NOW
    with ThreadPoolExecutor() as other:
        with database.transaction(SYSTEM, "test") as session:
            officer = session.get_one(User, county.users[Role.OFFICER])
            searches.begin(session, officer, county.case, DAY, NOW)
            drafted = other.submit(draft)
            wait([drafted], timeout=0.5)
        assert drafted.result(timeout=20) == 1
    with database.reading() as session:
        found = session.scalars(select(SearchRecord).order_by(SearchRecord.case_id)).all()
        assert [it.state for it in found] == [SearchState.OPEN, SearchState.DRAFT]
