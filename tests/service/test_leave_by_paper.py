"""Leave asked for on paper, in person or by a call: entered by an officer, decided as any other."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import leave_answers, leave_requests
from correction_service.casework.leave_requests import Asking
from correction_service.db import Database
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave
from models.leave_request import AskedHow, LeaveLevel, LeaveProof, LeaveRequest, RequestState
from models.notice import Notice
from models.user import Role
from tests.county import NOW, County
from tests.leave import DAY, PDF, approve, ask, lasting, user
from tests.pages import SignedInClient
from tests.service.test_leave_pages import local

ON_PAPER = Asking(how=AskedHow.PAPER)


def enter(
    database: Database,
    settings: Settings,
    county: County,
    asking: Asking = ON_PAPER,
    *,
    days: int = 3,
    role: Role = Role.OFFICER,
) -> int:
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, role)
        wish = lasting(days)
        return leave_requests.enter(
            session, settings, officer, county.case, wish, asking=asking, now=NOW
        ).id


def test_what_an_officer_enters_says_how_it_was_asked_and_who_entered_it(
    database: Database, county: County, settings: Settings
) -> None:
    request = enter(database, settings, county)
    with database.reading() as session:
        found = session.get_one(LeaveRequest, request)
        assert (found.asked_how, found.state) == (AskedHow.PAPER, RequestState.ASKED)
        assert found.entered_by == county.users[Role.OFFICER]
        written = select(AuditRecord.subject_kind).where(
            AuditRecord.subject_kind == "leave_request"
        )
        assert session.scalars(written).all() == ["leave_request"]


def test_what_the_person_asks_on_the_page_is_entered_by_nobody(
    database: Database, county: County, settings: Settings
) -> None:
    request = ask(database, settings, county)
    with database.reading() as session:
        found = session.get_one(LeaveRequest, request)
        assert (found.asked_how, found.entered_by) == (AskedHow.PAGE, None)
    with pytest.raises(Invalid, match="how it was asked"):
        enter(database, settings, county, Asking(how=AskedHow.PAGE))


@pytest.mark.parametrize(
    ("days", "decides"),
    [
        (7, (LeaveLevel.OFFICE, Role.OFFICE_HEAD)),
        (8, (LeaveLevel.COUNTY, Role.COUNTY_HEAD)),
        (31, (LeaveLevel.UPPER, None)),
    ],
)
def test_it_is_routed_decided_and_told_like_any_other(
    database: Database,
    county: County,
    settings: Settings,
    days: int,
    decides: tuple[LeaveLevel, Role | None],
) -> None:
    level, role = decides
    request = enter(database, settings, county, days=days)
    with database.reading() as session:
        assert session.get_one(LeaveRequest, request).level is level
    if role is None:
        with pytest.raises(Forbidden, match="above the county"):
            approve(database, county, request, Role.COUNTY_HEAD)
        return
    leave = approve(database, county, request, role)
    with database.reading() as session:
        assert session.get_one(Leave, leave).note == "外出审批表 9"
        assert session.scalars(select(Notice.kind)).all() == ["leave"]


def test_a_permit_for_regular_work_goes_the_same_way_to_the_county(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)
        wish = replace(lasting(180), regular=True)
        entered = leave_requests.enter(
            session, settings, officer, county.case, wish, asking=ON_PAPER, now=NOW
        )
        assert entered.level is LeaveLevel.COUNTY
        request = entered.id
        head = user(session, county, Role.OFFICE_HEAD)
        with pytest.raises(Forbidden, match=r"county agency \(IM 29, R\)"):
            leave_answers.approve(session, head, request, "审批表 3", NOW)
        longer = replace(wish, ends_at=wish.starts_at + 185 * DAY)
        with pytest.raises(Invalid, match="six months"):
            leave_requests.enter(
                session, settings, officer, county.case, longer, asking=ON_PAPER, now=NOW
            )
    leave = approve(database, county, request, Role.COUNTY_HEAD)
    with database.reading() as session:
        assert session.get_one(Leave, leave).regular


def test_short_notice_counts_from_the_day_of_the_paper(
    database: Database, county: County, settings: Settings
) -> None:
    """Asked in time and entered late is no short notice."""
    written = hours.local_day(NOW) - 2 * DAY
    request = enter(database, settings, county, replace(ON_PAPER, on=written))
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(LeaveRequest, request)
        found.starts_at = NOW + DAY
        assert found.asked_at == hours.day_start(written)
        assert not leave_requests.short_notice(session, found)
        before = found.case.effective_on - DAY
    for day in (hours.local_day(NOW) + DAY, before):
        with pytest.raises(Invalid) as refusal:
            enter(database, settings, county, replace(ON_PAPER, on=day))
        assert refusal.value.field == "asked_on"


def test_nobody_enters_for_a_case_that_is_not_theirs_or_has_ended(
    database: Database, county: County, settings: Settings
) -> None:
    for role in (Role.PROCURATOR, Role.VOLUNTEER, Role.UPPER_AGENCY):
        with pytest.raises((Forbidden, NotFound)):
            enter(database, settings, county, role=role)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.RELEASED
    with pytest.raises(Refused, match="ended"):
        enter(database, settings, county)


def test_what_was_entered_is_taken_back_as_the_person_says_and_theirs_by_themselves(
    database: Database, county: County, settings: Settings
) -> None:
    entered, own = enter(database, settings, county), ask(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)

        def take_back(request: int) -> RequestState:
            found = leave_requests.take_back(session, officer, county.case, request, NOW)
            return found.state

        assert take_back(entered) is RequestState.WITHDRAWN
        with pytest.raises(Refused, match="on the phone page"):
            take_back(own)
        with pytest.raises(NotFound):
            take_back(own + 1)


@pytest.fixture
def form() -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "asked_how": "paper",
        "reason": "medical",
        "destination": "贵阳市",
        "starts_at": local(now + timedelta(days=4)),
        "ends_at": local(now + timedelta(days=6)),
        "why": "到贵阳复查",
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_from_the_paper_to_the_head_and_to_the_persons_page(
    database: Database,
    county: County,
    form: dict[str, str],
    client_of: SignedInClient,
    opened_phone: FlaskClient,
) -> None:
    officer, cases = client_of(Role.OFFICER), f"/cases/{county.case}"
    asking = f"{cases}/leave-requests"
    assert asking in officer.get(f"{cases}/decisions").text
    assert "How it was asked" in officer.get(asking).text
    wrong = officer.post(asking, data=form | {"why": ""})
    assert (wrong.status_code, "Say in a few words" in wrong.text) == (422, True)
    assert form["ends_at"] in wrong.text, "what was typed stays"
    assert "Choose your files again" in wrong.text
    proof = {"proof": (io.BytesIO(PDF), "slip.pdf")}
    page = officer.post(asking, data=form | proof, follow_redirects=True).text
    assert "The request is entered." in page
    assert all(said in page for said in ("on paper", "Proof 1", "Take it back"))
    with database.reading() as session:
        request = session.scalars(select(LeaveRequest.id)).one()
        assert session.scalars(select(LeaveProof.request_id)).all() == [request]
    head = client_of(Role.OFFICE_HEAD)
    assert "Asks for leave" in head.get("/").text
    head.post(f"{asking}/{request}/approve", data={"note": "审批表 9"})
    page = opened_phone.get("/m/leave").text
    assert all(said in page for said in ("approved", "entered by your officer from paper"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_takes_back_what_was_entered(
    database: Database, county: County, form: dict[str, str], client_of: SignedInClient
) -> None:
    officer, asking = client_of(Role.OFFICER), f"/cases/{county.case}/leave-requests"
    officer.post(asking, data=form)
    page = officer.post(f"{asking}/1/take-back", follow_redirects=True).text
    assert "The request is taken back." in page
    with database.reading() as session:
        assert session.scalars(select(LeaveRequest.state)).one() is RequestState.WITHDRAWN
