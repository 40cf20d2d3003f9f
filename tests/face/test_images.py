import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from correction_service.face.images import LONG_SIDE_PX, ImageError, decode
from correction_service.face.words import Reason
from tests.faces import FacePhotos


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def refusal(data: bytes) -> Reason:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_decode_to_blue_green_red(kind: str) -> None:
    image = decode(encoded(Image.new("RGB", (40, 30), (200, 100, 50)), kind))
    assert image.shape == (30, 40, 3)
    assert np.abs(image.mean(axis=(0, 1)) - (50, 100, 200)).max() < 4


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "I;16"])
def test_every_colour_mode_becomes_three_channels(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert decode(encoded(Image.new(mode, (9, 7)), kind)).shape == (7, 9, 3)


def test_a_photo_of_40_megapixels_is_refused_by_its_header_alone() -> None:
    whole = encoded(Image.new("1", (8000, 5000)))
    assert refusal(whole) is Reason.TOO_MANY_PIXELS
    assert refusal(whole[:100]) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_decompression_bomb_is_refused(side: int) -> None:
    header = bytearray(encoded(Image.new("1", (8, 8))))
    header[16:24] = side.to_bytes(4) * 2
    assert refusal(bytes(header)) in {Reason.TOO_MANY_PIXELS, Reason.TRUNCATED}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_photo_is_refused_whatever_was_imported(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as face_recognition does
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), kind)
    assert decode(whole).shape == (200, 200, 3)
    assert refusal(whole[: len(whole) // 2]) is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.NOT_AN_IMAGE),
        ("不是照片".encode(), Reason.NOT_AN_IMAGE),
        (b"%PDF-1.7 and so on", Reason.NOT_AN_IMAGE),
        (b"\0\0\0\x18ftypheic\0\0\0\0", Reason.HEIC),
        (b"\0\0\0\x18ftypavif\0\0\0\0", Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.new("L", (9, 9)), "GIF"), Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.new("L", (9, 9)), "BMP"), Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.new("L", (9, 9)), "TIFF"), Reason.UNSUPPORTED_FORMAT),
        (b"\xff\xd8\xff", Reason.TRUNCATED),
    ],
)
def test_what_is_no_photo_is_refused_with_the_reason(data: bytes, reason: Reason) -> None:
    assert refusal(data) is reason


def test_a_photo_taken_sideways_is_turned_upright() -> None:
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held upright and says: turn by 90 degrees
    assert decode(encoded(image, "JPEG", exif=exif)).shape == (40, 20, 3)


def test_a_large_photo_is_reduced_before_anything_looks_at_it() -> None:
    image = decode(encoded(Image.new("RGB", (4000, 3000)), "JPEG"))
    assert max(image.shape) == LONG_SIDE_PX


def test_every_reason_has_advice_in_both_languages(face_photos: FacePhotos) -> None:
    assert all(reason.words.zh and reason.words.en for reason in Reason)
    assert refusal(face_photos.group.read_bytes()[:5000]).words.en.startswith("The photo is incom")
