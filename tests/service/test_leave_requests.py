"""Leave asked for on the phone: routed by its days, decided by a person, proved, signed off."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import (
    clocks,
    leave_proofs,
    leave_requests,
    leave_routes,
    leaves,
    orders,
    overdue,
    worklist,
)
from correction_service.casework.leave_requests import Wish
from correction_service.casework.leaves import Approval
from correction_service.casework.order_facts import Fact
from correction_service.casework.worklist import Need
from correction_service.db import Database
from correction_service.law.limits import bounds
from correction_service.law.tables import Mark
from correction_service.people import phones, photos
from correction_service.settings import Settings
from correction_service.zones import zones
from correction_service.zones.zones import Terms
from models.agency import Agency, AgencyLevel
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.face import StoredPhoto
from models.incident import IncidentKind
from models.leave import Leave, LeaveReason, LeaveState
from models.leave_request import LeaveLevel, LeaveProof, LeaveRequest, RequestState
from models.notice import Notice
from models.order import Ground
from models.user import Role, User
from models.zone import ZoneKind
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.service.test_leaves import spans
from tests.tracked import BEYOND, FITTED, HUICHUAN, Tracked, incidents_of, live, minutes

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PDF, JPEG = b"%PDF-1.7 x", b"\xff\xd8\xff\xe0 x"
WISH = Wish(
    reason=LeaveReason.MEDICAL,
    divisions=["520100"],
    starts_at=NOW + 4 * DAY,
    ends_at=NOW + 7 * DAY,
    why="到贵阳复查",
)


def user(session: Session, county: County, role: Role) -> User:
    return session.get_one(User, county.users[role])


@pytest.fixture
def curfew(database: Database, tracked: Tracked) -> None:
    """At home from four in the afternoon on."""
    home = Terms(kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="16:00-23:00")
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        zones.circle(session, case, home, lat=HUICHUAN[0], lon=HUICHUAN[1], radius_m=200)


@pytest.fixture
def phone(app: Flask, database: Database, county: County) -> FlaskClient:
    """The person's own phone, activated and open, in English."""
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        code = phones.offer(session, person, datetime.now(UTC))
    client = app.test_client()
    client.get("/m/pin?lang=en")
    form = {"code": code, "pin": "407219", "again": "407219"}
    assert client.post("/m/activate", data=form).location == "/m/"
    return client


def ask(
    database: Database,
    settings: Settings,
    county: County,
    wish: Wish = WISH,
    files: tuple[bytes, ...] = (),
) -> int:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        return leave_requests.ask(session, settings, case, wish, files=files, now=NOW).id


def approve(database: Database, county: County, request: int, role: Role) -> int:
    with database.transaction(SYSTEM, "test") as session:
        who = user(session, county, role)
        return leave_requests.approve(session, who, request, "外出审批表 9", NOW).id


def lasting(days: int) -> Wish:
    return replace(WISH, ends_at=WISH.starts_at + days * DAY)


def above(database: Database, county: County) -> None:
    """The upper agency's user sits one level up."""
    with database.transaction(SYSTEM, "test") as session:
        city = Agency(name="遵义市", level=AgencyLevel.CITY, division="520300")
        session.add(city)
        session.flush()
        session.get_one(Agency, county.agency).parent_id = city.id
        user(session, county, Role.UPPER_AGENCY).agency_id = city.id


@pytest.mark.parametrize(
    ("name", "value", "unit", "basis"),
    [
        ("leave_office", 7, "days", "IM 27"),
        ("leave_county", 30, "days", "IM 27"),
        ("leave_cumulative", 30, "days", "IM 27"),
        ("leave_window", 2, "months", "IM 27"),
        ("leave_ahead", 3, "days", "IM 27"),
        ("leave_regular", 6, "months", "IM 29"),
    ],
)
def test_each_limit_of_leave_is_the_measures_and_says_that_it_is_recalled(
    name: str, value: int, unit: str, basis: str
) -> None:
    bound = bounds()[name]
    assert (bound.value, bound.unit, bound.basis, bound.mark) == (value, unit, basis, Mark.RECALLED)


@pytest.mark.parametrize(
    ("days", "level"),
    [
        (1, LeaveLevel.OFFICE),
        (7, LeaveLevel.OFFICE),
        (8, LeaveLevel.COUNTY),
        (30, LeaveLevel.COUNTY),
        (31, LeaveLevel.UPPER),
    ],
)
def test_who_decides_goes_by_the_days(
    database: Database, county: County, settings: Settings, days: int, level: LeaveLevel
) -> None:
    request = ask(database, settings, county, lasting(days))
    with database.reading() as session:
        found = session.get_one(LeaveRequest, request)
        assert (found.level, found.days) == (level, days)


