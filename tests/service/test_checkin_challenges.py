"""A challenge is good once, for one person, for a while."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from correction_service.face.actions import Action
from correction_service.face.verdict import Outcome as FaceOutcome
from correction_service.face.verdict import Verdict
from correction_service.presence import checkins
from correction_service.presence.captures import Capture
from models.agency import Office
from models.checkin import (
    CheckIn,
    DutyState,
)
from models.errors import Refused
from tests.county import NOW, County, make_case
from tests.enrolled import Bursts
from tests.service.checking_in import LATER, Desk, desk

__all__ = ["desk"]

SECOND = timedelta(seconds=1)


def test_the_same_capture_sent_twice_finds_one_receipt(desk: Desk, bursts: Bursts) -> None:
    token = desk.permit()
    first = desk.send(bursts.person, bursts.match, token)
    again = desk.send(bursts.person, bursts.match, token, now=LATER)
    assert first.receipt == again.receipt
    with desk.database.reading() as session:
        assert session.scalar(select(func.count(CheckIn.id))) == 1


def test_a_spent_challenge_takes_no_other_capture(desk: Desk, bursts: Bursts) -> None:
    token = desk.permit()
    desk.send(bursts.person, bursts.match, token)
    with pytest.raises(Refused) as refusal:
        desk.send(bursts.stranger, bursts.no_match, token)
    assert refusal.value.code == "challenge_used"


def test_two_captures_racing_for_one_challenge_make_one_check_in(
    desk: Desk, bursts: Bursts
) -> None:
    token = desk.permit()
    start = Barrier(2)

    def race(capture: Capture, verdict: Verdict) -> str:
        with desk.database.reading() as session:
            attempt = checkins.begin(session, desk.person_id, token, capture, NOW)
        start.wait(timeout=30)
        try:
            with desk.writing() as session:
                checkins.record(session, desk.settings, attempt, capture, verdict, now=NOW)
        except Refused as refusal:
            return refusal.code
        return "recorded"

    captures, verdicts = (bursts.person, bursts.group), (bursts.match, bursts.many_faces)
    with ThreadPoolExecutor(2) as threads:
        ended = sorted(threads.map(race, captures, verdicts))
    assert ended == ["challenge_used", "recorded"]
    with desk.database.reading() as session:
        assert session.scalar(select(func.count(CheckIn.id))) == 1


def test_a_challenge_ends(desk: Desk, bursts: Bursts) -> None:
    with pytest.raises(Refused) as refusal:
        desk.send(bursts.person, bursts.match, now=NOW + timedelta(seconds=121))
    assert refusal.value.code == "challenge_expired"
    assert desk.duty() is DutyState.DUE


def asked(desk: Desk, now: datetime, seed: int) -> tuple[Action, ...]:
    dice = random.Random(seed)  # noqa: S311 a seed makes the test repeatable
    with desk.writing() as session:
        return checkins.permit(session, desk.person_id, now, desk.settings, dice).actions


def test_whoever_begins_anew_is_asked_the_same_again(desk: Desk) -> None:
    first = asked(desk, NOW, 0)
    assert {asked(desk, NOW + SECOND * seed, seed) for seed in range(1, 12)} == {first}


def test_beginning_anew_makes_no_time_for_a_film_of_what_is_asked(desk: Desk) -> None:
    life = desk.settings.challenge_seconds
    first, again = asked(desk, NOW, 0), asked(desk, NOW + SECOND * (life - 1), 1)
    assert again == first
    assert asked(desk, NOW + SECOND * life, 1) != first


def test_after_a_capture_something_else_is_drawn(desk: Desk, bursts: Bursts) -> None:
    drawn = asked(desk, NOW, 0)
    desk.send(bursts.person, bursts.match, desk.permit())
    assert asked(desk, NOW, 1) != drawn


def test_new_draws_within_an_hour_come_to_an_end_and_the_other_ways_are_named(desk: Desk) -> None:
    life, most = desk.settings.challenge_seconds * SECOND, desk.settings.draws_an_hour
    for seed in range(most):
        asked(desk, NOW + seed * life, seed)
    with pytest.raises(Refused) as refusal:
        asked(desk, NOW + most * life, 99)
    assert (refusal.value.code, refusal.value.facts) == ("drawn_often", {"minutes": 48})
    assert asked(desk, NOW + timedelta(hours=1), 99)
    desk.lapse()
    assert desk.duty() is DutyState.VOID


def test_one_blank_picture_does_not_draw_without_end(desk: Desk, bursts: Bursts) -> None:
    for seed in range(desk.settings.draws_an_hour):
        asked(desk, NOW, seed)
        desk.send(bursts.group, bursts.many_faces, desk.permit())
    with pytest.raises(Refused) as refusal:
        desk.permit()
    assert refusal.value.code == "drawn_often"


def test_whoever_is_asked_the_same_again_draws_nothing_new(desk: Desk) -> None:
    first = asked(desk, NOW, 0)
    for _ in range(2 * desk.settings.draws_an_hour):
        assert asked(desk, NOW + SECOND, 1) == first


def test_a_fault_of_ours_uses_up_no_draw(desk: Desk, bursts: Bursts) -> None:
    fault = Verdict(FaceOutcome.FAULT, bursts.match.model_version)
    for seed in range(desk.settings.draws_an_hour + 1):
        asked(desk, NOW, seed)
        desk.send(bursts.person, fault, desk.permit())
    assert asked(desk, NOW, 99)


def test_a_challenge_is_good_for_one_person_only(
    desk: Desk, bursts: Bursts, county: County
) -> None:
    with desk.writing() as session:
        other = make_case(session, session.get_one(Office, county.office), 2)
        session.flush()
        with pytest.raises(Refused) as refusal:
            checkins.begin(session, other.person_id, desk.permit_in(session), bursts.person, NOW)
    assert refusal.value.code == "challenge_unknown"
