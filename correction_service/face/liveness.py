"""Does a living face stand before the camera, now? What is sent, and what is said of it.

Each cue says what it measured and how that weighs; together they make live, not live or
*cannot tell*, which costs nobody anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Liveness(StrEnum):
    """Whether a living face stood before the camera. NOT_LIVE needs evidence of an attack."""

    LIVE = "live"
    NOT_LIVE = "not_live"
    CANNOT_TELL = "cannot_tell"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a check-in.

    ``at_ms`` is when the phone says it was taken and ``arrived_ms`` when the server had it, both
    since the challenge was issued; ``action`` is the place, among the actions asked, of the one
    that was shown just then, or None while the person looks straight into the camera.
    """

    data: bytes = field(repr=False)
    at_ms: int | None = None
    action: int | None = None
    arrived_ms: int | None = None


def unprompted(pictures: Iterable[bytes]) -> tuple[Frame, ...]:
    """Return the frames of a burst for which nothing was asked and nothing was timed."""
    return tuple(Frame(data) for data in pictures)


class CueName(StrEnum):
    """What is looked at. Codes are stored; words are shown."""

    ACTIONS = "actions"  # share of the steps, straight ones too, in which what was asked was seen
    PARALLAX = "parallax"  # how far the nose moved between the eyes over a turn
    DEPTH = "depth"  # what a plane cannot explain of a turn, in eye distances
    SURFACE = "surface"  # how ill a flat or bent sheet explains the nose of the turned face
    RELIEF = "relief"  # how much further the nose moved than the face became narrow
    PASSIVE = "passive"  # the look of skin against paper and screens, 0 to 1
    SCREEN = "screen"  # how evenly the spectrum falls: on a screen one wave of colours rises
    SAME_FACE = "same_face"  # the least likeness of any frame to the others
    ALONE = "alone"  # share of the frames with one face
    TIMING = "timing"  # share of the frames whose times can be true
    MOTION = "motion"  # share of the frames that differ from the one before
    UNSEEN = "unseen"  # share of the frames that no earlier check-in sent
    PROMPT = "prompt"  # share of the frames that arrived soon after they were taken


class CueVerdict(StrEnum):
    """How a cue weighs."""

    FOR = "for"
    NEUTRAL = "neutral"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Cue:
    """One piece of evidence: what was measured (None when it could not be) and its weight.

    Positive contributions speak for a living face, negative ones for an attack.
    """

    name: CueName
    value: float | None
    contribution: float
    verdict: CueVerdict
