"""Pages of a move to an agency outside the service: the steps, and the phone after the end."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import cases
from models.case import Case, CaseState
from models.transfer import Transfer, TransferState
from models.user import Role
from tests.county import County
from tests.pages import SignedInClient

ASKED = {
    "name": "云岩区社区矫正中心",
    "county": "贵州省贵阳市云岩区",
    "address": "中华北路 1 号",
    "asked_on": "2026-11-20",
    "moves_on": "2026-12-25",
    "why": "随配偶迁居",
}
STEPS = ("answer", "send", "receive")
ENTERS = {Role.OFFICER, Role.OFFICE_HEAD, Role.COUNTY_HEAD}


def today() -> date:
    return cases.legal_day(datetime.now(UTC))


def moving(database: Database, county: County, state: TransferState) -> int:
    """A move to a place outside, as far as `state`."""
    with database.transaction(SYSTEM, "test") as session:
        case, now = session.get_one(Case, county.case), datetime.now(UTC)
        move = Transfer(
            case=case,
            from_agency_id=county.agency,
            from_office_id=county.office,
            to_name=ASKED["name"],
            to_county=ASKED["county"],
            to_address=ASKED["address"],
            state=state,
            asked_on=today(),
            moves_on=today(),
            why="迁居",
            asked_by=county.users[Role.OFFICER],
        )
        if state is not TransferState.CONSULTED:
            move.decided_at, move.report_by = now, today()
            move.decided_by = county.users[Role.COUNTY_HEAD]
            case.move(CaseState.TRANSFERRING, now)
        session.add(move)
        session.flush()
        return move.id


def letter(number: str) -> dict[str, str]:
    return {"number": number, "on": today().isoformat()}


def test_the_pages_lead_from_the_asking_to_the_end_here(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    asking = f"/transfers/cases/{county.case}"
    assert f'action="/transfers/outside/cases/{county.case}"' in officer.get(asking).text
    officer.post(f"/transfers/outside/cases/{county.case}", data=ASKED)
    assert "贵州省贵阳市云岩区" in officer.get(asking).text
    assert "贵州省贵阳市云岩区" in officer.get("/transfers/").text
    with database.reading() as session:
        number = session.scalars(select(Transfer.id)).one()
    page, outside = f"/transfers/{number}", f"/transfers/outside/{number}"
    officer.post(f"{page}/consult", data={"number": "征 8"})
    assert "They can take the case" in officer.get(page).text
    said = {**letter("云矫函 3"), "decision": "agreed", "note": "住所属实"}
    officer.post(f"{outside}/answer", data=said)
    assert "云矫函 3" in officer.get(page).text
    head.post(f"{page}/decide", data={"decision": "agreed", "note": "理由正当"})
    officer.post(f"{outside}/send", data=letter("汇矫档 4"))
    shown = officer.get(page).text
    assert "汇矫档 4" in shown
    assert "The receipt says that the person is there" in shown
    officer.post(f"{outside}/receive", data=letter("云矫收 5"))
    assert "the bracelet is to be taken back" in officer.get(page).text
    assert "moved away" in officer.get(f"/cases/{county.case}/file").text
    assert 'value="released"' not in officer.get(f"/endings/cases/{county.case}").text


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("step", STEPS)
def test_whoever_supervises_enters_a_letter_and_nobody_else_does(
    database: Database, county: County, client_of: SignedInClient, role: Role, step: str
) -> None:
    state = TransferState.CONSULTED if step == "answer" else TransferState.AGREED
    number = moving(database, county, state)
    said = {**letter("函 1"), "decision": "agreed", "note": "可"}
    answer = client_of(role).post(f"/transfers/outside/{number}/{step}", data=said)
    assert (answer.status_code == 302) is (role in ENTERS)
    with database.reading() as session:
        it = session.get_one(Transfer, number)
        entered = {"answer": it.reply_number, "send": it.sent_number, "receive": it.receipt_number}
        assert (entered[step] == "函 1") is (role in ENTERS)


def test_a_letter_without_its_day_is_refused_on_the_page_and_changes_nothing(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    number = moving(database, county, TransferState.SENT)
    page = f"/transfers/outside/{number}/receive"
    answer = client_of(Role.OFFICER).post(page, data={"number": "1"}, follow_redirects=True)
    assert "Choose a day." in answer.text
    with database.reading() as session:
        assert session.get_one(Case, county.case).state is CaseState.TRANSFERRING


def test_an_overdue_receipt_is_named_on_the_desk(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    number = moving(database, county, TransferState.SENT)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Transfer, number).report_by = date(2026, 1, 5)
    desk = client_of(Role.OFFICER).get("/").text
    assert f'href="/transfers/{number}"' in desk
    assert "no receipt says that the person is there" in desk


def test_the_phone_says_that_duties_go_on_here_and_after_the_receipt_that_they_go_on_there(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    number = moving(database, county, TransferState.SENT)
    before = opened_phone.get("/m/move").text
    assert "Until its receipt has come here" in before
    assert "also when you have reported in there" in before
    assert "Until you have reported in there" not in before
    assert ASKED["name"] in before
    receipt = letter("云矫收 5")
    client_of(Role.OFFICER).post(f"/transfers/outside/{number}/receive", data=receipt)
    ended = opened_phone.get("/m/").text
    assert "Your case has moved to another place" in ended
    assert "Your supervision has ended" not in ended
    assert "your duties go on there" in opened_phone.get("/m/move").text
    assert opened_phone.get("/m/rights").status_code == 200
    assert opened_phone.get("/m/leave").status_code == 409


def test_past_the_term_the_phone_does_not_say_that_the_sentence_goes_on(
    opened_phone: FlaskClient, client_of: SignedInClient, database: Database, county: County
) -> None:
    number = moving(database, county, TransferState.SENT)
    receipt = letter("云矫收 5")
    client_of(Role.OFFICER).post(f"/transfers/outside/{number}/receive", data=receipt)
    assert "Your sentence goes on" in opened_phone.get("/m/").text
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = today() - timedelta(days=1)
    ended, moved = opened_phone.get("/m/").text, opened_phone.get("/m/move").text
    assert "Your sentence goes on" not in ended
    assert "certificate of release" in ended
    assert "your duties go on there" not in moved


def test_the_console_says_that_duties_go_on_here_until_the_receipt_has_come(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    number, officer = moving(database, county, TransferState.SENT), client_of(Role.OFFICER)
    shown = officer.get(f"/transfers/{number}").text
    assert "Until its receipt has come here" in shown
    assert "Until the person has reported in at the new place" not in shown


def test_the_page_of_a_move_asks_for_the_exit_ban_until_it_is_written_down(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    number, officer = moving(database, county, TransferState.SENT), client_of(Role.OFFICER)
    step, asks = f"/life/cases/{county.case}/step", "This agency reported an exit ban"
    paper = {"on": today().isoformat(), "number": "备 1", "party": "出入境"}
    officer.post(step, data={**paper, "step": "exit_ban_reported"})
    officer.post(f"/transfers/outside/{number}/receive", data=letter("云矫收 5"))
    assert asks in officer.get(f"/transfers/{number}").text
    assert "the case has moved away" in officer.get("/endings/exit-bans").text
    officer.post(step, data={**paper, "step": "exit_ban_lifted"})
    assert asks not in officer.get(f"/transfers/{number}").text


def test_the_phone_says_it_in_chinese_too(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.TRANSFERRED
    assert "您的案件已转到其他执行地" in opened_phone.get("/m/?lang=zh").text
