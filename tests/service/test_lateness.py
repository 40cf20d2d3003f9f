"""What excuses whoever never came makes nobody late who got through after all."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from correction_service.face.verdict import Outcome as Said
from correction_service.face.verdict import Verdict
from correction_service.face.words import Reason
from correction_service.presence import checkins, help_requests
from models.case import Case
from models.checkin import DutyState, Way
from models.help_request import HelpKind
from models.review import ReviewDecision
from models.user import Role
from tests.county import NOW
from tests.enrolled import Bursts
from tests.service.checking_in import Desk, desk

__all__ = ["desk"]

CLOSES = NOW + timedelta(hours=1)


def faulty(desk: Desk, bursts: Bursts) -> None:
    desk.send(bursts.person, Verdict(Said.FAULT, "x/1", reasons=(Reason.SYSTEM_FAULT,)))


def unclear(desk: Desk, bursts: Bursts) -> None:
    desk.send(bursts.person, Verdict(Said.POOR_IMAGE, "x/1", reasons=(Reason.BLURRED,)))


def doubted(desk: Desk, bursts: Bursts) -> None:
    desk.review(desk.send(bursts.stranger, bursts.no_match), ReviewDecision.CONCERN)


def lost(desk: Desk, _bursts: Bursts) -> None:
    """The network goes after the challenge."""
    desk.permit(CLOSES - timedelta(minutes=2))


def otherwise(desk: Desk, _bursts: Bursts) -> None:
    with desk.writing() as session:
        case = session.get_one(Case, desk.county.case)
        help_requests.ask(session, case, HelpKind.VIDEO_CALL, NOW)


@pytest.mark.parametrize("befell", [faulty, unclear, doubted, lost, otherwise])
def test_what_excuses_who_never_came_makes_nobody_late_who_did(
    desk: Desk, bursts: Bursts, befell: Callable[[Desk, Bursts], None]
) -> None:
    befell(desk, bursts)
    with desk.writing() as session:
        now, user = CLOSES + timedelta(minutes=30), desk.user(session)
        checkins.attest(
            session, user, desk.county.case, way=Way.OFFICER_VIDEO, note="seen", now=now
        )
    assert desk.duty() is DutyState.DONE


def test_who_gets_through_after_a_fault_of_ours_is_in_time(desk: Desk, bursts: Bursts) -> None:
    faulty(desk, bursts)
    after = CLOSES + timedelta(minutes=5)
    desk.send(bursts.person, bursts.match, desk.permit(after), after)
    assert desk.duty() is DutyState.DONE


def test_a_fault_after_the_window_excuses_no_lateness(desk: Desk, bursts: Bursts) -> None:
    for minute, verdict in (
        (1, Verdict(Said.FAULT, "x/1", reasons=(Reason.SYSTEM_FAULT,))),
        (3, bursts.match),
    ):
        at = CLOSES + timedelta(minutes=minute)
        desk.send(bursts.person, verdict, desk.permit(at), at)
    assert desk.duty() is DutyState.LATE


def test_what_two_find_to_be_somebody_else_makes_no_later_check_in_timely(
    desk: Desk, bursts: Bursts
) -> None:
    otherwise(desk, bursts)
    made = desk.send(bursts.stranger, bursts.no_match)
    desk.review(made, ReviewDecision.NO_MATCH)
    desk.review(made, ReviewDecision.NO_MATCH, role=Role.COUNTY_HEAD)
    after = CLOSES + timedelta(minutes=5)
    desk.send(bursts.person, bursts.match, desk.permit(after), after)
    assert desk.duty() is DutyState.LATE
