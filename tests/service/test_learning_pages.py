"""The pages of education and public-benefit activity, of the console and of the phone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.learning import activities
from models.activity import (
    Activity,
    Attendance,
)
from models.agency import Office
from models.case import Case
from models.user import Role
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.service.test_learning import LESSON, face, invited, officer
from tests.tracked import HUICHUAN

HOUR = timedelta(hours=1)


def local(at: datetime) -> str:
    return f"{at + timedelta(hours=8):%Y-%m-%dT%H:%M}"


def typed(**changes: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "kind": "public_benefit",
        "title": "河岸清洁",
        "tasks": "捡拾垃圾",
        "minors": "0",
        "place": "汇川大道",
        "lat": str(HUICHUAN[0]),
        "lon": str(HUICHUAN[1]),
        "radius_m": "200",
        "starts_at": local(now + timedelta(minutes=30)),
        "ends_at": local(now + timedelta(hours=2)),
        "capacity": "20",
        **changes,
    }


def test_what_was_typed_stays_beside_what_is_wrong(client_of: SignedInClient) -> None:
    client = client_of(Role.OFFICER)
    refused = client.post("/learning/", data=typed(capacity="many"))
    assert refused.status_code == 422
    assert "Give a whole number." in refused.text
    assert "河岸清洁" in refused.text
    assert client.post("/learning/", data=typed(lat="nan")).status_code == 422


def test_an_officer_arranges_the_phone_says_here_and_go(
    client_of: SignedInClient, opened_phone: FlaskClient, database: Database, county: County
) -> None:
    client = client_of(Role.OFFICER)
    made = client.post("/learning/", data=typed()).location
    page = client.post(f"{made}/invite", data={"case": str(county.case)}, follow_redirects=True)
    assert "Invited." in page.text
    shown = opened_phone.get("/m/learning").text
    assert "河岸清洁" in shown
    assert "捡拾垃圾" in shown
    with database.transaction(SYSTEM, "test") as session:
        number = session.scalars(select(Attendance.id)).one()
        case = session.get_one(Case, county.case)
        face(session, case, datetime.now(UTC), away_deg=0.01)
    path = f"/m/learning/{number}"
    told = opened_phone.post(f"{path}/here", follow_redirects=True).text
    assert "your position is 1,1" in told or "your position is 11" in told
    assert "Nothing more is asked." not in told
    assert "You said that you go" in opened_phone.post(f"{path}/go", follow_redirects=True).text
    seen = client.get(made).text
    assert "away from the place" in seen
    assert "1.1 km" in seen


def test_the_phone_takes_no_word_for_another(
    client_of: SignedInClient, opened_phone: FlaskClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.office), 8)
        session.flush()
        user = officer(session, county)
        now = datetime.now(UTC)
        soon = replace(LESSON, starts_at=now + HOUR, ends_at=now + 2 * HOUR)
        made = activities.arrange(session, user, soon, now)
        number = activities.invite(session, user, made.id, [other.id], NOW)[0].id
    assert opened_phone.post(f"/m/learning/{number}/here").status_code == 404
    page = client_of(Role.OFFICER).get(f"/learning/cases/{county.case}")
    assert "This person was not invited to anything yet." in page.text


def test_an_activity_of_a_room_shows_who_came(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        number, activity_id = attendance.id, attendance.activity_id
        activity = session.get_one(Activity, activity_id)
        activity.starts_at, activity.ends_at = NOW - 5 * HOUR, NOW - 3 * HOUR
    client = client_of(Role.OFFICER)
    page = f"/learning/{activity_id}"
    form = {"minutes": "90", "note": "", "next": page}
    path = f"/learning/attendances/{number}"
    assert "1 h 30 min" in client.post(f"{path}/attend", data=form, follow_redirects=True).text
    form = {"excuse": "illness", "note": "病历", "next": page}
    assert "illness" in client.post(f"{path}/excuse", data=form, follow_redirects=True).text
    assert "The list is closed." in client.post(f"{page}/close", follow_redirects=True).text
