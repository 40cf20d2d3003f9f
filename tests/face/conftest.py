import pytest

from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Template
from tests.faces import FacePhotos, face_photos

__all__ = ["face_photos"]


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return Recogniser()


@pytest.fixture(scope="session")
def template(recogniser: Recogniser, face_photos: FacePhotos) -> Template:
    verdict = recogniser.enrol([photo.read_bytes() for photo in face_photos.person])
    assert verdict.template is not None
    return verdict.template
