"""The face mesh: where the eyes are, and whether they are open."""

import numpy as np
import pytest

from correction_service.face import weights
from correction_service.face.detect import LEFT_EYE, RIGHT_EYE, Detector
from correction_service.face.gates import gates
from correction_service.face.images import Pixels, decode
from correction_service.face.landmarks import Landmarker, Mesh, upright
from tests.face.attacks import lids
from tests.faces import FacePhotos, jpeg, variant

SHUT = gates().gestures.shut  # of a person's own open eyes


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return lids.landmarker()


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(weights.locate({"yunet": weights.listed()["yunet"]})["yunet"])


def seen(landmarker: Landmarker, detector: Detector, image: Pixels) -> Mesh:
    mesh = landmarker.find(image, detector.find(image)[0])
    assert mesh is not None
    return mesh


def test_the_corners_of_the_eyes_lie_around_what_the_detector_calls_eyes(
    landmarker: Landmarker, detector: Detector, face_photos: FacePhotos
) -> None:
    image = decode(face_photos.person[0].read_bytes())
    face = detector.find(upright(image, detector.find(image)[0]))[0]
    mesh = seen(landmarker, detector, image)
    for corners, eye in (((33, 133), RIGHT_EYE), ((362, 263), LEFT_EYE)):
        middle = mesh.points[list(corners), :2].mean(axis=0)
        assert middle == pytest.approx(face.points[eye], abs=6)


def test_lids_drawn_over_the_eyes_are_seen_as_shut(
    landmarker: Landmarker, detector: Detector, face_photos: FacePhotos
) -> None:
    first, _brows_raised, third = face_photos.person
    for photo in (first, third, face_photos.stranger):
        image = decode(photo.read_bytes())
        own = seen(landmarker, detector, image).eyes_open
        assert seen(landmarker, detector, lids.shut(image)).eyes_open < SHUT * own


def test_open_eyes_stay_open_in_poor_light_and_a_tilted_head(
    landmarker: Landmarker, detector: Detector, face_photos: FacePhotos
) -> None:
    photo = face_photos.person[0]
    own = seen(landmarker, detector, decode(photo.read_bytes())).eyes_open
    for changed in (variant(photo, brightness=0.4), variant(photo, angle_deg=12)):
        assert seen(landmarker, detector, decode(changed)).eyes_open > 0.9 * own


def test_where_there_is_no_face_there_is_no_mesh(
    landmarker: Landmarker, detector: Detector, face_photos: FacePhotos
) -> None:
    image = decode(face_photos.person[0].read_bytes())
    face = detector.find(image)[0]
    wall = decode(jpeg(np.full_like(image, 127)))
    assert landmarker.find(wall, face) is None
