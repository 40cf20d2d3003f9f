"""The face mesh: where the eyes are, and whether they are open."""

import cv2
import numpy as np
import pytest

from correction_service.face import weights
from correction_service.face.detect import LEFT_EYE, RIGHT_EYE, Detector
from correction_service.face.images import Pixels, decode
from correction_service.face.landmarks import SIDE_PX, Landmarker, Mesh, upright
from tests.faces import FacePhotos, jpeg, landmarks_task, variant

SHUT = 0.7  # of a person's own open eyes
# The lids of each eye from corner to corner.
UPPER = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (362, 398, 384, 385, 386, 387, 388, 466, 263),
)
LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return Landmarker(landmarks_task())


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(weights.locate({"yunet": weights.listed()["yunet"]})["yunet"])


def seen(landmarker: Landmarker, detector: Detector, image: Pixels) -> Mesh:
    mesh = landmarker.find(image, detector.find(image)[0])
    assert mesh is not None
    return mesh


def with_eyes_shut(window: Pixels, mesh: Mesh) -> Pixels:
    """Draw the skin above each eye down over it, as a lid."""
    across, down = np.meshgrid(np.arange(SIDE_PX), np.arange(SIDE_PX))
    source = down.astype(np.float32)
    for upper, lower in zip(UPPER, LOWER, strict=True):
        lid, rim = (mesh.points[list(edge), :2] for edge in (upper, lower))
        top = np.interp(across[0], lid[:, 0], lid[:, 1])
        end = np.interp(across[0], rim[:, 0], rim[:, 1]) + 2  # the lashes
        brow = top - (lid[-1, 0] - lid[0, 0]) / 2
        drawn = brow + (down - brow) * (top - brow) / (end - brow)
        covered = (down >= brow) & (down <= end) & (across > lid[0, 0]) & (across < lid[-1, 0])
        source[covered] = drawn[covered]
    shut = cv2.remap(window, across.astype(np.float32), source, cv2.INTER_LINEAR)
    return np.asarray(shut, np.uint8)


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
        mesh = seen(landmarker, detector, image)
        shut = with_eyes_shut(upright(image, detector.find(image)[0]), mesh)
        assert seen(landmarker, detector, shut).eyes_open < SHUT * mesh.eyes_open


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
