"""From the first frame of a rendered head to a duty that is done, and of a print to a review."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from correction_service.face.images import decode
from correction_service.face.verifier import Verifier
from correction_service.presence import attempts, checkins
from correction_service.presence.captures import Capture
from correction_service.presence.judging import Judge
from models.checkin import CheckIn, DutyState, Liveness, Outcome
from tests.county import NOW
from tests.face.attacks import bursts
from tests.face.attacks.bursts import Burst, Cast, Dice
from tests.face.attacks.heads import likeness
from tests.faces import FacePhotos
from tests.service.checking_in import Desk, desk

__all__ = ["desk"]

TRIES = 2


@pytest.fixture(scope="module")
def cast(face_photos: FacePhotos) -> Cast:
    # Lids drawn under the raised brows of the second photo do not look shut.
    person, other = face_photos.person[2], face_photos.stranger
    return Cast(*(likeness(decode(photo.read_bytes())) for photo in (person, other)))


def checked_in(desk: Desk, verifier: Verifier, burst: Burst) -> CheckIn:
    """Send a burst frame by frame, at the times that it claims, and have it judged."""
    with desk.writing() as session:
        permit = checkins.permit(session, desk.person_id, NOW, desk.settings)
        challenge = attempts.mine(session, desk.person_id, permit.receipt)
        challenge.actions = [action.value for action in burst.actions]
    for place, frame in enumerate(burst.frames):
        with desk.writing() as session:
            attempts.put(
                session,
                desk.person_id,
                permit.receipt,
                place,
                frame,
                now=NOW + timedelta(milliseconds=frame.arrived_ms or 0),
                settings=desk.settings,
            )
    with desk.writing() as session:
        challenge = attempts.finish(
            session,
            desk.person_id,
            permit.receipt,
            Capture(()),
            now=NOW + timedelta(seconds=60),
            settings=desk.settings,
        )
    judge = Judge(desk.database, verifier, desk.settings)
    made = judge.judge(challenge.id, NOW + timedelta(seconds=61))
    assert made is not None
    return made


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_person_who_does_what_is_asked_has_checked_in_within_two_tries(
    desk: Desk, verifier: Verifier, cast: Cast
) -> None:
    dice = np.random.default_rng(11)
    for _ in range(TRIES):
        made = checked_in(desk, verifier, bursts.genuine(cast, dice))
        assert made.liveness is not Liveness.NOT_LIVE
        if made.counts:
            break
    assert (made.outcome, made.liveness) == (Outcome.MATCH, Liveness.LIVE)
    assert desk.duty() is DutyState.DONE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("attack", [bursts.printed, bursts.screen_still])
def test_a_picture_that_does_what_is_asked_goes_to_an_officer(
    desk: Desk, verifier: Verifier, cast: Cast, attack: Callable[[Cast, Dice], Burst]
) -> None:
    made = checked_in(desk, verifier, attack(cast, np.random.default_rng(12)))
    assert not made.counts
    assert desk.duty() is DutyState.DUE
    assert desk.waiting() == ([made.id] if made.for_review else [])
