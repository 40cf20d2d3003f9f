"""A code from the officer, a PIN of one's own, and what stops whoever guesses."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from correction_service import codes
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import phones
from correction_service.people.phones import PinRefused
from models.case import Case, CaseState
from models.errors import Invalid
from models.person import Person
from models.phone import ACTIVATION_FOR, PhoneAccess
from tests.county import NOW, County

PIN = "407219"
WRONG = "863140"


@pytest.fixture
def person_id(database: Database, county: County) -> UUID:
    with database.reading() as session:
        return session.get_one(Case, county.case).person_id


def offer(session: Session, person_id: UUID, now: datetime = NOW) -> str:
    return phones.offer(session, session.get_one(Person, person_id), now)


def set_up(session: Session, person_id: UUID, *, shared: bool = False) -> PhoneAccess:
    return phones.activate(session, offer(session, person_id), PIN, NOW, shared=shared)


def test_a_code_is_traded_for_a_pin_once(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        code = offer(session, person_id)
        typed = f" {code.lower().replace('-', ' ')} "
        assert phones.activate(session, typed, PIN, NOW).person_id == person_id
        assert phones.sign_in(session, person_id, PIN, NOW).person_id == person_id
        with pytest.raises(Invalid) as refusal:
            phones.activate(session, code, PIN, NOW)
    assert refusal.value.field == "code"


def test_only_the_blind_index_of_a_code_is_kept(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        code = offer(session, person_id)
        kept = session.get_one(PhoneAccess, person_id).activation_index
        assert kept is not None
        assert len(kept) == 32
        assert code.encode() not in kept


def test_a_code_ends(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        code = offer(session, person_id)
        late = NOW + ACTIVATION_FOR + timedelta(seconds=1)
        with pytest.raises(Invalid, match="no longer valid"):
            phones.activate(session, code, PIN, late)


def test_a_new_code_ends_the_old_code_the_pin_and_every_session(
    database: Database, person_id: UUID
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        epoch = set_up(session, person_id).session_epoch
        first = offer(session, person_id)
        second = offer(session, person_id)
        assert session.get_one(PhoneAccess, person_id).session_epoch > epoch
        with pytest.raises(PinRefused) as refusal:
            phones.sign_in(session, person_id, PIN, NOW)
        assert refusal.value.code == "no_pin"
        with pytest.raises(Invalid):
            phones.activate(session, first, PIN, NOW)
        phones.activate(session, second, PIN, NOW)


GUESSABLE = (
    *("123456", "987654", "890123", "000000", "111222", "121212", "123123"),
    *("900101", "010190", "199001", "12345", "1234567", "12a456", "１２３４５６"),
)


def test_a_pin_that_others_would_guess_is_refused(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        code = offer(session, person_id)
        for pin in GUESSABLE:
            with pytest.raises(Invalid) as refusal:
                phones.activate(session, code, pin, NOW)
            assert refusal.value.field == "pin", pin
        phones.activate(session, code, PIN, NOW)


def guess(session: Session, person_id: UUID, pin: str, now: datetime) -> str:
    try:
        phones.sign_in(session, person_id, pin, now)
    except PinRefused as refusal:
        return refusal.code
    return "opened"


def test_five_wrong_pins_close_the_page_for_a_quarter_of_an_hour(
    database: Database, person_id: UUID
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        set_up(session, person_id)
        assert [guess(session, person_id, WRONG, NOW) for _ in range(4)] == ["pin_wrong"] * 4
        assert guess(session, person_id, WRONG, NOW) == "locked"
        assert guess(session, person_id, PIN, NOW + timedelta(minutes=14)) == "locked"
        assert guess(session, person_id, PIN, NOW + timedelta(minutes=15)) == "opened"


def test_the_officer_opens_a_closed_page_at_once(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        set_up(session, person_id)
        for _ in range(5):
            guess(session, person_id, WRONG, NOW)
        phones.unlock(session, session.get_one(Person, person_id))
        assert guess(session, person_id, PIN, NOW) == "opened"


def test_twenty_wrong_pins_in_a_day_ask_for_a_new_code(database: Database, person_id: UUID) -> None:
    with database.transaction(SYSTEM, "test") as session:
        set_up(session, person_id)
        answers = [
            guess(session, person_id, WRONG, NOW + timedelta(minutes=16 * (i // 5)))
            for i in range(20)
        ]
        assert answers[:5] == ["pin_wrong"] * 4 + ["locked"]
        assert answers[-1] == "no_pin"
        assert guess(session, person_id, PIN, NOW + timedelta(days=3)) == "no_pin"
        phones.activate(session, offer(session, person_id), PIN, NOW)
        assert guess(session, person_id, PIN, NOW) == "opened"


def test_a_slip_now_and_then_over_many_days_closes_nothing(
    database: Database, person_id: UUID
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        set_up(session, person_id)
        for day in range(21):
            now = NOW + timedelta(days=2 * day)
            assert guess(session, person_id, WRONG, now) == "pin_wrong"
            assert guess(session, person_id, PIN, now) == "opened"


def test_a_case_number_opens_shared_phones_only(
    database: Database, person_id: UUID, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        number = session.get_one(Case, county.case).number
        set_up(session, person_id)
        with pytest.raises(PinRefused, match="case number or the PIN"):
            phones.sign_in_shared(session, number, PIN, NOW)
        set_up(session, person_id, shared=True)
        assert phones.sign_in_shared(session, f" {number} ", PIN, NOW).person_id == person_id
        session.get_one(Case, county.case).state = CaseState.RELEASED  # rights outlive the case
        assert phones.sign_in_shared(session, number, PIN, NOW).person_id == person_id


def test_codes_hold_no_character_that_looks_like_another() -> None:
    drawn = "".join(codes.new() for _ in range(200))
    assert not set(drawn) & set("01OILBSZGU")
    assert codes.normalise(" 7k3m 92qx") == "7K3M-92QX"
