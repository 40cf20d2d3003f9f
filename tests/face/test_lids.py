"""Eyes are looked at where closing them was asked, and nowhere else."""

from importlib import metadata

import pytest

from correction_service.face import landmarks, lids
from correction_service.face.actions import Action
from correction_service.face.liveness import Frame
from correction_service.face.looks import Look
from correction_service.face.recogniser import Recogniser
from correction_service.face.thresholds import thresholds
from correction_service.presence import challenges
from tests.face.attacks.lids import landmarker
from tests.faces import FacePhotos, frames

ASKED = (Action.TURN_LEFT, Action.CLOSE_EYES)
STEPS = (None, None, None, 0, 1, 1)


@pytest.fixture(scope="module")
def burst(face_photos: FacePhotos) -> list[Frame]:
    pictures = frames(face_photos.person[0], len(STEPS))
    return [Frame(data, action=step) for data, step in zip(pictures, STEPS, strict=True)]


@pytest.fixture(scope="module")
def looks(recogniser: Recogniser, burst: list[Frame]) -> list[Look]:
    return [recogniser.look(frame.data, thresholds().capture) for frame in burst]


def read(looks: list[Look]) -> list[int]:
    return [i for i, look in enumerate(looks) if look.portrait and look.portrait.eyes is not None]


def test_the_step_and_two_straight_frames_are_read(burst: list[Frame], looks: list[Look]) -> None:
    seen = read(lids.read(landmarker(), burst, looks, ASKED))
    assert seen[-2:] == [4, 5]
    assert len(seen[:-2]) == lids.OWN
    assert set(seen[:-2]) < {0, 1, 2}


def test_nothing_is_read_where_closing_them_was_not_asked(
    burst: list[Frame], looks: list[Look]
) -> None:
    assert not read(lids.read(landmarker(), burst, looks, (Action.TURN_LEFT, Action.NOD)))


def test_nothing_is_read_without_the_weights(burst: list[Frame], looks: list[Look]) -> None:
    assert not read(lids.read(landmarks.loaded({}), burst, looks, ASKED))


def test_closed_eyes_are_asked_for_only_where_the_weights_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Action.CLOSE_EYES in challenges.askable()
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    assert challenges.askable() == tuple(a for a in Action if a is not Action.CLOSE_EYES)
