"""The pages of the phone: next, messages, points, decisions, other ways."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service import access, hours
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from correction_service.discipline import measures
from correction_service.discipline.measures import File
from correction_service.people import consents
from correction_service.presence import duties, help_requests
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckInDuty, DutyState
from models.discipline import MeasureKind
from models.help_request import HelpKind, HelpRequest
from models.notice import Notice, NoticeState
from models.person import Person
from models.user import Role, User
from tests.county import County, add_draft
from tests.service.phone_client import code, phone

__all__ = ["code", "phone"]


def test_home_says_what_is_next_and_shows_messages_which_proves_delivery(
    phone: FlaskClient,
    database: Database,
    county: County,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noon = hours.at(hours.local_day(datetime.now(UTC)) + timedelta(days=1), time(12))
    with phone.session_transaction() as cookie:
        cookie["person"]["at"] = noon.timestamp()
        cookie.modified = True
    monkeypatch.setattr(access, "now", lambda: noon)
    with database.transaction(SYSTEM, "test") as session:
        asked = duties.on_demand(session, session.get_one(Case, county.case), noon, settings).id
    page = phone.get("/m/").text
    assert "Please check in on your phone page" in page
    with database.reading() as session:
        notice = session.scalars(select(Notice).where(Notice.duty_id == asked)).one()
        assert (notice.state, notice.channel) == (NoticeState.DELIVERED, "page")
        assert session.get_one(CheckInDuty, asked).state is DutyState.DUE


def test_points_show_every_entry_with_its_reason_and_what_was_taken_back(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        draft = add_draft(session, county.case, "checkin_missed", "duty:1", now.date())
        entry = points.confirm(session, draft, officer, now, "missed without a reason")
        points.reverse(session, entry, officer, now, "the hospital confirmed the visit")
    page = phone.get("/m/points").text
    assert "missed without a reason" in page
    assert "was taken back: it does not count" in page
    assert "the hospital confirmed the visit" in page


def test_an_entry_is_objected_to_on_the_phone_and_its_page_says_who_answers_by_when(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "stand_in", "checkin:1", now.date())
        entry = points.confirm(session, draft, county.users[Role.OFFICER], now, "a stand-in")
    page = phone.post(
        f"/m/points/{entry.id}/object", data={"text": "it was me"}, follow_redirects=True
    ).text
    assert "Your objection is taken." in page
    assert "Until then it does not count." in page
    assert phone.post("/m/points/0/object", data={"text": "it was me"}).status_code == 404


def test_a_decision_is_shown_once_it_was_served_with_its_ground_and_law(
    phone: FlaskClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    file = File(
        kind=MeasureKind.ADMONITION,
        limb="minor_breach",
        facts=["document:PV-12"],
        found="did not report twice",
        happened_on=now.date(),
    )
    with database.transaction(SYSTEM, "test") as session:
        officer, head = (
            session.get_one(User, county.users[role]) for role in (Role.OFFICER, Role.COUNTY_HEAD)
        )
        made = measures.prepare(session, officer, county.case, file, now)
        measures.hear(session, officer, made.id, "says nothing", now)
        measures.decide(
            session, head, made.id, agreed=True, number="N-3", reason="it is so", now=now
        )
    assert "N-3" not in phone.get("/m/points").text
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, county.users[Role.OFFICER])
        measures.serve(session, user, made.id, "handed over", now)
    page = phone.get("/m/points").text
    assert all(said in page for said in ("Admonition", "minor breach", "IM 34 (S)", "N-3"))


def test_another_way_is_asked_for_once_and_waits_for_an_officer(
    phone: FlaskClient, database: Database
) -> None:
    for _ in range(2):
        page = phone.post("/m/help", data={"kind": "video_call"}, follow_redirects=True).text
    assert "Your officer has been told" in page
    with database.reading() as session:
        asked = session.scalars(select(HelpRequest)).one()
        assert (asked.kind, asked.handled_at) == (HelpKind.VIDEO_CALL, None)


def test_a_call_asked_for_beside_a_check_in_can_be_asked_for_as_another_way(
    phone: FlaskClient, database: Database, county: County
) -> None:
    button, pressed = '<button name="kind" value="call_back" >', 'value="call_back" disabled'
    with database.transaction(SYSTEM, "test") as session:
        case, now = session.get_one(Case, county.case), datetime.now(UTC)
        help_requests.ask(session, case, HelpKind.CALL_BACK, now, beside=True)
    assert button in phone.get("/m/help").text
    assert pressed in phone.post("/m/help", data={"kind": "call_back"}, follow_redirects=True).text
    with database.reading() as session:
        assert session.scalars(select(HelpRequest)).one().other_way_at is not None


def test_without_consent_the_check_in_leads_to_the_other_ways(
    phone: FlaskClient, database: Database, enrolled: UUID
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        consents.withdraw(session, session.get_one(Person, enrolled), None, datetime.now(UTC))
    page = phone.get("/m/checkin", follow_redirects=True).text
    assert "The face check is off for you." in page
    assert "Check in by video call" in page
