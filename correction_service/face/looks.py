"""What was seen in one picture."""

from dataclasses import dataclass, field

from correction_service.face.detect import Face
from correction_service.face.images import Pixels
from correction_service.face.quality import Quality
from correction_service.face.template import Vector
from correction_service.face.words import Reason


@dataclass(frozen=True, slots=True)
class Portrait:
    """One face that can be compared: the picture, its place there and its aligned crop.

    ``eyes`` is how far they are open, None where nobody looked or it cannot be told.
    """

    image: Pixels = field(repr=False)
    face: Face
    crop: Pixels = field(repr=False)
    sface: Vector = field(repr=False)
    quality: Quality
    eyes: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A picture judged: what is wrong with it, how many faces, the largest, its fingerprint."""

    reasons: tuple[Reason, ...]
    faces: int = 0
    portrait: Portrait | None = None
    fingerprint: bytes = b""
