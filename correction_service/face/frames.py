"""Pictures out of a file nobody has looked at: a photo, a folder of frames or a video."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar, cast

import cv2

from correction_service.face.images import LONG_SIDE_PX, ImageError, Pixels, decode
from correction_service.face.words import Reason

FRAMES = 24
MAX_READ = 600  # frames decoded one after another; a longer video is sought through
MAX_PHOTO_BYTES = 60_000_000
VIDEO = {".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"}
MOTION_JPEG = {".mjpeg", ".mjpg"}  # begins like a photo
# What is wrong with these is known: no need to ask the video decoder.
_PHOTO_FAULTS = {Reason.HEIC, Reason.TRUNCATED, Reason.TOO_MANY_PIXELS}
Item = TypeVar("Item")


def read(path: Path) -> list[Pixels]:
    """Return a photo, or at most FRAMES upright frames spread over the whole length.

    A folder's pictures are its frames, in the order of their names; those that cannot be read are
    passed over. Raises ImageError when there is nothing to see.
    """
    if not path.exists():
        raise ImageError(Reason.NOT_FOUND)
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in VIDEO | MOTION_JPEG:
        return _video(path)
    try:
        return [_photo(path)]
    except ImageError as error:
        if error.code in _PHOTO_FAULTS:
            raise
    return _video(path)


def _photo(path: Path) -> Pixels:
    try:
        if path.stat().st_size > MAX_PHOTO_BYTES:
            raise ImageError(Reason.UNREADABLE)
        return decode(path.read_bytes())
    except OSError as error:
        raise ImageError(Reason.UNREADABLE) from error


def _folder(folder: Path) -> list[Pixels]:
    names = [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]
    names.sort(key=lambda path: re.sub(r"\d+", lambda digits: digits[0].zfill(12), path.name))
    found = list(_photos(_spread(names, FRAMES)))
    if not found:
        raise ImageError(Reason.NO_FRAMES)
    return found


def _photos(paths: Sequence[Path]) -> Iterator[Pixels]:
    for path in paths:
        try:
            yield _photo(path)
        except ImageError:
            continue


def _video(path: Path) -> list[Pixels]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)  # it turns phone videos upright itself
    try:
        length = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))  # a guess, or nonsense, in some formats
        found = _sought(capture, length) if length > MAX_READ else _in_order(capture)
    finally:
        capture.release()
    if not found:
        raise ImageError(Reason.UNREADABLE)
    return found


def _in_order(capture: cv2.VideoCapture) -> list[Pixels]:
    """Thin out while reading, since the length is not to be trusted."""
    kept: list[Pixels] = []
    stride = 1
    for i in range(MAX_READ):
        if not capture.grab():
            break
        if i % stride == 0:
            kept.extend(_retrieved(capture))
        if len(kept) == 2 * FRAMES:
            kept = kept[::2]
            stride *= 2
    return _spread(kept, FRAMES)


def _sought(capture: cv2.VideoCapture, length: int) -> list[Pixels]:
    kept: list[Pixels] = []
    for i in range(FRAMES):
        capture.set(cv2.CAP_PROP_POS_FRAMES, length * i // FRAMES)
        if capture.grab():
            kept.extend(_retrieved(capture))
    return kept


def _retrieved(capture: cv2.VideoCapture) -> list[Pixels]:
    done, image = capture.retrieve()
    if not done:
        return []
    scale = LONG_SIDE_PX / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return [cast("Pixels", image)]


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most ``count`` of the items, evenly."""
    if len(items) <= count:
        return list(items)
    return [items[len(items) * i // count] for i in range(count)]
