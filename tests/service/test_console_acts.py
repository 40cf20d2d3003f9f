"""What officers do in the console: every act has its rule, its words, and its way back."""

import re

from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.audit import AuditRecord
from models.case import Case
from models.checkin import CheckIn, Outcome, Way
from models.incident import Incident, IncidentState
from models.notice import Notice, NoticeState
from models.points import DraftState, PointsDraft, PointsEntry
from models.risk import FlagState, RiskFlag
from models.user import Role, User
from tests.county import County
from tests.desk import Desk
from tests.pages import SignedInClient


def views(database: Database, action: str) -> int:
    with database.reading() as session:
        query = select(func.count()).where(AuditRecord.action == action)
        return session.scalar(query) or 0


def test_an_incident_is_acknowledged_acted_on_closed_and_reopened(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    officer, path = client_of(Role.OFFICER), f"/incidents/{desk.incident}"
    officer.post(f"{path}/acknowledge")
    officer.post(f"{path}/act", data={"note": "已电话联系"})
    without = officer.post(f"{path}/close", data={"cause": ""}, follow_redirects=True)
    assert "An incident is closed with a cause." in without.text
    officer.post(f"{path}/close", data={"cause": "position_drift", "note": "核实为漂移"})
    text = officer.get(path).text
    assert all(word in text for word in ("已电话联系", "核实为漂移", "position drift"))
    officer.post(f"{path}/reopen", data={"note": "再查"})
    with database.reading() as session:
        incident = session.get_one(Incident, desk.incident)
        assert incident.state is IncidentState.OPEN
        assert {step.by for step in incident.steps} == {county.users[Role.OFFICER]}
        assert len(incident.steps) == 4


def test_an_act_leads_back_to_a_page_of_ours_only(client_of: SignedInClient, desk: Desk) -> None:
    officer, path = client_of(Role.OFFICER), f"/incidents/{desk.incident}/acknowledge"
    assert officer.post(path, data={"next": "/"}).location == "/"
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        assert officer.post(path, data={"next": target}).location == f"/incidents/{desk.incident}"


def test_the_export_holds_what_the_filters_chose_and_runs_no_formula(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, desk.case).person.name = "=1+1"
    officer = client_of(Role.OFFICER)
    table = officer.get("/incidents/export.csv").get_data(as_text=True)
    assert table.startswith("\ufeffnumber,case,name")
    assert ",'=1+1," in table
    closed = officer.get("/incidents/export.csv?state=closed").get_data(as_text=True)
    assert len(closed.splitlines()) == 1
    assert views(database, "export_incidents") == 2


def test_a_flag_is_put_away_with_a_note_only(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    page = officer.get(f"/flags/{desk.flag}").text
    assert "LCC 30" in page
    assert "Ill or in hospital." in page
    officer.post(f"/flags/{desk.flag}/handle", data={"note": " "})
    assert str(desk.flag) in officer.get("/flags/").text
    officer.post(f"/flags/{desk.flag}/handle", data={"note": "已联系，手机损坏"})
    with database.reading() as session:
        assert session.get_one(RiskFlag, desk.flag).state is FlagState.HANDLED


def test_a_draft_is_confirmed_with_a_reason_and_the_entry_taken_back(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/points/drafts/{desk.draft}/confirm", data={"note": "无正当理由"})
    with database.reading() as session:
        entry = session.scalars(select(PointsEntry)).one().id
    assert "无正当理由" in officer.get(f"/cases/{desk.case}/points?month=2026-11").text
    officer.post(f"/points/entries/{entry}/reverse", data={"note": "系统故障"})
    with database.reading() as session:
        assert sum(session.scalars(select(PointsEntry.points))) == 0


def test_a_draft_is_refused_for_a_protected_reason(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    form = {"note": "住院", "excuse": "illness"}
    client_of(Role.OFFICER).post(f"/points/drafts/{desk.draft}/refuse", data=form)
    with database.reading() as session:
        draft = session.get_one(PointsDraft, desk.draft)
        assert (draft.state, draft.excuse) == (DraftState.REFUSED, "illness")


def test_a_call_that_reached_the_person_proves_delivery(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/calls/{desk.notice}", data={"reached": "no"})
    assert "1 try" in officer.get("/calls/").text
    officer.post(f"/calls/{desk.notice}", data={"reached": "yes"})
    with database.reading() as session:
        assert session.get_one(Notice, desk.notice).state is NoticeState.DELIVERED


def test_an_officer_records_a_check_in_of_equal_rank(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    refused = officer.post(
        f"/cases/{desk.case}/attest", data={"way": "phone"}, follow_redirects=True
    )
    assert "Choose a call, a visit, the counter or a video call." in refused.text
    officer.post(f"/cases/{desk.case}/attest", data={"way": "officer_visit", "note": "家中"})
    with database.reading() as session:
        found = session.scalars(select(CheckIn).where(CheckIn.way == Way.OFFICER_VISIT)).one()
        assert found.outcome is Outcome.ATTESTED


def test_a_request_for_help_is_closed_with_what_was_done(
    client_of: SignedInClient, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    officer.post(f"/cases/{desk.case}/help/{desk.help}", data={"note": "已回电"})
    assert f'id="help-{desk.help}"' not in officer.get(f"/cases/{desk.case}").text


def test_an_administrator_adds_resets_closes_and_opens_accounts(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    admin = client_of(Role.ADMINISTRATOR)
    form = {"username": "li", "name": "李某", "role": "officer", "office": str(county.office)}
    first = re.search(r'<code class="secret">([^<]+)', admin.post("/users/", data=form).text)
    taken = admin.post("/users/", data=form)
    assert (taken.status_code, "This user name is taken." in taken.text) == (422, True)
    with database.reading() as session:
        made = session.scalars(select(User).where(User.username == "li")).one()
        user, epoch, must_change = made.id, made.session_epoch, made.must_change_password
        assert made.office_id == county.office
    again = re.search(r'<code class="secret">([^<]+)', admin.post(f"/users/{user}/reset").text)
    assert first
    assert again
    assert first.group(1) != again.group(1)
    admin.post(f"/users/{user}/close")
    own = admin.post(f"/users/{county.users[Role.ADMINISTRATOR]}/close", follow_redirects=True)
    assert "You cannot close your own account." in own.text
    with database.reading() as session:
        closed = session.get_one(User, user)
        assert (must_change, closed.active, closed.session_epoch) == (True, False, epoch + 2)
    admin.post(f"/users/{user}/reopen")
    with database.reading() as session:
        assert session.get_one(User, user).active
