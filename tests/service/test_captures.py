"""What a phone may send, and what it is told when it may not."""

import io
import math

import pytest
from PIL import Image

from correction_service.presence import captures
from correction_service.settings import Settings
from models.errors import Invalid
from tests.faces import FacePhotos

LIMITS = Settings(key_ring=None)


def picture(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (picture(8000, 5000), "image_too_many_pixels"),
        (b"not a picture at all", "image_not_an_image"),
        (b"", "image_not_an_image"),
        (b"\xff\xd8\xff\xe0 and no more", "image_truncated"),
    ],
    ids=["forty megapixels", "text", "nothing", "a header alone"],
)
def test_a_frame_that_is_no_picture_is_named(frame: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        captures.frames([picture(64, 64), frame], LIMITS)
    assert (refusal.value.field, refusal.value.code) == ("frames.1", code)


def test_a_truncated_photo_is_named(face_photos: FacePhotos) -> None:
    photo = face_photos.person[0].read_bytes()
    with pytest.raises(Invalid) as refusal:
        captures.frames([photo[: len(photo) // 2]], LIMITS)
    assert (refusal.value.field, refusal.value.code) == ("frames.0", "image_truncated")


@pytest.mark.parametrize("count", [0, captures.MOST_FRAMES + 1])
def test_a_burst_has_one_to_eight_frames(count: int) -> None:
    with pytest.raises(Invalid) as refusal:
        captures.frames([picture(64, 64)] * count, LIMITS)
    assert refusal.value.field == "frames"


def test_a_burst_is_no_larger_than_a_phone_makes_it() -> None:
    with pytest.raises(Invalid, match="3 MB"):
        captures.frames([bytes(captures.MOST_BYTES + 1)], LIMITS)


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy_m", "field"),
    [
        (90.01, 106.9, 5.0, "lat"),
        (math.nan, 106.9, 5.0, "lat"),
        (27.7, -180.5, 5.0, "lon"),
        (27.7, math.inf, 5.0, "lon"),
        (27.7, None, 5.0, "lon"),
        (27.7, 106.9, -1.0, "accuracy_m"),
        (27.7, 106.9, math.nan, "accuracy_m"),
    ],
)
def test_a_number_that_is_no_place_is_named(
    lat: float | None, lon: float | None, accuracy_m: float | None, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        captures.position(lat, lon, accuracy_m)
    assert refusal.value.field == field


def test_a_position_is_optional_and_so_is_its_accuracy() -> None:
    assert captures.position(None, None, None) is None
    assert captures.position(27.7, 106.9, None) == captures.Position(27.7, 106.9, None)


def test_an_unknown_mood_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        captures.answers("furious", help_=False, call_back=False)
    assert refusal.value.field == "mood"
