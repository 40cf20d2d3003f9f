"""The forms of leave: printed for a request, since an approval asks for the paper's number."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import leave_requests
from correction_service.casework.leave_requests import Asking
from correction_service.db import Database
from correction_service.forms import prints, subjects
from correction_service.forms.catalogue import Subject, catalogue
from correction_service.settings import Settings
from models.case import Case
from models.errors import NotFound
from models.leave_request import LeaveRequest, RequestState
from models.printed_form import FormKind, PrintedForm
from models.user import Role
from tests.county import NOW, County, make_case
from tests.leave import DAY, PDF, WISH, approve, ask, user
from tests.pages import SignedInClient

REQUEST = Subject.REQUEST.value
LEAVE, REGULAR = FormKind.LEAVE_APPROVAL, FormKind.REGULAR_TRAVEL_APPROVAL


def rows(
    session: Session, county: County, kind: FormKind, number: int, about: str = REQUEST
) -> dict[str, str]:
    officer = user(session, county, Role.OFFICER)
    draft = prints.prepare(session, officer, county.case, kind, number, about=about, now=NOW)
    assert prints.paper(draft.filled, NOW).startswith(b"%PDF")
    return {row[0]: row[1] for row in draft.filled["rows"]}


def options(session: Session, county: County, kind: FormKind) -> list[str]:
    case = session.get_one(Case, county.case)
    return [it.value for it in subjects.options(session, catalogue()[kind], case)]


def test_the_form_of_leave_is_printed_for_a_request_with_its_facts(
    database: Database, county: County, settings: Settings
) -> None:
    request = ask(database, settings, county, WISH, (PDF,))
    with database.transaction(SYSTEM, "test") as session:
        said = rows(session, county, LEAVE, request)
    assert said["外出目的地"] == "贵阳市"
    assert said["外出理由"] == "就医：到贵阳复查"
    assert said["外出期限"].endswith("共3日")
    assert re.search(r"月24日\d\d时\d\d分至2026年11月27日\d\d时\d\d分", said["外出期限"])
    assert said["证明材料"] == "申请时提交1份"


def test_a_leave_that_came_of_it_has_its_form_too(
    database: Database, county: County, settings: Settings
) -> None:
    request = ask(database, settings, county)
    leave = approve(database, county, request, Role.OFFICE_HEAD)
    with database.transaction(SYSTEM, "test") as session:
        assert options(session, county, LEAVE) == [f"request-{request}", str(leave)]
        said = rows(session, county, LEAVE, leave, about="")
    assert said["证明材料"] == "外出审批表 9"


def test_the_form_of_regular_travel_is_of_regular_requests_and_leaves_alone(
    database: Database, county: County, settings: Settings
) -> None:
    regular = replace(WISH, regular=True, ends_at=WISH.starts_at + 100 * DAY)
    request, other = ask(database, settings, county, regular), ask(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        assert options(session, county, REGULAR) == [f"request-{request}"]
        assert options(session, county, LEAVE) == [f"request-{other}"]
        said = rows(session, county, REGULAR, request)
        assert (said["目的地"], said["经常性活动的理由"]) == ("贵阳市", "就医：到贵阳复查")
        with pytest.raises(NotFound):
            rows(session, county, REGULAR, other)
        with pytest.raises(NotFound):
            rows(session, county, LEAVE, request)


def test_what_was_taken_back_needs_no_leave_or_is_another_cases_has_no_form(
    database: Database, county: County, settings: Settings
) -> None:
    request = ask(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(LeaveRequest, request)
        for state in (RequestState.WITHDRAWN, RequestState.NOT_NEEDED, RequestState.REFUSED):
            found.state = state
            session.flush()
            assert options(session, county, LEAVE) == []
        found.state = RequestState.ASKED
        other = make_case(session, found.case.office, 77)
        session.flush()
        asked = leave_requests.ask(session, settings, other, WISH, asking=Asking(), now=NOW)
        with pytest.raises(NotFound):
            rows(session, county, LEAVE, asked.id)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_prints_for_a_request_and_keeps_what_it_was_about(
    database: Database, county: County, settings: Settings, client_of: SignedInClient
) -> None:
    start = datetime.now(UTC) + DAY
    wish = replace(WISH, starts_at=start, ends_at=start + 2 * DAY)
    request = ask(database, settings, county, wish)
    officer, forms = client_of(Role.OFFICER), f"/cases/{county.case}/forms"
    assert "Print the approval form" in officer.get(f"/cases/{county.case}/decisions").text
    assert f'value="request-{request}"' in officer.get(forms).text
    chosen = {"subject": f"request-{request}"}
    assert officer.post(f"{forms}/{LEAVE}/draft", data=chosen).data.startswith(b"%PDF")
    assert officer.post(f"{forms}/{LEAVE}", data=chosen).status_code == 302
    assert officer.post(f"{forms}/{LEAVE}", data={"subject": "order-1"}).status_code == 404
    with database.reading() as session:
        kept = session.execute(select(PrintedForm.subject_id, PrintedForm.about)).all()
        assert [tuple(it) for it in kept] == [(request, "request")]
