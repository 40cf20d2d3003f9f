"""Leave asked for on the phone: proved, granted, taken back, signed off."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.casework import leave_proofs, leave_requests, leaves, overdue, worklist
from correction_service.casework.leave_requests import Wish
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.people import photos
from correction_service.settings import Settings
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.audit import AuditRecord
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.face import StoredPhoto
from models.incident import IncidentKind
from models.leave_request import LeaveProof, RequestState
from models.user import Role
from models.zone import ZoneKind
from tests.county import NOW, County
from tests.leave import JPEG, PDF, WISH, approve, ask, lasting, user
from tests.tracked import BEYOND, FITTED, HUICHUAN, Tracked, incidents_of, live, minutes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def curfew(database: Database, tracked: Tracked) -> None:
    """At home from four in the afternoon on."""
    home = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="16:00-23:00")
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, home, lat=HUICHUAN[0], lon=HUICHUAN[1], radius_m=200)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (replace(WISH, divisions=[]), "destination"),
        (replace(WISH, ends_at=NOW - HOUR), "ends_at"),
        (replace(WISH, why=" "), "why"),
        (replace(WISH, why="x" * 401), "why"),
        (replace(WISH, ends_at=NOW + 400 * DAY), "ends_at"),
    ],
)
def test_what_is_no_request_names_its_field(
    database: Database, county: County, settings: Settings, wish: Wish, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(database, settings, county, wish)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "files", [(b"MZ\x90 a program",), (PDF, PDF, PDF, PDF), (PDF + b"x" * 6_000_001,), (b"",)]
)
def test_a_proof_is_a_photo_or_a_pdf_of_a_decent_size(
    database: Database, county: County, settings: Settings, files: tuple[bytes, ...]
) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(database, settings, county, WISH, files)
    assert refusal.value.field == "proof"


def test_a_proof_is_sealed_each_look_is_logged_and_it_ends_a_year_after_the_leave(
    database: Database, county: County, settings: Settings
) -> None:
    ask(database, settings, county, WISH, (PDF, JPEG))
    files = [it.read_bytes() for it in (settings.data_dir / "photos").rglob("*") if it.is_file()]
    assert (len(files), [it for it in files if b"%PDF" in it]) == (2, [])
    with database.transaction(SYSTEM, "test") as session:
        first = session.scalars(select(LeaveProof.photo_id).order_by(LeaveProof.id)).first()
        assert first is not None
        officer = user(session, county, Role.OFFICER)
        assert leave_proofs.view(session, officer, settings, first) == (PDF, "application/pdf")
        with pytest.raises(Forbidden):
            leave_proofs.view(session, user(session, county, Role.VOLUNTEER), settings, first)
        officer.office_id = county.other_office
        with pytest.raises(NotFound):
            leave_proofs.view(session, officer, settings, first)
    with database.transaction(SYSTEM, "test") as session:
        looks = select(func.count()).where(AuditRecord.action == "view_photo")
        assert session.scalar(looks) == 1
        assert photos.expire(session, settings, WISH.ends_at + 364 * DAY) == 0
        assert photos.expire(session, settings, WISH.ends_at + 366 * DAY) == 2
        assert session.scalars(select(StoredPhoto.deleted_at)).first() is not None


def test_the_person_takes_a_request_back_and_only_their_own(
    database: Database, county: County, settings: Settings
) -> None:
    request = ask(database, settings, county)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(NotFound):
            leave_requests.withdraw(session, case, request + 1, NOW)
        withdrawn = leave_requests.withdraw(session, case, request, NOW)
        assert withdrawn.state is RequestState.WITHDRAWN
        with pytest.raises(Refused):
            leave_requests.withdraw(session, case, request, NOW)


def test_a_flood_of_requests_is_stopped(
    database: Database, county: County, settings: Settings
) -> None:
    for _ in range(leave_requests.MOST_OPEN):
        ask(database, settings, county)
    with pytest.raises(Refused, match="Ten requests"):
        ask(database, settings, county)


def needs(database: Database, county: County, role: Role, now: datetime = NOW) -> list[Need]:
    with database.reading() as session:
        return [it.need for it in worklist.items(session, user(session, county, role), now)]


def test_a_request_waits_for_who_may_decide_it(
    database: Database, county: County, settings: Settings
) -> None:
    ask(database, settings, county, lasting(8))
    assert needs(database, county, Role.COUNTY_HEAD) == [Need.REQUESTS]
    assert needs(database, county, Role.OFFICE_HEAD) == []
    assert needs(database, county, Role.OFFICER) == []


def test_who_says_that_they_are_back_waits_for_an_officer_and_is_not_asked_about(
    database: Database, county: County, settings: Settings
) -> None:
    leave = approve(database, county, ask(database, settings, county), Role.OFFICE_HEAD)
    early = WISH.ends_at - DAY
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(Refused, match="not begun"):
            leave_requests.say_back(session, case, leave, NOW)
        with pytest.raises(NotFound):
            leave_requests.say_back(session, case, leave + 1, early)
        leave_requests.say_back(session, case, leave, early)
    assert needs(database, county, Role.OFFICER, early) == [Need.LEAVE]
    with database.transaction(SYSTEM, "test") as session:
        assert overdue.watch(session, WISH.ends_at + 2 * HOUR) == 0
    assert incidents_of(database) == []
    with database.transaction(SYSTEM, "test") as session:
        leaves.sign_off(session, user(session, county, Role.OFFICER), leave, WISH.ends_at)
    assert needs(database, county, Role.OFFICER, WISH.ends_at) == []


def test_one_absence_after_a_leave_is_one_incident(
    database: Database, county: County, settings: Settings, tracked: Tracked, curfew: None
) -> None:
    request = ask(database, settings, county, replace(WISH, starts_at=NOW + HOUR))
    approve(database, county, request, Role.OFFICE_HEAD)
    live(database, minutes(WISH.ends_at + HOUR, [BEYOND] * 15))
    assert [it.kind for it in incidents_of(database)] == [IncidentKind.LEAVE_OVERDUE]


def test_who_is_in_the_city_after_a_leave_and_not_at_home_by_night_is_out_in_curfew(
    database: Database, county: County, settings: Settings, tracked: Tracked, curfew: None
) -> None:
    request = ask(database, settings, county, replace(WISH, starts_at=NOW + HOUR))
    approve(database, county, request, Role.OFFICE_HEAD)
    elsewhere = (HUICHUAN[0] + 0.03, HUICHUAN[1])
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, WISH.ends_at + HOUR)  # until then nobody knew where
    live(database, minutes(WISH.ends_at + HOUR, [elsewhere] * 15))
    asked, curfew_broken = incidents_of(database)
    assert (asked.kind, asked.facts["ended_by"]) == (IncidentKind.LEAVE_OVERDUE, "back")
    assert curfew_broken.kind is IncidentKind.OUT_IN_CURFEW


def test_a_curfew_that_yielded_to_an_overdue_return_is_news_once_that_is_over(
    database: Database, county: County, settings: Settings, tracked: Tracked, curfew: None
) -> None:
    request = ask(database, settings, county, replace(WISH, starts_at=NOW + HOUR))
    approve(database, county, request, Role.OFFICE_HEAD)
    elsewhere = (HUICHUAN[0] + 0.03, HUICHUAN[1])
    after = WISH.ends_at + HOUR
    live(database, minutes(after, [BEYOND] * 15))
    assert [it.kind for it in incidents_of(database)] == [IncidentKind.LEAVE_OVERDUE]
    live(database, minutes(after + HOUR / 2, [elsewhere] * 15))
    back, curfew_broken = incidents_of(database)
    assert (back.kind, back.facts["ended_by"]) == (IncidentKind.LEAVE_OVERDUE, "back")
    assert curfew_broken.kind is IncidentKind.OUT_IN_CURFEW
    assert curfew_broken.since >= after + HOUR / 2
    live(database, minutes(after + HOUR, [HUICHUAN] * 15))
    assert incidents_of(database)[1].facts["ended_by"] == "back"
