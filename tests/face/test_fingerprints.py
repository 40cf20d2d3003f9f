import cv2
import numpy as np
import pytest

from correction_service.face.fingerprints import distances, fingerprint
from correction_service.face.images import decode
from tests.faces import FacePhotos, frames, jpeg


@pytest.fixture(scope="module")
def burst(face_photos: FacePhotos) -> list[bytes]:
    return list(frames(face_photos.person[1], 12))


def test_a_picture_compressed_again_and_made_smaller_is_known(burst: list[bytes]) -> None:
    image = decode(burst[0])
    smaller = np.asarray(cv2.resize(image, (300, 400), interpolation=cv2.INTER_AREA), np.uint8)
    copies = [fingerprint(decode(jpeg(picture, 40))) for picture in (image, smaller)]
    assert distances([fingerprint(image)], copies).max() <= 12


def test_pictures_a_second_apart_of_one_person_are_not_one_picture(burst: list[bytes]) -> None:
    assert distances([fingerprint(decode(burst[0]))], [fingerprint(decode(burst[-1]))]).min() > 12


def test_a_picture_that_shows_nothing_has_no_fingerprint() -> None:
    assert fingerprint(np.zeros((640, 480, 3), np.uint8)) == b""
