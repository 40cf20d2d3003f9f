"""The roster, bulk work and parked alerts on the console's pages, for the right people."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import LEGAL_ZONE
from models.incident import Incident
from models.outbox import Outbox
from models.shift import Shift
from models.user import Role, User
from tests.county import County
from tests.desk import Desk
from tests.pages import SignedInClient
from tests.service.test_shifts import crew_of

TOMORROW = hours.local_day(datetime.now(UTC)) + timedelta(days=1)


def form_of(county: County, **fields: object) -> dict[str, object]:
    crew = crew_of(county)
    people = {"officer": crew.officer, "cover": crew.cover, "head": crew.head}
    days = {"week": TOMORROW.isoformat(), "day": TOMORROW.isoformat()}
    return {**people, **days, "begins": "20:00", "ends": "08:00", "office": county.office, **fields}


def test_a_head_puts_people_on_a_night_and_everyone_sees_it(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    head, officer = client_of(Role.COUNTY_HEAD), client_of(Role.OFFICER)
    assert "Nobody is on this roster" in officer.get("/shifts/").text
    assert head.post("/shifts/", data=form_of(county)).status_code == 302
    with database.reading() as session:
        shift = session.scalars(select(Shift)).one()
        number = shift.id
        begins, ends = (at.astimezone(LEGAL_ZONE) for at in (shift.begins_at, shift.ends_at))
    assert (begins.date(), begins.hour, ends.hour) == (TOMORROW, 20, 8)
    assert ends - begins == timedelta(hours=12)
    page = officer.get(f"/shifts/?week={TOMORROW}").text
    assert f"{begins:%m-%d %H:%M} – {ends:%m-%d %H:%M}" in page
    assert "nobody is on duty" in page
    assert "/shifts/change" not in page
    page = head.get(f"/shifts/?week={TOMORROW}&office={county.office}").text
    assert "/shifts/change" in page
    swapped = form_of(county, shift=number, head=crew_of(county).cover, cover=crew_of(county).head)
    assert head.post("/shifts/change", data=swapped).status_code == 302
    assert head.post("/shifts/remove", data=form_of(county, shift=number)).status_code == 302
    with database.reading() as session:
        assert session.scalars(select(Shift)).all() == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"day": []}, "Choose a day."),
        ({"begins": "8 o'clock"}, "hours and minutes"),
        ({"officer": ""}, "Choose an account"),
        ({"day": "2020-01-01"}, "over already"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_entered(
    client_of: SignedInClient, county: County, fields: dict[str, object], says: str
) -> None:
    answer = client_of(Role.COUNTY_HEAD).post("/shifts/", data=form_of(county, **fields))
    assert answer.status_code == 422
    assert says in answer.text
    assert 'value="20:00"' in answer.text or "begins" in fields


def test_only_heads_arrange_and_nobody_another_offices_roster(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    assert client_of(Role.OFFICER).post("/shifts/", data=form_of(county)).status_code == 403
    near = client_of(Role.OFFICE_HEAD)
    assert near.get(f"/shifts/?office={county.other_office}").status_code == 404
    elsewhere = form_of(county, office=county.other_office)
    assert near.post("/shifts/", data=elsewhere).status_code == 404
    assert near.post("/shifts/change", data=form_of(county, shift=999)).status_code == 404


def test_a_head_gives_chosen_incidents_away_and_the_page_tells_the_story(
    client_of: SignedInClient, database: Database, county: County, desk: Desk
) -> None:
    head, officer = client_of(Role.COUNTY_HEAD), client_of(Role.OFFICER)
    assert 'form="reassign"' in head.get("/incidents/").text
    assert 'form="reassign"' not in officer.get("/incidents/").text
    given = {"incident": desk.incident, "officer": county.users[Role.OFFICER], "note": "值班调整"}
    assert officer.post("/incidents/reassign", data=given).status_code == 403
    assert head.post("/incidents/reassign", data=given).status_code == 302
    page = officer.get(f"/incidents/{desk.incident}").text
    assert "given to another officer: officer" in page
    assert "值班调整" in page
    assert "without an answer it goes to the covering officer" in page
    assert "<strong>yours</strong>" in officer.get("/needs").text
    assert f"/incidents/{desk.incident}" in officer.get("/incidents/?owner=me").text
    assert f"/incidents/{desk.incident}" not in officer.get("/incidents/?owner=none").text
    with database.reading() as session:
        assert session.get_one(Incident, desk.incident).owner_id == county.users[Role.OFFICER]


def test_parked_alerts_are_seen_tried_again_and_let_be(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    payload = {"kind": "incident_escalated", "ids": [1], "count": 1, "to": 1}
    row = Outbox(topic="mail", agency_id=county.agency, payload=payload, parked_reason="no address")
    row.created_at = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        session.add(row)
    admin = client_of(Role.ADMINISTRATOR)
    assert "no address" in admin.get("/ingest/").text
    assert admin.post("/ingest/alerts/again", data={"alert": row.id}).status_code == 302
    assert "no address" not in admin.get("/ingest/").text
    assert admin.post("/ingest/alerts/drop", data={"alert": row.id}).status_code == 404
    officer = client_of(Role.OFFICER)
    assert officer.post("/ingest/alerts/again", data={"alert": row.id}).status_code == 403


def test_an_administrator_sets_where_alerts_are_sent(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    admin, officer = client_of(Role.ADMINISTRATOR), county.users[Role.OFFICER]
    for address in ("who", "officer@county.example", ""):
        admin.post(f"/users/{officer}/mail", data={"email": address})
        with database.reading() as session:
            kept = session.get_one(User, officer).email
        assert kept == (address if "@" in address else None)
