"""The duty roster: who answers when, no two at once, nobody who could not, and gaps are seen."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import shifts
from correction_service.incidents.shifts import Crew, OnDuty, Place
from models.agency import Agency, AgencyLevel
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.shift import Shift
from models.user import Role, User
from tests.county import NOW, County

HOUR = timedelta(hours=1)
DAY = NOW, NOW + 8 * HOUR


def crew_of(county: County) -> Crew:
    users = county.users
    return Crew(users[Role.OFFICER], users[Role.OFFICE_HEAD], users[Role.COUNTY_HEAD])


def place_of(county: County) -> Place:
    return Place(county.agency, county.office)


def put(
    session: Session, county: County, begins: datetime = NOW, *, agency_wide: bool = False
) -> Shift:
    """Eight hours of the office's officer, or of the agency's head with nobody's office."""
    place, crew = place_of(county), crew_of(county)
    if agency_wide:
        colleagues = [
            User(
                username=f"colleague-{number}",
                name="同事",
                role=Role.OFFICER,
                agency_id=county.agency,
                password_hash="!",
            )
            for number in (1, 2)
        ]
        session.add_all(colleagues)
        session.flush()
        place = Place(county.agency)
        crew = Crew(colleagues[0].id, colleagues[1].id, crew.head)
    (made,) = shifts.add(session, place, [(begins, begins + 8 * HOUR)], crew, NOW)
    return made


def test_an_office_answers_for_its_own_cases_and_the_agency_for_the_rest(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        assert OnDuty(session, NOW).of(case) is None
        whole = put(session, county, agency_wide=True)
        assert OnDuty(session, NOW).of(case) is whole
        own = put(session, county)
        assert OnDuty(session, NOW).of(case) is own
        case.office_id = county.other_office
        assert OnDuty(session, NOW).of(case) is whole
        assert OnDuty(session, NOW + 8 * HOUR).of(case) is None


def test_two_are_never_on_duty_at_once_in_one_place(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        put(session, county)
        with pytest.raises(Invalid, match="from 11-20 16:00 to 11-21 00:00") as refusal:
            put(session, county, NOW + 7 * HOUR)
        assert refusal.value.field == "begins"
        put(session, county, NOW + 8 * HOUR)


@pytest.mark.parametrize(
    ("seat", "who", "says"),
    [
        ("officer", "stranger", "another agency"),
        ("cover", "neighbour", "another office"),
        ("cover", "closed", "in use"),
        ("officer", Role.PROCURATOR, "does not deal"),
        ("head", Role.OFFICER, "not a head's"),
        ("cover", Role.OFFICER, "somebody else"),
    ],
)
def test_nobody_is_on_duty_who_could_not_answer(
    database: Database, county: County, seat: str, who: str | Role, says: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        far = Agency(name="他县", level=AgencyLevel.COUNTY, division="520304")
        session.add(far)
        session.flush()
        made = {
            name: User(username=name, name=name, role=Role.OFFICER, password_hash="!", **fields)
            for name, fields in {
                "stranger": {"agency_id": far.id},
                "neighbour": {"agency_id": county.agency, "office_id": county.other_office},
                "closed": {"agency_id": county.agency, "active": False},
            }.items()
        }
        session.add_all(made.values())
        session.flush()
        user_id = county.users[who] if isinstance(who, Role) else made[who].id
        crew = replace(crew_of(county), **{seat: user_id})
        with pytest.raises(Invalid, match=says) as refusal:
            shifts.add(session, place_of(county), [DAY], crew, NOW)
        assert refusal.value.field == seat


def test_a_shift_lasts_up_to_a_day_and_is_not_put_into_the_past(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for begins, ends in (
            (NOW, NOW),
            (NOW, NOW + 25 * HOUR),
            (NOW - 9 * HOUR, NOW - HOUR),
        ):
            with pytest.raises(Invalid):
                shifts.add(session, place_of(county), [(begins, ends)], crew_of(county), NOW)


def test_hours_without_anybody_are_named(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        put(session, county, NOW + 2 * HOUR)
        rows = shifts.week(session, place_of(county), NOW)
        assert list(shifts.gaps(rows, NOW, NOW + 12 * HOUR)) == [
            (NOW, NOW + 2 * HOUR),
            (NOW + 10 * HOUR, NOW + 12 * HOUR),
        ]


def test_who_takes_over_in_the_middle_begins_a_shift_of_their_own(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = put(session, county)
        crew = crew_of(county)
        swapped = Crew(officer=crew.cover, cover=crew.officer, head=crew.head)
        second = shifts.change(session, first, swapped, NOW + HOUR)
        assert (first.ends_at, first.officer_id) == (NOW + HOUR, crew.officer)
        assert (second.begins_at, second.ends_at) == (NOW + HOUR, NOW + 8 * HOUR)
        assert second.officer_id == crew.cover
        with pytest.raises(Refused, match="over"):
            shifts.change(session, first, crew, NOW + 2 * HOUR)


def test_a_shift_that_runs_is_not_taken_away(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        running, coming = put(session, county), put(session, county, NOW + 8 * HOUR)
        with pytest.raises(Refused, match="Nobody would be on duty"):
            shifts.remove(session, running, NOW)
        shifts.remove(session, coming, NOW)
        assert shifts.week(session, place_of(county), NOW) == [running]


def test_last_week_is_copied_where_this_one_is_free(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Refused, match="no shift to copy"):
            shifts.copy_week(session, place_of(county), NOW, NOW)
        put(session, county)
        put(session, county, NOW + 24 * HOUR)
        put(session, county, NOW + shifts.WEEK + HOUR)
        assert shifts.copy_week(session, place_of(county), NOW + shifts.WEEK, NOW) == 1
        rows = shifts.week(session, place_of(county), NOW + shifts.WEEK)
        assert [row.begins_at - NOW - shifts.WEEK for row in rows] == [HOUR, 24 * HOUR]


def test_a_roster_of_another_office_or_agency_is_not_there(
    database: Database, county: County
) -> None:
    with database.reading() as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        assert shifts.place_for(session, officer, None, None) == place_of(county)
        assert shifts.place_for(session, head, None, county.other_office).office_id
        for user, office in ((officer, county.other_office), (head, 999)):
            with pytest.raises(NotFound):
                shifts.place_for(session, user, None, office)