def test_more_than_30_days_within_two_months_goes_one_level_up(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        taken = Leave(
            case=case, reason=LeaveReason.WORK, divisions=["520100"], note="表 1",
            starts_at=NOW - 30 * DAY, ends_at=NOW - 5 * DAY, state=LeaveState.RETURNED,
            returned_at=NOW - 5 * DAY,
        )  # fmt: skip
        session.add(taken)
        session.flush()

        def level(days: int, begins: datetime = NOW + DAY) -> LeaveLevel:
            return leave_routes.route(session, case, begins, begins + days * DAY).level

        assert (level(5), level(6)) == (LeaveLevel.OFFICE, LeaveLevel.UPPER)
        assert level(6, NOW + 60 * DAY) is LeaveLevel.OFFICE, "two months later"
        taken.returned_at = NOW - 6 * DAY
        assert level(6) is LeaveLevel.OFFICE, "back a day early"


def test_where_the_county_has_not_delegated_it_decides_every_leave(
    database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_so = replace(bounds()["leave_office_delegated"], value=0)
    own = {**bounds(), "leave_office_delegated": not_so}
    monkeypatch.setattr(leave_routes, "bounds_of", lambda _session: own)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        assert leave_routes.route(session, case, NOW, NOW + DAY).level is LeaveLevel.COUNTY


def test_an_approval_opens_the_leave_and_lets_the_zones_rest_by_itself(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    leave = approve(database, county, ask(database, settings, county), Role.OFFICE_HEAD)
    assert [span[0] for span, _ in spans(database)][1:] == [WISH.ends_at]
    with database.reading() as session:
        found = session.get_one(Leave, leave)
        assert (found.state, found.note) == (LeaveState.APPROVED, "外出审批表 9")
        assert session.scalars(select(LeaveRequest.leave_id)).one() == leave
        assert session.scalars(select(Notice.kind)).all() == ["leave"]


@pytest.mark.parametrize(
    ("days", "roles"),
    [(8, (Role.OFFICE_HEAD, Role.COUNTY_HEAD)), (31, (Role.COUNTY_HEAD, Role.UPPER_AGENCY))],
)
def test_nobody_decides_above_their_level(
    database: Database, county: County, settings: Settings, days: int, roles: tuple[Role, Role]
) -> None:
    too_low, right = roles
    above(database, county)
    request = ask(database, settings, county, lasting(days))
    with pytest.raises(Forbidden, match="higher level"):
        approve(database, county, request, too_low)
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Forbidden):
        leave_requests.refuse(session, user(session, county, too_low), request, "x", NOW)
    for role in (Role.OFFICER, Role.PROCURATOR, Role.VOLUNTEER):
        with pytest.raises(Forbidden, match="role"):
            approve(database, county, request, role)
    approve(database, county, request, right)


def test_what_goes_one_level_up_is_told_to_the_procuratorate(
    database: Database, county: County, settings: Settings
) -> None:
    above(database, county)
    approve(database, county, ask(database, settings, county, lasting(31)), Role.UPPER_AGENCY)
    with database.reading() as session:
        running = clocks.running(session, clocks.of(county.case), NOW)
        assert [it.rule.name for it in running] == ["leave_informed"]


def test_a_long_leave_recorded_from_paper_is_told_to_the_procuratorate_too(
    database: Database, county: County
) -> None:
    long = Approval(
        reason=LeaveReason.WORK, divisions=["520100"], starts_at=NOW, ends_at=NOW + 31 * DAY,
        note="市局批复 4 号",
    )  # fmt: skip
    with database.transaction(SYSTEM, "test") as session:
        leaves.approve(session, user(session, county, Role.OFFICER), county.case, long, NOW)
        (clock,) = clocks.running(session, clocks.of(county.case), NOW)
        assert (clock.rule.name, clock.clock and clock.clock.note) == (
            "leave_informed",
            "市局批复 4 号",
        )


def test_only_a_person_refuses_and_says_why(
    database: Database, county: County, settings: Settings
) -> None:
    late = replace(WISH, starts_at=NOW + HOUR, ends_at=NOW + 2 * DAY)
    request = ask(database, settings, county, late)
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, NOW + 30 * DAY)
    with database.transaction(SYSTEM, "test") as session:
        found = session.get_one(LeaveRequest, request)
        assert found.state is RequestState.ASKED, "nothing else does, however late"
        assert leave_requests.short_notice(session, found)
        head = user(session, county, Role.OFFICE_HEAD)
        with pytest.raises(Invalid, match="Say why"):
            leave_requests.refuse(session, head, request, " ", NOW)
        leave_requests.refuse(session, head, request, "当日须到庭", NOW)
        assert (found.state, found.decision) == (RequestState.REFUSED, "当日须到庭")
        with pytest.raises(Refused, match="already"):
            leave_requests.refuse(session, head, request, "x", NOW)


def test_regular_work_elsewhere_is_the_countys_for_six_months_at_most(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    begins = WISH.starts_at
    regular = replace(WISH, regular=True, reason=LeaveReason.WORK)
    with pytest.raises(Invalid, match="six months"):
        ask(database, settings, county, replace(regular, ends_at=begins + 185 * DAY))
    ends = begins + 180 * DAY
    request = ask(database, settings, county, replace(regular, ends_at=ends))
    leave = approve(database, county, request, Role.COUNTY_HEAD)
    with database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, begins + DAY)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION
        overdue.watch(session, ends + 2 * HOUR)
        assert session.get_one(Leave, leave).state is LeaveState.RETURNED, "it lapses by itself"
    assert incidents_of(database) == []


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


def local(moment: datetime) -> str:
    return (moment + 8 * HOUR).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_from_the_phone_to_the_head_and_back(
    database: Database, county: County, phone: FlaskClient, client_of: SignedInClient
) -> None:
    now = datetime.now(UTC)
    form = {
        "reason": "medical", "destination": "贵阳市", "starts_at": local(now - HOUR),
        "ends_at": local(now + 2 * DAY), "why": "到贵阳复查",
    }  # fmt: skip
    wrong = phone.post("/m/leave", data={**form, "destination": "贵阳"})
    assert (wrong.status_code, 'id="destination-error"' in wrong.text) == (422, True)
    assert "到贵阳复查" in wrong.text, "what was typed stays"
    proof = {"proof": (io.BytesIO(PDF), "slip.pdf")}
    assert phone.post("/m/leave", data={**form, **proof}).status_code == 302
    page = phone.get("/m/leave").text
    assert "Your judicial office decides." in page
    head = client_of(Role.OFFICE_HEAD)
    assert "Asks for leave" in head.get("/").text
    decisions = head.get(f"/cases/{county.case}/decisions").text
    assert all(said in decisions for said in ("到贵阳复查", "Proof 1", "IM 27 R"))
    with database.reading() as session:
        stored = session.scalars(select(LeaveProof.photo_id)).one()
    slip = head.get(f"/cases/leave-proofs/{stored}")
    assert (slip.data, slip.headers["Content-Disposition"][:10]) == (PDF, "attachment")
    head.post(f"/cases/{county.case}/leave-requests/1/approve", data={"note": "审批表 9"})
    assert "approved" in phone.get("/m/leave").text
    assert phone.post("/m/leave/1/back").status_code == 302
    assert "Your officer confirms it." in phone.get("/m/leave").text
    assert "says that they are back" in head.get(f"/cases/{county.case}/decisions").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_order_that_is_decided_stands_on_the_phone(
    database: Database, county: County, phone: FlaskClient
) -> None:
    assert "A bracelet is ordered" not in phone.get("/m/").text
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        orders.decide(
            session, user(session, county, Role.COUNTY_HEAD), county.case,
            ground=Ground.LEFT_WITHOUT_APPROVAL, evidence="离开遵义市三日",
            facts=[Fact("document", None, "询问笔录 3")], starts_on=hours.local_day(now),
            ends_on=hours.local_day(now) + 30 * DAY, now=now,
        )  # fmt: skip
    page = phone.get("/m/").text
    assert "A bracelet is ordered for you until" in page
    assert "There is a new decision for you" in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refusal_is_read_on_the_phone_and_a_request_is_taken_back(
    database: Database,
    county: County,
    phone: FlaskClient,
    client_of: SignedInClient,
    settings: Settings,
) -> None:
    soon = datetime.now(UTC) + DAY
    wish = replace(WISH, starts_at=soon, ends_at=soon + 2 * DAY)
    for _ in range(2):
        ask(database, settings, county, wish)
    refusal = {"note": "当日须到庭"}
    client_of(Role.COUNTY_HEAD).post(f"/cases/{county.case}/leave-requests/1/refuse", data=refusal)
    assert phone.post("/m/leave/2/withdraw").status_code == 302
    page = phone.get("/m/leave").text
    assert all(said in page for said in ("当日须到庭", "You may object", "taken back"))
