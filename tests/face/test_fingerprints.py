from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import pytest

from correction_service.face.fingerprints import distances, fingerprint
from correction_service.face.gates import gates
from correction_service.face.images import Pixels, decode
from tests.faces import FacePhotos, frames, jpeg

SAME = gates().same_bits
Copying = Callable[[Pixels], object]


@pytest.fixture(scope="module")
def pictures(face_photos: FacePhotos) -> list[Pixels]:
    photos = (*face_photos.person, face_photos.stranger)
    return [decode(next(iter(frames(photo, 1)))) for photo in photos]


def apart(picture: Pixels, other: object, quality: int = 80) -> int:
    """Return the bits between a picture and what became of it, compressed once more."""
    copy = decode(jpeg(np.asarray(other, np.uint8), quality))
    return int(distances([fingerprint(picture)], [fingerprint(copy)])[0, 0])


def cropped(picture: Pixels) -> Pixels:
    height, width = (round(0.03 * side / 2) for side in picture.shape[:2])
    return picture[height:-height, width:-width]


@pytest.mark.parametrize(
    ("copy", "quality"),
    [
        (lambda it: it, 50),
        (lambda it: cv2.resize(it, (240, 320), interpolation=cv2.INTER_AREA), 80),
        (lambda it: cv2.convertScaleAbs(it, alpha=1.1), 80),
        (lambda it: cv2.convertScaleAbs(it, beta=20), 80),
        (lambda it: cv2.convertScaleAbs(it, alpha=0.8), 80),
    ],
    ids=["compressed", "smaller", "brighter", "lighter", "darker"],
)
def test_most_pictures_copied_are_known(
    pictures: list[Pixels], copy: Copying, quality: int
) -> None:
    assert median(apart(each, copy(each), quality) for each in pictures) <= SAME


@pytest.mark.parametrize("copy", [cropped, lambda it: cv2.flip(it, 1)], ids=["cropped", "mirrored"])
def test_pictures_cropped_by_three_percent_or_mirrored_are_not(
    pictures: list[Pixels], copy: Copying
) -> None:
    assert min(apart(each, copy(each)) for each in pictures) > SAME


def test_pictures_a_second_apart_of_one_person_are_not_one_picture(
    face_photos: FacePhotos,
) -> None:
    burst = [fingerprint(decode(each)) for each in frames(face_photos.person[1], 12)]
    assert distances(burst[:1], burst[-1:]).min() > SAME


def test_a_picture_that_shows_nothing_has_no_fingerprint() -> None:
    assert fingerprint(np.zeros((640, 480, 3), np.uint8)) == b""
