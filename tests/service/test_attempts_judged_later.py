"""Attempts that nobody could judge at once: they wait, and end with a receipt whatever dies."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.face.verifier import Busy, Verifier
from correction_service.people import consents
from correction_service.presence.judging import CLAIM_LASTS, MOST_CLAIMS, Judge
from models.checkin import (
    AttemptState,
    Challenge,
    CheckIn,
    DutyState,
    Outcome,
)
from models.keys import SealBroken
from models.person import Person
from tests.county import NOW
from tests.enrolled import Bursts
from tests.service.checking_in import LATER, Desk, desk
from tests.service.test_attempts import finish, kept, permit, put, sent, state, void_reason

__all__ = ["desk"]

SECOND = timedelta(seconds=1)


def test_a_capture_that_finds_no_room_waits_and_is_judged_later_by_itself(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = sent(desk, bursts)
    with Verifier(workers=1, queue_length=-1) as full:  # not one place
        judge = Judge(desk.database, full, desk.settings)
        for _ in range(MOST_CLAIMS + 1):
            with pytest.raises(Busy):
                judge.judge(challenge.id, NOW)
        assert not judge.turn(NOW)
    assert state(desk, challenge.receipt, LATER) is AttemptState.WAITING
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DUE)  # however long it waits
    assert Judge(desk.database, verifier, desk.settings).turn(LATER)
    assert state(desk, challenge.receipt) is AttemptState.DONE
    with desk.database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.outcome, made.at) == (Outcome.MATCH, challenge.sent_at)


def test_a_network_lost_after_the_challenge_is_no_missed_check_in(desk: Desk) -> None:
    permit(desk)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)
    assert void_reason(desk) == "attempt_unfinished"


def test_a_network_lost_in_mid_upload_is_no_missed_check_in(desk: Desk, bursts: Bursts) -> None:
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames[:2])
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)
    assert void_reason(desk) == "attempt_unfinished"


def test_an_attempt_begun_in_the_last_minute_has_its_time(desk: Desk) -> None:
    last = NOW + timedelta(hours=3) - SECOND
    permit(desk, last)
    assert (desk.lapse(last + 30 * SECOND), desk.duty()) == (0, DutyState.DUE)
    assert (desk.lapse(LATER + timedelta(hours=9)), desk.duty()) == (0, DutyState.VOID)


def test_a_phone_that_leaves_after_finishing_finds_its_receipt(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = sent(desk, bursts)
    assert Judge(desk.database, verifier, desk.settings).turn(NOW + timedelta(minutes=1))
    assert finish(desk, challenge.receipt or "", now=LATER).checkin_id is not None


def test_an_attempt_before_the_window_excuses_nothing(desk: Desk) -> None:
    permit(desk, NOW - timedelta(hours=2))
    assert (desk.lapse(), desk.duty()) == (1, DutyState.MISSED)


def test_what_dies_while_judged_is_judged_again(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = sent(desk, bursts)
    claim(desk, challenge.id, NOW)
    judge = Judge(desk.database, verifier, desk.settings)
    assert judge.judge(challenge.id, NOW + SECOND) is None  # in somebody's hands
    assert not judge.turn(NOW + SECOND)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DUE)
    assert judge.turn(NOW + CLAIM_LASTS + SECOND)
    with desk.database.reading() as session:
        assert session.scalars(select(CheckIn.outcome)).one() is Outcome.MATCH


def test_what_dies_each_time_becomes_a_fault_of_ours(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = sent(desk, bursts)
    for i in range(MOST_CLAIMS):
        claim(desk, challenge.id, NOW + i * CLAIM_LASTS)
    judge = Judge(desk.database, verifier, desk.settings)
    assert judge.turn(NOW + (MOST_CLAIMS + 1) * CLAIM_LASTS)
    with desk.database.reading() as session:
        assert session.scalars(select(CheckIn.outcome)).one() is Outcome.FAULT
    assert (desk.lapse(), desk.duty(), kept(desk)) == (0, DutyState.VOID, 0)


def claim(desk: Desk, challenge_id: int, now: datetime) -> None:
    """Take a capture up as a process does that is then killed."""
    with desk.writing() as session:
        challenge = session.get_one(Challenge, challenge_id)
        challenge.claimed_at, challenge.claims = now, challenge.claims + 1


def test_a_capture_that_cannot_be_opened_does_not_hold_up_those_behind_it(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    broken, behind = sent(desk, bursts), sent(desk, bursts)
    with desk.writing() as session:
        session.get_one(Challenge, broken.id).sealed = b"no seal at all"
    judge = Judge(desk.database, verifier, desk.settings)
    with pytest.raises(SealBroken):
        judge.turn(NOW + SECOND)
    assert judge.turn(NOW + SECOND)
    assert state(desk, behind.receipt) is AttemptState.DONE
    for i in range(1, MOST_CLAIMS):
        with pytest.raises(SealBroken):
            judge.turn(NOW + i * (CLAIM_LASTS + SECOND) + SECOND)
    assert judge.turn(NOW + MOST_CLAIMS * (CLAIM_LASTS + SECOND) + SECOND)
    with desk.database.reading() as session:
        outcomes = session.scalars(select(CheckIn.outcome).order_by(CheckIn.id)).all()
    assert outcomes == [Outcome.MATCH, Outcome.FAULT]


def test_a_consent_that_went_meanwhile_ends_what_waits_and_leaves_nothing(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = sent(desk, bursts)
    with desk.writing() as session:
        consents.withdraw(session, session.get_one(Person, desk.person_id), None, NOW)
    assert Judge(desk.database, verifier, desk.settings).judge(challenge.id, NOW) is None
    assert (kept(desk), state(desk, challenge.receipt)) == (0, AttemptState.CLOSED)
    with desk.database.reading() as session:
        ended = session.get_one(Challenge, challenge.id)
        assert (ended.close_reason, ended.sealed) == ("no_consent", None)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)
