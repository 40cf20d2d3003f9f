"""Change of the place of enforcement: each step by its own place, the duties go on until then."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import transfers
from correction_service.enforcement.transfers import Wish
from correction_service.law import clock_rules
from correction_service.people import cases
from correction_service.scope import case_for
from models.agency import Agency, AgencyLevel, Office
from models.case import Case, CaseState
from models.checkin import CheckIn, Liveness, Outcome, Way
from models.clock import LegalClock
from models.device import Binding
from models.errors import DomainError, Forbidden, Invalid, NotFound, Refused
from models.notice import Notice
from models.transfer import Transfer, TransferState
from models.user import Role, User
from models.zone import Zone
from tests.county import DAY, NOW, PARDON, County
from tests.pages import SignedInClient
from tests.tracked import Tracked

LATER = NOW + timedelta(days=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class NewPlace:
    """Ids of the county to which the person moves."""

    agency: int
    office: int
    head: int
    officer: int


@pytest.fixture
def new_place(database: Database, county: County) -> NewPlace:
    with database.transaction(SYSTEM, "test") as session:
        agency = Agency(name="凤冈县社区矫正中心", level=AgencyLevel.COUNTY, division="520327")
        office = Office(name="龙泉司法所", agency=agency)
        head, officer = (
            User(
                username=f"new-{role.value}",
                name=f"新{role.value}",
                role=role,
                agency=agency,
                office=office if role is Role.OFFICER else None,
                password_hash="!",
            )
            for role in (Role.COUNTY_HEAD, Role.OFFICER)
        )
        session.add_all([agency, office, head, officer])
        session.flush()
        return NewPlace(agency.id, office.id, head.id, officer.id)


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def asked(session: Session, county: County, place: NewPlace, **changes: date | str) -> Transfer:
    given = {"asked_on": DAY, "moves_on": date(2026, 12, 25), "why": "随配偶迁居，购房合同"}
    wish = Wish(to_agency_id=place.agency, **{**given, **changes})  # type: ignore[arg-type]
    return transfers.ask(session, by(session, county), county.case, wish, NOW)


def answered(session: Session, county: County, place: NewPlace, *, agrees: bool = True) -> Transfer:
    move = asked(session, county, place)
    transfers.consult(session, by(session, county), move.id, "征 8", NOW)
    head = session.get_one(User, place.head)
    return transfers.answer(session, head, move.id, agrees=agrees, reply="住所属实", now=NOW)


def agreed(session: Session, county: County, place: NewPlace) -> Transfer:
    move = answered(session, county, place)
    head = by(session, county, Role.COUNTY_HEAD)
    return transfers.decide(session, head, move.id, agreed=True, reason="理由正当", now=NOW)


def received(session: Session, county: County, place: NewPlace, day: date = DAY) -> Transfer:
    move = agreed(session, county, place)
    officer, now = session.get_one(User, place.officer), NOW + (day - DAY)
    return transfers.receive(session, officer, move.id, place.office, day=day, now=now)


def clocks_of(session: Session) -> dict[str, bool]:
    """Which clocks were started, and whether they run."""
    rows = session.execute(select(LegalClock.rule, LegalClock.stopped_at)).all()
    return {rule: stopped is None for rule, stopped in rows}


def test_im_30_31_consulting_replying_and_sending_have_five_days_reporting_in_seven(
    database: Database, county: County, new_place: NewPlace
) -> None:
    rules = clock_rules.rules()
    limits = {name: rules[name].limit for name in rules if name.startswith("transfer_")}
    days = {name: limit.days for name, limit in limits.items() if limit}
    assert days == {
        "transfer_consult": 5,
        "transfer_reply": 5,
        "transfer_papers": 5,
        "transfer_report": 7,
    }
    with database.transaction(SYSTEM, "test") as session:
        move = asked(session, county, new_place)
        assert clocks_of(session) == {"transfer_consult": True}
        transfers.consult(session, by(session, county), move.id, "征 8", NOW)
        assert clocks_of(session) == {"transfer_consult": False, "transfer_reply": True}


def test_im_30_a_later_asking_than_a_month_ahead_is_shown_and_not_refused(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = asked(session, county, new_place, moves_on=date(2026, 12, 19))
        assert transfers.asked_late(session, move)
        move.moves_on = date(2026, 12, 20)
        assert not transfers.asked_late(session, move)


def test_im_31_the_duties_go_on_at_the_old_place_until_reporting_in(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = agreed(session, county, new_place)
        case = session.get_one(Case, county.case)
        assert (case.state, case.agency_id) == (CaseState.TRANSFERRING, county.agency)
        assert case.supervised_at(NOW)
        transfers.send(session, by(session, county), move.id, "档 4", NOW)
        assert case.office_id == county.office
        assert case_for(session, by(session, county), case.id) is case


def test_im_31_the_last_day_to_report_in_is_the_seventh_and_the_person_is_told(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = agreed(session, county, new_place)
        assert move.report_by == DAY + 7 * ONE_DAY
        assert session.scalars(select(Notice.kind)).all() == ["transfer"]


@pytest.mark.parametrize(("day", "late"), [(date(2026, 11, 27), 0), (date(2026, 11, 30), 3)])
def test_im_31_reporting_in_late_is_a_fact_and_refuses_nobody(
    database: Database, county: County, new_place: NewPlace, day: date, late: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = received(session, county, new_place, day)
        assert (move.state, move.days_late) == (TransferState.RECEIVED, late)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION


def test_the_receiving_agency_gets_the_case_and_the_old_one_has_it_no_more(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        officer = session.get_one(User, new_place.officer)
        with pytest.raises(NotFound):
            case_for(session, officer, case.id)
        case.team[0].user_id = county.users[Role.VOLUNTEER]
        received(session, county, new_place)
        assert [member.user_id for member in case.team] == [None]
        assert case_for(session, officer, case.id) is case
        for role in (Role.OFFICER, Role.COUNTY_HEAD):
            with pytest.raises(NotFound):
                case_for(session, by(session, county, role), case.id)
        assert clocks_of(session)["transfer_report"] is False
        assert clocks_of(session)["transfer_papers"] is True


def test_the_old_agency_keeps_reading_what_it_did_and_nothing_later(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = received(session, county, new_place)
        for at, receipt in ((NOW - ONE_DAY, "R0000001"), (LATER, "R0000002")):
            checkin = CheckIn(
                case_id=county.case,
                at=at,
                way=Way.OFFICER_CALL,
                outcome=Outcome.MATCH,
                liveness=Liveness.NOT_JUDGED,
                reasons=[],
                answers={},
                receipt=receipt,
            )
            session.add(checkin)
        session.flush()
        found = transfers.past(session, by(session, county), move, 50)
        assert "R0000001" in {getattr(it.subject, "receipt", "") for it in found}
        assert all(it.at <= NOW for it in found)
        assert transfers.past(session, session.get_one(User, new_place.head), move, 50) == []


def test_a_move_leaves_the_old_agencys_bracelet_and_home_area_behind(
    database: Database, county: County, new_place: NewPlace, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        received(session, county, new_place)
        assert session.scalar(select(Binding.unbound_at)) == NOW
        assert session.get_one(Zone, tracked.zone).valid_to == NOW


def test_each_step_is_one_places_alone_and_decided_by_its_head(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = asked(session, county, new_place)
        officer, head = by(session, county), by(session, county, Role.COUNTY_HEAD)
        theirs, their_head = (
            session.get_one(User, each) for each in (new_place.officer, new_place.head)
        )
        with pytest.raises(Forbidden, match="other agency"):
            transfers.consult(session, theirs, move.id, "征 8", NOW)
        transfers.consult(session, officer, move.id, "征 8", NOW)
        for user in (theirs, head):
            with pytest.raises(Forbidden):
                transfers.answer(session, user, move.id, agrees=True, reply="可", now=NOW)
        with pytest.raises(Refused, match="has not agreed"):
            transfers.decide(session, head, move.id, agreed=True, reason="可", now=NOW)
        transfers.answer(session, their_head, move.id, agrees=True, reply="可", now=NOW)
        for user in (officer, their_head):
            with pytest.raises(Forbidden):
                transfers.decide(session, user, move.id, agreed=True, reason="可", now=NOW)


def test_a_refusal_has_its_reason_ends_the_clocks_and_leaves_the_case(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = answered(session, county, new_place, agrees=False)
        head = by(session, county, Role.COUNTY_HEAD)
        with pytest.raises(Invalid):
            transfers.decide(session, head, move.id, agreed=False, reason=" ", now=NOW)
        transfers.decide(session, head, move.id, agreed=False, reason="无固定住所", now=NOW)
        assert (move.state, move.decision) == (TransferState.REFUSED, "无固定住所")
        assert not any(clocks_of(session).values())
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION


def test_a_move_called_off_brings_the_case_back_and_another_may_be_asked(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = agreed(session, county, new_place)
        with pytest.raises(Refused, match="Only a case"):
            asked(session, county, new_place)
        with pytest.raises(Forbidden):
            transfers.withdraw(session, by(session, county), move.id, "不搬了", NOW)
        head = by(session, county, Role.COUNTY_HEAD)
        transfers.withdraw(session, head, move.id, "不搬了", NOW)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION
        assert not any(clocks_of(session).values())
        assert move.decision == "理由正当"
        asked(session, county, new_place)


def test_a_case_goes_on_its_way_by_these_steps_and_by_no_other(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer, case = by(session, county), session.get_one(Case, county.case)
        assert CaseState.TRANSFERRING not in cases.lawful_next(case)
        with pytest.raises(Refused, match="own steps"):
            cases.move(session, officer, case.id, CaseState.TRANSFERRING, note="x", now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"asked_on": DAY + ONE_DAY}, "asked_on"),
        ({"moves_on": DAY - ONE_DAY}, "moves_on"),
        ({"why": " "}, "why"),
    ],
)
def test_an_asking_that_cannot_be_is_refused_by_field(
    database: Database,
    county: County,
    new_place: NewPlace,
    changes: dict[str, date | str],
    field: str,
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        asked(session, county, new_place, **changes)
    assert refusal.value.field == field


def test_a_move_to_ones_own_agency_is_none(
    database: Database, county: County, new_place: NewPlace
) -> None:
    own = NewPlace(county.agency, county.office, new_place.head, new_place.officer)
    with database.transaction(SYSTEM, "test") as session, pytest.raises(DomainError) as refusal:
        asked(session, county, own)
    assert refusal.value.field == "agency"


def test_a_person_is_received_only_at_an_office_of_the_new_place_and_after_the_decision(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, head = agreed(session, county, new_place), session.get_one(User, new_place.head)
        for office, day, field in (
            (county.office, DAY, "office"),
            (new_place.office, DAY - ONE_DAY, "reported_on"),
            (new_place.office, DAY + ONE_DAY, "reported_on"),
        ):
            with pytest.raises(Invalid) as refusal:
                transfers.receive(session, head, move.id, office, day=day, now=NOW)
            assert refusal.value.field == field


def test_a_case_that_ended_on_its_way_is_received_nowhere(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, officer = agreed(session, county, new_place), by(session, county)
        cases.move(
            session, officer, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON
        )
        head = session.get_one(User, new_place.head)
        with pytest.raises(Refused) as refusal:
            transfers.receive(session, head, move.id, new_place.office, day=DAY, now=NOW)
        assert refusal.value.code == "case_ended"
        assert session.get_one(Case, county.case).agency_id == county.agency


def test_the_file_may_follow_a_person_who_was_quicker(
    database: Database, county: County, new_place: NewPlace
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = received(session, county, new_place)
        transfers.send(session, by(session, county), move.id, "档 4", LATER)
        assert (move.state, move.sent_number) == (TransferState.RECEIVED, "档 4")
        assert not any(clocks_of(session).values())


def test_the_pages_lead_both_places_through_a_move(
    database: Database, county: County, new_place: NewPlace, client_of: SignedInClient
) -> None:
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    theirs = client_of(Role.COUNTY_HEAD)
    with theirs.session_transaction() as cookie:
        cookie["_user_id"] = f"{new_place.head}:0"
    form = {"agency": new_place.agency, "asked_on": "2026-11-20", "moves_on": "2026-12-25"}
    officer.post(f"/transfers/cases/{county.case}", data={**form, "why": "随配偶迁居"})
    assert "凤冈县" in officer.get(f"/transfers/cases/{county.case}").text
    with database.reading() as session:
        number = session.scalars(select(Transfer.id)).one()
    page = f"/transfers/{number}"
    assert f'href="{page}"' in theirs.get("/transfers/").text
    officer.post(f"{page}/consult", data={"number": "征 8"})
    assert "We can take the case" in theirs.get(page).text
    theirs.post(f"{page}/answer", data={"decision": "agreed", "note": "住所属实"})
    head.post(f"{page}/decide", data={"decision": "agreed", "note": "理由正当"})
    officer.post(f"{page}/send", data={"number": "档 4"})
    today = cases.legal_day(datetime.now(UTC)).isoformat()
    told = {"office": new_place.office, "reported_on": today}
    theirs.post(f"{page}/receive", data=told)
    assert "reported in at the new place" in officer.get(page).text
    assert officer.get(f"/cases/{county.case}").status_code == 404
    assert theirs.get(f"/cases/{county.case}").status_code == 200
