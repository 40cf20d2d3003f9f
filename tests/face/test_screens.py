"""Coloured waves over a picture: what screens leave, and what clothes, lamps and JPEG do not."""

import cv2
import numpy as np
import pytest

from correction_service.face import screens
from correction_service.face.detect import Face
from correction_service.face.gates import gates
from correction_service.face.images import Pixels, decode
from correction_service.face.liveness import CueName
from correction_service.face.looks import Portrait
from correction_service.face.recogniser import Recogniser
from correction_service.face.thresholds import thresholds
from tests.face.attacks.heads import detector
from tests.faces import FacePhotos, frames, jpeg

HEIGHT = -np.log(gates().scales[CueName.SCREEN].good)
Y, X = np.mgrid[:640, :480].astype(np.float32)


@pytest.fixture(scope="module", params=["person", "stranger"])
def shown(request: pytest.FixtureRequest, face_photos: FacePhotos) -> tuple[Pixels, Face]:
    """A picture of 480 × 640, and the face in it."""
    photos = {"person": face_photos.person[0], "stranger": face_photos.stranger}
    image = decode(next(frames(photos[request.param])))
    return image, detector().find(image)[0]


def lit(image: Pixels, light: object, quality: int = 75) -> Pixels:
    """Multiply a picture with light, (h, w) or (h, w, BGR), and let a camera compress it."""
    grain = np.random.default_rng(1).normal(0, 2, image.shape)
    lighted = image * np.asarray(light, float) + grain
    return decode(jpeg(np.asarray(np.clip(lighted, 0, 255), np.uint8), quality))


def waves(period_px: float, along_deg: float, strength: float = 0.06) -> Pixels:
    """Return light that comes in waves, one after the other in blue, green and red."""
    angle = np.radians(along_deg)
    phase = 2 * np.pi * (np.cos(angle) * X + np.sin(angle) * Y) / period_px
    return np.dstack([1 + strength * np.sin(phase + colour * 2 * np.pi / 3) for colour in range(3)])


@pytest.mark.parametrize(("period_px", "along_deg"), [(7, 20), (10, 70), (14, 130), (18, 40)])
def test_a_coloured_wave_over_all_of_the_picture_is_seen(
    shown: tuple[Pixels, Face], period_px: float, along_deg: float
) -> None:
    image, face = shown
    rise = screens.wave(lit(image, waves(period_px, along_deg)), face)
    assert rise is not None
    assert rise > HEIGHT


@pytest.mark.parametrize("quality", [45, 60, 85, 95])
def test_no_compression_makes_a_wave(shown: tuple[Pixels, Face], quality: int) -> None:
    image, face = shown
    rise = screens.wave(lit(image, 1.0, quality), face)
    assert rise is not None
    assert rise < HEIGHT


def test_stripes_behind_or_below_the_face_are_no_screen(shown: tuple[Pixels, Face]) -> None:
    image, face = shown
    x, y, width, height = face.box
    beside = (x > X) | (x + width < X) | (y > Y) | (y + height < Y)
    stripes = np.where(beside[..., None], waves(10, 70, strength=0.4), 1.0)
    rise = screens.wave(lit(image, stripes), face)
    assert rise is not None
    assert rise < HEIGHT


def test_the_bands_of_a_lamp_are_no_screen(shown: tuple[Pixels, Face]) -> None:
    image, face = shown
    rise = screens.wave(lit(image, 1 + 0.15 * np.sin(2 * np.pi * Y / 90)[..., None]), face)
    assert rise is not None
    assert rise < HEIGHT


def test_of_a_face_too_small_nothing_is_said() -> None:
    tiny = np.full((100, 80, 3), 120, np.uint8)
    assert screens.wave(tiny, Face(np.array([20, 20, 40, 50] + [30] * 11, np.float32))) is None


@pytest.fixture(scope="module")
def portraits(recogniser: Recogniser, face_photos: FacePhotos) -> list[list[Portrait]]:
    """Three portraits as they are, and the same seen on a screen."""
    views = list(frames(face_photos.person[0], 3))
    filmed = [jpeg(lit(decode(view), waves(11, 60))) for view in views]
    looks = [[recogniser.look(it, thresholds().capture) for it in each] for each in (views, filmed)]
    return [[look.portrait for look in each if look.portrait] for each in looks]


def test_two_pictures_must_agree(portraits: list[list[Portrait]]) -> None:
    figure = gates().scales[CueName.SCREEN].good
    plain, filmed = portraits
    for mixed, even in ((plain, True), ([*plain[:2], filmed[0]], True), (filmed, False)):
        value = screens.evenness(mixed)
        assert value is not None
        assert (value >= figure) is even
    assert screens.evenness(plain[:1]) is None


def test_larger_pictures_are_told_as_well(shown: tuple[Pixels, Face]) -> None:
    image, _ = shown
    large = np.asarray(cv2.resize(image, (960, 1280)), np.uint8)
    rise = screens.wave(large, detector().find(large)[0])
    assert rise is not None
    assert rise < HEIGHT
