"""Going about the own city is no leave (IM 26): said before it is asked, and answered so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import (
    leave_answers,
    leave_requests,
    leave_routes,
    leaves,
    overdue,
    worklist,
)
from correction_service.casework.leave_requests import Asking
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.zones import destinations
from models.case import Case, CaseState
from models.errors import Forbidden, NotFound, Refused, Unclear
from models.leave import Leave
from models.leave_request import LeaveLevel, LeaveRequest, RequestState
from models.notice import Notice
from models.user import Role
from tests.county import NOW, County
from tests.leave import DAY, WISH, lasting, user
from tests.pages import SignedInClient
from tests.service.test_leave_pages import local
from tests.service.test_leaves import APPROVAL

ABOUT_TOWN = replace(WISH, divisions=["520302", "520304"])  # 红花岗区, 播州区: Zunyi's districts


def ask(
    session: Session,
    settings: Settings,
    county: County,
    wish: leave_requests.Wish = ABOUT_TOWN,
    *,
    anyway: bool = True,
) -> LeaveRequest:
    case = session.get_one(Case, county.case)
    return leave_requests.ask(session, settings, case, wish, asking=Asking(anyway=anyway), now=NOW)


@pytest.mark.parametrize(
    ("codes", "division", "home"),
    [
        (["520302"], "520303", True),
        (["520302", "520304"], "520303", True),
        (["520321"], "520303", False),  # 遵义县 by its old code, or a county: no district
        (["520302", "520100"], "520303", False),
        (["520300"], "520303", False),  # the whole of Zunyi has counties, too
        (["520382"], "520382", True),  # a county-level city is one place by itself
        (["520303"], "520382", False),
        (["110105"], "110101", True),
        ([], "520303", False),
        (["999999"], "520303", False),
    ],
)
def test_the_districts_of_one_city_are_one_place(
    codes: list[str], division: str, *, home: bool
) -> None:
    assert destinations.at_home(codes, division) is home


def test_who_asks_is_told_before_that_no_leave_is_needed_and_may_ask_anyway(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Unclear, match=r"needs no leave \(IM 26, R\)") as told:
            ask(session, settings, county, anyway=False)
        assert (told.value.field, told.value.answer) == ("destination", "anyway")
        assert session.scalars(select(LeaveRequest.id)).all() == []
        asked = ask(session, settings, county)
        assert (asked.at_home, asked.level, asked.state) == (
            True,
            LeaveLevel.OFFICE,
            RequestState.ASKED,
        )
        away = ask(session, settings, county, WISH, anyway=False)
        assert not away.at_home


def test_an_officer_answers_that_none_is_needed_and_the_person_is_told(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        asked = ask(session, settings, county)
        officer = user(session, county, Role.OFFICER)
        leave_answers.needs_none(session, officer, asked.id, "去吧", NOW)
        assert (asked.state, asked.decision) == (RequestState.NOT_NEEDED, "去吧")
        assert asked.decided_by == officer.id
        assert session.scalars(select(Notice.kind)).all() == ["leave"]
        with pytest.raises(Refused, match="already"):
            leave_answers.needs_none(session, officer, asked.id, "", NOW)


def test_nobody_grants_or_refuses_what_needs_no_leave(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        asked = ask(session, settings, county, replace(ABOUT_TOWN, ends_at=lasting(40).ends_at))
        head = user(session, county, Role.COUNTY_HEAD)
        for act in (leave_answers.approve, leave_answers.refuse):
            with pytest.raises(Refused, match="answer that no leave is needed"):
                act(session, head, asked.id, "审批表 9", NOW)
        assert asked.state is RequestState.ASKED
        for role in (Role.PROCURATOR, Role.VOLUNTEER):
            with pytest.raises(Forbidden):
                leave_answers.needs_none(session, user(session, county, role), asked.id, "", NOW)
        session.get_one(Case, county.case).office_id = county.other_office
        session.flush()
        officer = user(session, county, Role.OFFICER)
        with pytest.raises(NotFound):
            leave_answers.needs_none(session, officer, asked.id, "", NOW)


def test_leave_beyond_the_city_is_not_answered_that_none_is_needed(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        asked = ask(session, settings, county, WISH)
        with pytest.raises(Refused, match="decided as leave"):
            leave_answers.needs_none(
                session, user(session, county, Role.OFFICER), asked.id, "", NOW
            )


def test_it_never_becomes_a_leave_is_never_overdue_and_counts_towards_no_days(
    database: Database, county: County, settings: Settings
) -> None:
    long = replace(ABOUT_TOWN, ends_at=lasting(40).ends_at)
    with database.transaction(SYSTEM, "test") as session:
        officer = user(session, county, Role.OFFICER)
        asked = ask(session, settings, county, long)
        leave_answers.needs_none(session, officer, asked.id, "", NOW)
        paper = replace(APPROVAL, divisions=ABOUT_TOWN.divisions)
        with pytest.raises(Refused, match="nothing is recorded") as refusal:
            leaves.approve(session, officer, county.case, paper, NOW)
        assert refusal.value.field == "destination"
        assert session.scalars(select(Leave.id)).all() == []
        assert overdue.watch(session, long.ends_at + 2 * DAY) == 0
        case = session.get_one(Case, county.case)
        assert case.state is CaseState.UNDER_CORRECTION
        later = leave_routes.route(session, case, long.ends_at, long.ends_at + 5 * DAY)
        assert (later.level, later.days_in_window) == (LeaveLevel.OFFICE, 5)


def test_it_waits_for_every_officer_of_the_case(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ask(session, settings, county)
        ask(session, settings, county, WISH)

        def waiting(role: Role) -> int:
            items = worklist.items(session, user(session, county, role), NOW)
            return sum(it.need is Need.REQUESTS for it in items)

        assert (waiting(Role.OFFICER), waiting(Role.OFFICE_HEAD)) == (1, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_from_the_phone_to_the_answer_and_back(
    database: Database, county: County, opened_phone: FlaskClient, client_of: SignedInClient
) -> None:
    now = datetime.now(UTC)
    form = {
        "reason": "medical", "destination": "红花岗区", "why": "复查",
        "starts_at": local(now + timedelta(days=1)), "ends_at": local(now + timedelta(days=2)),
    }  # fmt: skip
    told = opened_phone.post("/m/leave", data=form)
    assert told.status_code == 422
    assert all(said in told.text for said in ("needs no leave", 'name="anyway"', "Ask anyway"))
    assert opened_phone.post("/m/leave", data=form | {"anyway": "1"}).status_code == 302
    officer, cases = client_of(Role.OFFICER), f"/cases/{county.case}"
    page = officer.get(f"{cases}/decisions").text
    assert "Answer: no leave is needed" in page
    assert "Print the approval form" not in page
    officer.post(f"{cases}/leave-requests/1/not-needed", data={"note": "不必请假"})
    page = opened_phone.get("/m/leave").text
    assert all(said in page for said in ("no leave needed: you may go", "不必请假"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_officer_who_enters_one_is_told_too(county: County, client_of: SignedInClient) -> None:
    now = datetime.now(UTC)
    form = {
        "asked_how": "call", "reason": "medical", "destination": "红花岗区", "why": "复查",
        "starts_at": local(now + timedelta(days=1)), "ends_at": local(now + timedelta(days=2)),
    }  # fmt: skip
    officer, asking = client_of(Role.OFFICER), f"/cases/{county.case}/leave-requests"
    told = officer.post(asking, data=form)
    assert (told.status_code, 'name="anyway"' in told.text) == (422, True)
    page = officer.post(asking, data=form | {"anyway": "1"}, follow_redirects=True).text
    assert "The request is entered." in page
    other = officer.post(f"/cases/{county.case + 1}/leave-requests/1/not-needed")
    assert other.status_code == 404
