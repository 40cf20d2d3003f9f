"""What officers look at of a check-in: the faces, liveness that nobody judged, and where it was."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.agency import Office
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyKind, DutyState, Outcome
from models.face import StoredPhoto
from models.review import CheckInReview
from models.user import Role
from tests.county import County, make_case
from tests.desk import Desk, unclear
from tests.pages import SignedInClient
from tests.tracked import BEYOND, HUICHUAN


def checked_in(database: Database, desk: Desk, receipt: str, **fields: object) -> int:
    """Add a check-in of now with the photo of the desk's; return its id."""
    with database.transaction(SYSTEM, "test") as session:
        photo = session.scalars(select(StoredPhoto).where(StoredPhoto.purpose == "checkin")).one()
        checkin = unclear(session.get_one(Case, desk.case), photo, receipt)
        checkin.at = datetime.now(UTC)
        for name, value in fields.items():
            setattr(checkin, name, value)
        session.add(checkin)
        session.flush()
        return checkin.id


def test_a_review_is_written_down_and_the_next_one_loads(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    second = checked_in(database, desk, "R0000002")
    officer = client_of(Role.OFFICER)
    assert officer.get("/reviews/").location == f"/reviews/{desk.checkin}"
    page = officer.get(f"/reviews/{desk.checkin}").text
    assert "liveness not judged: nobody has checked" in page
    assert "The faces agree in part" in page
    noteless = officer.post(f"/reviews/{desk.checkin}", data={"decision": "concern"})
    assert (noteless.status_code, "Say what you saw." in noteless.text) == (422, True)
    officer.post(f"/reviews/{desk.checkin}", data={"decision": "match"})
    assert officer.get("/reviews/").location == f"/reviews/{second}"
    officer.post(f"/reviews/{second}", data={"decision": "no_match", "note": "非本人"})
    assert "Nothing waits for a review." in officer.get("/reviews/").text
    with database.reading() as session:
        assert session.scalar(select(func.count(CheckInReview.id))) == 2


def test_a_match_whose_liveness_nobody_judged_stands_in_a_list_that_does_not_press(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    line = "1 verified today, liveness not judged"
    assert line not in officer.get("/").text
    before = officer.get("/needs").text.count("data-row")
    matched = checked_in(database, desk, "R0000002", outcome=Outcome.MATCH)
    home = officer.get("/needs").text
    assert (line in home, home.count("data-row")) == (True, before)
    assert line not in client_of(Role.PROCURATOR).get("/").text
    listed = officer.get("/reviews/verified").text
    assert f'href="/reviews/{matched}"' in listed
    assert f'href="/reviews/{desk.checkin}"' not in listed
    officer.post(f"/reviews/{desk.checkin}", data={"decision": "match"})
    assert f'href="/reviews/{matched}"' in officer.get("/reviews/").text
    assert "liveness not judged: nobody has checked" in officer.get(f"/reviews/{matched}").text
    officer.post(f"/reviews/{matched}", data={"decision": "concern", "note": "像屏幕"})
    assert f'href="/reviews/{matched}"' not in officer.get("/reviews/").text


def test_where_a_check_in_was_is_shown_on_demand_and_the_look_is_logged(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    officer = client_of(Role.OFFICER)
    places = ((HUICHUAN, "inside 红花岗区"), (BEYOND, "outside 红花岗区"))
    for number, ((lat, lon), says) in enumerate(places):
        fields = {"lat": lat, "lon": lon, "accuracy_m": 30.4}
        checkin = checked_in(database, desk, f"R000001{number}", **fields)
        for page in (f"/cases/{desk.case}/checkins", f"/reviews/{checkin}"):
            text = officer.get(page).text
            assert f"/reviews/{checkin}/where" in text
            assert str(lat) not in text
        answer = officer.post(f"/reviews/{checkin}/where").text
        assert says in answer
        assert "±30 m" in answer
    with database.reading() as session:
        looks = select(func.count()).where(AuditRecord.action == "view_place")
        assert session.scalar(looks) == 2
    assert f"/reviews/{desk.checkin}/where" not in officer.get(f"/cases/{desk.case}/checkins").text


def test_where_a_check_in_was_is_for_those_who_may_see_locations(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    path = f"/reviews/{desk.checkin}/where"
    assert client_of(Role.UPPER_AGENCY).post(path).status_code == 403
    assert "Position unknown." in client_of(Role.OFFICER).post(path).text
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, desk.case).office_id = county.other_office
    assert client_of(Role.OFFICER).post(path).status_code == 404


def test_a_duty_held_by_a_concern_stands_in_a_list_until_somebody_saw_the_person(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    began = datetime.now(UTC) - timedelta(hours=6)
    held = checked_in(database, desk, "R0000002", at=began + timedelta(hours=1))
    with database.transaction(SYSTEM, "test") as session:
        duty = CheckInDuty(
            case_id=desk.case,
            kind=DutyKind.SCHEDULED,
            key="scheduled:held",
            opens_at=began,
            closes_at=began + timedelta(hours=2),
            missed_after=began + timedelta(hours=3),
            state=DutyState.DUE,
        )
        session.add(duty)
    officer = client_of(Role.OFFICER)
    title = "Held by a concern until somebody sees the person"
    assert title not in officer.get("/reviews/verified").text
    officer.post(f"/reviews/{held}", data={"decision": "concern", "note": "看不清"})
    page = officer.get("/reviews/verified").text
    assert title in page
    assert f'href="/reviews/{held}"' in page
    assert "1 check-in held by a concern: see the person" in officer.get("/needs").text
    officer.post(f"/cases/{desk.case}/attest", data={"way": "officer_visit", "note": "x"})
    assert title not in officer.get("/reviews/verified").text


def test_the_history_is_the_persons_and_not_only_the_cases(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        now = session.get_one(Case, desk.case)
        before = make_case(session, now.office, 77, person=now.person, state=CaseState.RELEASED)
        session.flush()
        photo = session.scalars(select(StoredPhoto).where(StoredPhoto.purpose == "checkin")).one()
        session.add(unclear(before, photo, "R0000003"))
        number = before.number
    later = checked_in(database, desk, "R0000004")
    page = client_of(Role.OFFICER).get(f"/reviews/{later}").text
    assert f">{number}</span>" in page
    with database.transaction(SYSTEM, "test") as session:
        before = session.scalars(select(Case).where(Case.number == number)).one()
        before.office = session.scalars(select(Office).where(Office.id != before.office_id)).one()
    assert number not in client_of(Role.OFFICER).get(f"/reviews/{later}").text
