"""A movement is seen against the same head held straight."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from correction_service.face import weights
from correction_service.face.actions import Action
from correction_service.face.aim import PITCH_SHARE, Aim, Aimer, Pose, seen
from correction_service.face.detect import Detector
from correction_service.face.gates import gates
from correction_service.face.images import decode
from correction_service.face.verifier import Busy
from correction_service.face.words import Reason
from tests.faces import FacePhotos, frames, jpeg

STRAIGHT = Pose(turn=0.05, pitch=0.55, size=0.30, eyes=0.25)
DONE = {
    Action.TURN_LEFT: Pose(0.45, 0.56, 0.29),
    Action.TURN_RIGHT: Pose(-0.35, 0.56, 0.29),
    Action.NOD: Pose(0.06, 0.70, 0.30),
    Action.COME_CLOSER: Pose(0.05, 0.55, 0.40),
    Action.CLOSE_EYES: Pose(0.05, 0.55, 0.30, 0.1),
}


@pytest.mark.parametrize("asked", list(Action))
def test_what_was_asked_is_seen_and_nothing_else(asked: Action) -> None:
    assert {action for action, pose in DONE.items() if seen(asked, pose, STRAIGHT)} == {asked}
    assert not seen(asked, STRAIGHT, STRAIGHT)


@pytest.mark.parametrize("asked", list(Action))
def test_without_the_head_held_straight_no_movement_is_seen(asked: Action) -> None:
    assert not seen(asked, DONE[asked], Pose(0.0, 0.0, 0.0))


@pytest.mark.parametrize("asked", list(Action))
def test_the_page_goes_on_only_beyond_what_the_judgement_asks(asked: Action) -> None:
    least = gates().gestures
    nod = PITCH_SHARE * least.nod
    just = Pose(least.turn, STRAIGHT.pitch + nod, STRAIGHT.size * (1 + least.closer), 0.17)
    turn = -just.turn if asked is Action.TURN_RIGHT else just.turn
    assert not seen(asked, replace(just, turn=STRAIGHT.turn + turn), STRAIGHT)


def test_a_head_is_held_straight_in_bad_light_too_but_not_turned_aside() -> None:
    nobody_knows = Pose(0.0, 0.0, 0.0)
    assert Aim((Reason.TOO_DARK,), None, STRAIGHT).shows(None, nobody_knows)
    assert not Aim((Reason.TURNED_ASIDE,), None, STRAIGHT).shows(None, nobody_knows)
    assert not Aim((Reason.NO_FACE,)).shows(None, nobody_knows)


def test_eyes_that_cannot_be_told_are_not_shut() -> None:
    unknown = Pose(0.05, 0.55, 0.30)
    assert not seen(Action.CLOSE_EYES, unknown, STRAIGHT)
    assert not seen(Action.CLOSE_EYES, DONE[Action.CLOSE_EYES], unknown)


def view(photo: Path, *, masked: bool) -> bytes:
    """A photo, with a plain cloth from the bridge of the nose down or without."""
    image = decode(next(frames(photo, 1)))
    if masked:
        rows = weights.listed()
        (face, *_) = Detector(weights.locate({"yunet": rows["yunet"]})["yunet"]).find(image)
        right, left, nose, mouth_right, mouth_left = face.points
        across, lips = left - right, (mouth_right + mouth_left) / 2
        down = lips - (right + left) / 2
        rim = [nose * 0.6 + (right + left) * 0.2, left + 0.45 * down + 0.3 * across]
        rim += [lips + 0.8 * down + 0.5 * across, lips + 1.2 * down]
        rim += [lips + 0.8 * down - 0.5 * across, right + 0.45 * down - 0.3 * across]
        cloth = [np.array(rim, np.int32)]
        image = np.asarray(cv2.fillPoly(image, cloth, (215, 190, 150)), np.uint8)
    return jpeg(image)


@pytest.mark.parametrize("photo", [0, 1, 2])
def test_a_mask_is_told_and_a_bare_face_never_is(face_photos: FacePhotos, photo: int) -> None:
    aimer, path = Aimer(1), face_photos.person[photo]
    assert Reason.COVERED in aimer.look(view(path, masked=True)).reasons
    assert Reason.COVERED not in aimer.look(view(path, masked=False)).reasons


def test_a_lane_that_is_taken_says_so_instead_of_waiting() -> None:
    with pytest.raises(Busy):
        Aimer(0).look(b"")
