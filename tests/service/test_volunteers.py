"""Volunteers: accepted by a second person, shown a name and a meeting, their hours checked."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import contacts, timeline
from correction_service.casework.contacts import Note
from correction_service.casework.timeline import Kind
from correction_service.db import Database
from correction_service.learning import volunteers
from models.agency import Office
from models.case import Case, TeamMember
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.identity import Sex
from models.user import Role
from models.volunteer import Contact, ContactKind, Volunteer, VolunteerState
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.service.test_learning import STARTS, invited, officer

HOUR = timedelta(hours=1)
VISIT = Note(kind=ContactKind.VISIT, happened_at=NOW - HOUR, minutes=45, said="家访，一切正常")


def proposed(session: Session, county: County) -> Volunteer:
    return volunteers.propose(
        session,
        officer(session, county),
        name="周某",
        skills="电工",
        username=Role.VOLUNTEER.value,
        now=NOW,
    )


def accepted(session: Session, county: County) -> Volunteer:
    """An accepted volunteer on the team of the county's case."""
    made = proposed(session, county)
    head = officer(session, county, Role.OFFICE_HEAD)
    volunteers.review(session, head, made.id, "材料齐全", NOW, accept=True)
    seat = county.users[Role.VOLUNTEER]
    member = TeamMember(name="周某", sex=Sex.MALE, part="volunteer", user_id=seat)
    case = session.get_one(Case, county.case)
    case.team.append(member)
    session.flush()
    return made


def test_a_volunteer_is_accepted_by_another_than_who_proposed_them(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made, user = proposed(session, county), officer(session, county)
        with pytest.raises(Refused, match="Somebody else"):
            volunteers.review(session, user, made.id, "可以", NOW, accept=True)
        with pytest.raises(Invalid):
            volunteers.review(session, user, made.id, " ", NOW, accept=False)
        with pytest.raises(Forbidden, match="accepted you"):
            volunteers.entrusted(session, officer(session, county, Role.VOLUNTEER), NOW)
        with pytest.raises(Invalid, match="free account"):
            proposed(session, county)


def test_a_volunteer_sees_a_name_and_the_next_meeting_of_whom_they_accompany(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        accepted(session, county)
        make_case(session, session.get_one(Office, county.office), 6)
        invited(session, county)
        seat = officer(session, county, Role.VOLUNTEER)
        (seen,) = volunteers.entrusted(session, seat, NOW)
        assert (seen.case_id, seen.starts_at) == (county.case, STARTS)
        assert seen.meeting == "社区矫正法"


def test_one_who_ended_sees_nobody(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = accepted(session, county)
        user = officer(session, county)
        volunteers.review(session, user, made.id, "本人退出", NOW, accept=False)
        assert made.state is VolunteerState.ENDED
        with pytest.raises(Forbidden):
            volunteers.entrusted(session, officer(session, county, Role.VOLUNTEER), NOW)


def test_hours_count_once_an_officer_has_checked_them(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made, user = accepted(session, county), officer(session, county)
        seat = officer(session, county, Role.VOLUNTEER)
        good, other = (volunteers.write(session, seat, county.case, VISIT, NOW) for _ in range(2))
        assert volunteers.register(session, user) == [(made, 0)]
        volunteers.check(session, user, good.id, NOW, counts=True)
        volunteers.check(session, user, other.id, NOW, counts=False)
        assert volunteers.register(session, user) == [(made, 45)]
        with pytest.raises(Refused):
            volunteers.check(session, user, other.id, NOW, counts=True)
        stranger = make_case(session, session.get_one(Office, county.office), 6)
        session.flush()
        with pytest.raises(NotFound):
            volunteers.write(session, seat, stranger.id, VISIT, NOW)


def test_a_visit_by_an_officer_stands_on_the_timeline(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        written = contacts.write(session, officer(session, county), county.case, VISIT, NOW)
        case = session.get_one(Case, county.case)
        found = timeline.entries(session, case, [Kind.CONTACT], NOW, 10)
        assert [entry.subject for entry in found] == [written]


@pytest.mark.parametrize(
    ("field", "note"),
    [
        ("note", Note(kind=ContactKind.CALL, happened_at=NOW, minutes=5, said=" ")),
        ("minutes", Note(kind=ContactKind.CALL, happened_at=NOW, minutes=481, said="x")),
        ("happened_at", Note(kind=ContactKind.CALL, happened_at=NOW + HOUR, minutes=5, said="x")),
        (
            "happened_at",
            Note(kind=ContactKind.CALL, happened_at=NOW - 800 * HOUR, minutes=5, said="x"),
        ),
    ],
)
def test_a_note_says_what_is_wrong_with_it(
    database: Database, county: County, field: str, note: Note
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Invalid) as refused:
            contacts.write(session, officer(session, county), county.case, note, NOW)
        assert refused.value.field == field


def test_the_seat_of_a_volunteer_has_one_page(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        accepted(session, county)
        case = session.get_one(Case, county.case)
        number, name = case.number, case.person.name
    seat = client_of(Role.VOLUNTEER)
    assert seat.get("/").location == "/volunteers/mine"
    page = seat.get("/volunteers/mine").text
    assert name in page
    assert number not in page
    assert "suspended sentence" not in page
    for path in (f"/cases/{county.case}", "/people/", "/learning/", "/volunteers/", "/events"):
        assert seat.get(path).status_code == 403, path
    at = f"{datetime.now(UTC) + timedelta(hours=7):%Y-%m-%dT%H:%M}"
    form = {"person": county.case, "kind": "visit", "happened_at": at, "minutes": "40"}
    told = seat.post("/volunteers/mine", data={**form, "note": "家访"}, follow_redirects=True)
    assert "An officer checks the hours." in told.text
    officers = client_of(Role.OFFICER)
    assert "家访" in officers.get("/volunteers/").text
    with database.reading() as session:
        written = session.scalars(select(Contact.id)).one()
    path = f"/volunteers/contacts/{written}"
    assert "40 min" in officers.post(path, data={"decision": "counts"}, follow_redirects=True).text
    case_path = f"/volunteers/contacts/cases/{county.case}"
    form = {"kind": "call", "happened_at": at, "minutes": "10", "note": "电话了解近况"}
    assert "电话了解近况" in officers.post(case_path, data=form, follow_redirects=True).text


def test_who_left_the_team_keeps_the_hours_and_not_the_name(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    seat = client_of(Role.VOLUNTEER)
    with database.transaction(SYSTEM, "test") as session:
        accepted(session, county)
        user, case = officer(session, county, Role.VOLUNTEER), session.get_one(Case, county.case)
        volunteers.write(session, user, case.id, VISIT, NOW)
        name = case.person.name
    assert name in seat.get("/volunteers/mine").text
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.team = [member for member in case.team if member.user_id is None]
    page = seat.get("/volunteers/mine").text
    assert name not in page
    assert "somebody you accompanied" in page
