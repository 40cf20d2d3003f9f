"""A capture as the phone sends it: frames, perhaps a position, a few answers; judged as input."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import msgspec

from correction_service.face.images import ImageError, decode
from correction_service.face.liveness import Frame, unprompted
from correction_service.settings import Settings
from models.errors import Invalid

MOST_FRAMES = 8
MOST_BYTES = 3_000_000
EARTH_M = 20_040_000.0  # half way round: no accuracy is worse
MOODS = ("well", "so_so", "unwell")


@dataclass(frozen=True)
class Position:
    """Where the phone was once, WGS-84 degrees; not to be logged."""

    lat: float = field(repr=False)
    lon: float = field(repr=False)
    accuracy_m: float | None


@dataclass(frozen=True)
class Answers:
    """How are you, do you need help, shall we call you back; None when not answered."""

    mood: str | None = None
    help: bool = False
    call_back: bool = False


@dataclass(frozen=True)
class Origin:
    """Where a capture came from: browser and model, and the mark of a phone that was bound."""

    browser: str | None = None
    phone_model: str | None = None
    phone_mark: str | None = None


@dataclass(frozen=True)
class Capture:
    """One burst and what came with it."""

    frames: tuple[Frame, ...] = field(repr=False)
    position: Position | None = None
    answers: Answers = Answers()
    origin: Origin = Origin()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the frames' own hashes: the same burst sent again is the same capture."""
        each = b"".join(hashlib.sha256(frame.data).digest() for frame in self.frames)
        return hashlib.sha256(each).digest()

    def without_frames(self) -> bytes:
        """Serialise what came beside the frames, as JSON."""
        return msgspec.json.encode(replace(self, frames=()))

    @classmethod
    def around(cls, frames: tuple[Frame, ...], beside: bytes) -> Self:
        """Put frames and what `without_frames` wrote together again."""
        return replace(msgspec.json.decode(beside, type=cls), frames=frames)


def frames(given: Sequence[bytes], settings: Settings) -> tuple[Frame, ...]:
    """Check a burst before it costs a worker's time; `Invalid` names the frame and the mend."""
    if not 1 <= len(given) <= MOST_FRAMES:
        raise Invalid("Send 1 to %(most)d frames.", field="frames", most=MOST_FRAMES)
    if sum(map(len, given)) > MOST_BYTES:
        raise Invalid(
            "The frames together have at most %(megabytes)d MB.",
            field="frames",
            megabytes=MOST_BYTES // 1_000_000,
        )
    for i, frame in enumerate(given):
        picture(frame, f"frames.{i}", settings.max_photo_megapixels)
    return unprompted(given)


def picture(data: bytes, name: str, most_megapixels: float) -> None:
    """Check that one frame is a picture; `Invalid` names the field and says what it is instead."""
    try:
        decode(data, most_megapixels)
    except ImageError as error:
        raise Invalid(error.words.en, field=name, code=f"image_{error.code}") from error


def position(lat: float | None, lon: float | None, accuracy_m: float | None) -> Position | None:
    """Check a position; none at all is fine. `Invalid` names the number that cannot be right.

    A wrong number is refused rather than dropped: the challenge is unspent, so the page sends the
    same burst again without a position.
    """
    if lat is None and lon is None:
        return None
    return Position(
        _within(lat, "lat", -90, 90),
        _within(lon, "lon", -180, 180),
        None if accuracy_m is None else _within(accuracy_m, "accuracy_m", 0, EARTH_M),
    )


def _within(value: float | None, name: str, least: float, most: float) -> float:
    if value is None or not math.isfinite(value) or not least <= value <= most:
        raise Invalid(
            "%(name)s is a number from %(least)g to %(most)g.",
            field=name,
            name=name,
            least=least,
            most=most,
        )
    return value


def answers(mood: str | None, *, help_: bool, call_back: bool) -> Answers:
    """Check the answers to the three questions."""
    if mood is not None and mood not in MOODS:
        raise Invalid("Choose one of the answers.", field="mood")
    return Answers(mood, help_, call_back)
