"""Faces are found in pixels alone: the same picture shows the same, whatever was seen before."""

import numpy as np
import pytest

from correction_service.face import weights
from correction_service.face.detect import STRIP_PX, Detector
from correction_service.face.images import decode
from tests.faces import FacePhotos


@pytest.mark.parametrize("side", [1, 2, STRIP_PX, STRIP_PX + 1])
def test_a_blank_strip_shows_no_face_whatever_was_looked_at_before(
    face_photos: FacePhotos, side: int
) -> None:
    detector = Detector(weights.locate(weights.listed())["yunet"])
    photo = decode(face_photos.stranger.read_bytes())
    for _ in range(4):
        assert len(detector.find(photo)) == 1
        for shape in ((side, 640, 3), (640, side, 3)):
            assert detector.find(np.zeros(shape, np.uint8)) == []
