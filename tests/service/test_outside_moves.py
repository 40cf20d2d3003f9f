"""A move to an agency outside the service: letters are entered here, nobody is lost meanwhile."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.enforcement import (
    deletions,
    endings,
    exit_bans,
    milestones,
    outside_moves,
    transfers,
)
from correction_service.enforcement.milestones import Done
from correction_service.enforcement.transfers import Place, Wish
from correction_service.forms import prints
from correction_service.people import cases
from correction_service.reports import periods, statistics
from models.agency import Agency, AgencyLevel
from models.case import Case, CaseState
from models.clock import LegalClock
from models.device import Binding
from models.errors import Forbidden, Invalid, Refused
from models.incident import Severity
from models.milestone import Step
from models.notice import Notice
from models.order import PositioningOrder
from models.printed_form import FormKind
from models.transfer import Letter, Transfer, TransferState
from models.user import Role, User
from models.zone import Zone
from tests.county import DAY, NOW, PARDON, County, make_case
from tests.tracked import Tracked

ONE_DAY = timedelta(days=1)
THERE = Place(name="云岩区社区矫正中心", county="贵州省贵阳市云岩区", address="中华北路 1 号")
WISH = Wish(outside=THERE, asked_on=DAY, moves_on=date(2026, 12, 25), why="随配偶迁居")
REPLY = Letter(number="云矫函 3", on=DAY)
PAPERS = Letter(number="汇矫档 4", on=DAY)
RECEIPT = Letter(number="云矫收 5", on=DAY)


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def consulted(session: Session, county: County) -> Transfer:
    officer = by(session, county)
    move = transfers.ask(session, officer, county.case, WISH, NOW)
    return transfers.consult(session, officer, move.id, "征 8", NOW)


def answered(session: Session, county: County, *, agrees: bool = True) -> Transfer:
    move, officer = consulted(session, county), by(session, county)
    said = {"agrees": agrees, "reply": "住所属实"}
    return outside_moves.answer(session, officer, move.id, REPLY, now=NOW, **said)  # type: ignore[arg-type]


def agreed(session: Session, county: County) -> Transfer:
    move, head = answered(session, county), by(session, county, Role.COUNTY_HEAD)
    return transfers.decide(session, head, move.id, agreed=True, reason="理由正当", now=NOW)


def sent(session: Session, county: County) -> Transfer:
    move = agreed(session, county)
    return outside_moves.send(session, by(session, county), move.id, PAPERS, NOW)


def arrived(session: Session, county: County) -> Transfer:
    move = sent(session, county)
    return outside_moves.receive(session, by(session, county), move.id, RECEIPT, NOW)


def run(session: Session) -> set[str]:
    """The clocks that run."""
    return set(session.scalars(select(LegalClock.rule).where(LegalClock.stopped_at.is_(None))))


def test_a_move_names_the_agency_outside_and_goes_the_same_way_with_the_same_clocks(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = consulted(session, county)
        assert move.outside
        assert move.place == "云岩区社区矫正中心（贵州省贵阳市云岩区）"
        assert run(session) == {"transfer_reply"}
        assert transfers.sides(by(session, county), move) == {transfers.Side.OLD}


@pytest.mark.parametrize("field", ["name", "county", "address"])
def test_the_place_outside_has_a_name_a_county_and_somewhere_for_papers(
    database: Database, county: County, field: str
) -> None:
    said = {"name": "某矫正中心", "county": "某县", "address": "某路", field: " "}
    wish = Wish(outside=Place(**said), asked_on=DAY, moves_on=DAY, why="迁居")
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        transfers.ask(session, by(session, county), county.case, wish, NOW)
    assert refusal.value.field == field


def test_a_name_too_long_is_said_at_its_field(database: Database, county: County) -> None:
    place = Place(name="某" * 121, county="某县", address="某路")
    wish = Wish(outside=place, asked_on=DAY, moves_on=DAY, why="迁居")
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        transfers.ask(session, by(session, county), county.case, wish, NOW)
    assert (refusal.value.field, refusal.value.facts["most"]) == ("name", 120)


@pytest.mark.parametrize("known", [THERE.name, f" {THERE.name} ", None])
def test_an_agency_that_works_with_the_service_is_not_one_outside_nor_is_ones_own(
    database: Database, county: County, known: str | None
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        if known:
            session.add(Agency(name=known, level=AgencyLevel.COUNTY, division="520103"))
        else:
            session.get_one(Agency, county.agency).name = f"{THERE.name} "
        session.flush()
        with pytest.raises(Invalid, match="works with this service"):
            transfers.ask(session, by(session, county), county.case, WISH, NOW)


def test_the_letter_of_reply_is_kept_by_number_and_day_and_ends_its_clock(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = answered(session, county)
        assert (move.reply_number, move.reply_on, move.reply_agrees) == ("云矫函 3", DAY, True)
        assert run(session) == set()


@pytest.mark.parametrize(
    ("letter", "field"),
    [
        (Letter(number=" ", on=DAY), "number"),
        (Letter(number="9" * 65, on=DAY), "number"),
        (Letter(number="1", on=None), "on"),
        (Letter(number="1", on=DAY + ONE_DAY), "on"),
        (Letter(number="1", on=DAY - ONE_DAY), "on"),
    ],
)
def test_a_letter_has_a_number_and_a_day_that_can_be(
    database: Database, county: County, letter: Letter, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, officer = consulted(session, county), by(session, county)
        with pytest.raises(Invalid) as refusal:
            outside_moves.answer(
                session, officer, move.id, letter, agrees=True, reply="可", now=NOW
            )
        assert refusal.value.field == field


def test_a_place_outside_that_does_not_agree_takes_nobody(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, head = (
            answered(session, county, agrees=False),
            by(session, county, Role.COUNTY_HEAD),
        )
        with pytest.raises(Refused, match="has not agreed"):
            transfers.decide(session, head, move.id, agreed=True, reason="可", now=NOW)
        transfers.decide(session, head, move.id, agreed=False, reason="不同意接收", now=NOW)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION


def test_the_duties_go_on_here_until_the_receipt(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = sent(session, county)
        case = session.get_one(Case, county.case)
        assert (move.state, move.sent_on) == (TransferState.SENT, DAY)
        assert case.state is CaseState.TRANSFERRING
        assert case.supervised_at(NOW)
        assert session.scalar(select(Binding.unbound_at)) is None
        assert run(session) == {"transfer_report"}


def test_an_overdue_receipt_stays_on_the_worklist_until_it_comes(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, officer = sent(session, county), by(session, county)

        def waits(now: datetime) -> list[tuple[object, Severity]]:
            found = worklist.items(session, officer, now)
            return [(it.subject, it.severity) for it in found if it.need is Need.RECEIPT]

        assert move.report_by == DAY + 7 * ONE_DAY
        last = hours.day_start(move.report_by)
        assert waits(last) == []
        assert waits(last + ONE_DAY) == [(move, Severity.SOON)]
        assert waits(last + 90 * ONE_DAY) == [(move, Severity.SOON)]
        outside_moves.receive(session, officer, move.id, RECEIPT, NOW)
        assert waits(last + ONE_DAY) == []


def test_the_receipt_ends_the_case_here_as_moved_away_and_all_that_an_end_ends(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.team[0].user_id = county.users[Role.VOLUNTEER]
        move = arrived(session, county)
        assert (move.state, move.reported_on, move.receipt_number) == (
            TransferState.RECEIVED,
            DAY,
            "云矫收 5",
        )
        assert (case.state, case.state_since) == (CaseState.TRANSFERRED, NOW)
        assert not case.supervised_at(NOW)
        assert session.get_one(PositioningOrder, tracked.order).lifted_at == NOW
        assert session.scalar(select(Binding.unbound_at)) == NOW
        assert session.get_one(Zone, tracked.zone).valid_to == NOW
        assert [member.user_id for member in case.team] == [None]
        assert run(session) == set()
        assert session.scalars(select(Notice.kind)).all() == ["transfer", "transfer"]


def test_papers_that_are_not_sent_yet_keep_their_clock_after_the_receipt(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, officer = agreed(session, county), by(session, county)
        outside_moves.receive(session, officer, move.id, RECEIPT, NOW)
        assert run(session) == {"transfer_papers"}
        outside_moves.send(session, officer, move.id, PAPERS, NOW)
        assert run(session) == set()
        assert move.state is TransferState.RECEIVED


def test_whoever_does_not_report_in_outside_stays_here_when_the_move_is_called_off(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move = sent(session, county)
        with pytest.raises(Forbidden):
            transfers.withdraw(session, by(session, county), move.id, "未报到", NOW)
        head = by(session, county, Role.COUNTY_HEAD)
        transfers.withdraw(session, head, move.id, "未报到，退回", NOW)
        assert session.get_one(Case, county.case).state is CaseState.UNDER_CORRECTION
        assert run(session) == set()
        with pytest.raises(Refused, match="not agreed"):
            outside_moves.receive(session, head, move.id, RECEIPT, NOW)


def test_what_is_kept_of_a_case_that_moved_away_is_deleted_as_of_every_closed_case(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        arrived(session, county)
        over = select(Case.id).where(deletions.over(NOW))
        assert session.scalars(over).all() == []
        over = select(Case.id).where(deletions.over(NOW + ONE_DAY))
        assert session.scalars(over).all() == [county.case]


def test_nobody_is_released_here_from_a_case_that_moved_away(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        done = Done(step=Step.EXIT_BAN_REPORTED, on=DAY, number="备 1", party="出入境", note="")
        officer = by(session, county)
        milestones.record(session, officer, county.case, done, NOW)
        assert len(exit_bans.listed(session, officer)) == 1
        arrived(session, county)
        past = hours.day_start(session.get_one(Case, county.case).term_end + ONE_DAY)
        assert endings.queue(session, officer, past) == []
        kind = FormKind.RELEASE_CERTIFICATE
        with pytest.raises(Refused, match="moved away"):
            prints.prepare(session, officer, county.case, kind, now=NOW + 400 * ONE_DAY)
        ended = Done(step=Step.CERTIFICATE, on=DAY, number="解 9", party="某", note="")
        with pytest.raises(Refused, match="moved away"):
            milestones.record(session, officer, county.case, ended, NOW)


def test_statistics_count_it_as_moved_away_and_not_as_released(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        arrived(session, county)
        head, november = by(session, county, Role.COUNTY_HEAD), periods.read("2026-11")
        figures = statistics.count(session, head, november).total
        names = ("moved_away", "released", "terminated", "in_correction")
        assert [figures[name] for name in names] == [1, 0, 0, 0]


def test_whoever_moves_back_under_the_same_judgment_is_not_sentenced_anew(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        arrived(session, county)
        first = session.get_one(Case, county.case)
        make_case(session, first.office, 2).person = first.person
        session.flush()
        head, november = by(session, county, Role.COUNTY_HEAD), periods.read("2026-11")
        figures = statistics.count(session, head, november).total
        assert (figures["again_within_term"], figures["received_again"]) == (0, 0)


def test_no_hand_sets_a_case_to_moved_away(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, officer = session.get_one(Case, county.case), by(session, county)
        assert CaseState.TRANSFERRED not in cases.lawful_next(case)
        with pytest.raises(Refused, match="own steps"):
            cases.move(session, officer, case.id, CaseState.TRANSFERRED, note="x", now=NOW)


def test_a_place_inside_enters_its_own_steps_and_one_outside_enters_none(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer, head = by(session, county), by(session, county, Role.COUNTY_HEAD)
        move = consulted(session, county)
        with pytest.raises(Forbidden, match="other agency"):
            transfers.answer(session, head, move.id, agrees=True, reply="可", now=NOW)
        with pytest.raises(Refused, match="outside the service"):
            transfers.send(session, officer, move.id, "档 4", NOW)
        transfers.withdraw(session, officer, move.id, "改投", NOW)
        there = Agency(name="凤冈县社区矫正中心", level=AgencyLevel.COUNTY, division="520327")
        session.add(there)
        session.flush()
        wish = Wish(to_agency_id=there.id, asked_on=DAY, moves_on=DAY, why="迁居")
        inside = transfers.ask(session, officer, county.case, wish, NOW)
        transfers.consult(session, officer, inside.id, "征 9", NOW)
        with pytest.raises(Refused, match="takes this step itself"):
            outside_moves.answer(
                session, officer, inside.id, REPLY, agrees=True, reply="可", now=NOW
            )


def test_a_case_that_ended_on_its_way_does_not_end_again(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        move, officer = sent(session, county), by(session, county)
        cases.move(
            session, officer, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON
        )
        with pytest.raises(Refused) as refusal:
            outside_moves.receive(session, officer, move.id, RECEIPT, NOW)
        assert refusal.value.code == "case_ended"
        late = datetime(2027, 1, 1, tzinfo=UTC)
        assert session.scalars(outside_moves.overdue(officer, late)).all() == []
