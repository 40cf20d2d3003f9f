"""From numbers to an outcome."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from correction_service.face.template import Embedding, Template
from correction_service.face.thresholds import Threshold
from correction_service.face.verdict import Outcome
from correction_service.face.words import Reason

_NOT_ONE_FACE = {Reason.NO_FACE: Outcome.NO_FACE, Reason.MANY_FACES: Outcome.MANY_FACES}


def fuse(cosine: NDArray[np.floating], distance: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return ``cos_sface − (d_dlib − 0.5)`` element by element: the two models err apart."""
    return cosine - (distance - 0.5)


def score(one: Embedding | Template, other: Embedding | Template) -> float:
    """Return the fused similarity of two faces, higher for more alike."""
    cosine = np.asarray(one.sface @ other.sface)
    distance = np.asarray(np.linalg.norm(one.dlib - other.dlib))
    return float(fuse(cosine, distance))


def decide(value: float, threshold: Threshold) -> tuple[Outcome, tuple[Reason, ...]]:
    """Place a score: a match, a different face, or neither for certain."""
    if value >= threshold.match:
        return Outcome.MATCH, ()
    if value >= threshold.uncertain:
        return Outcome.UNCERTAIN, (Reason.CLOSE_TO_THRESHOLD,)
    return Outcome.NO_MATCH, (Reason.DIFFERENT_PERSON,)


def undecided(frames: Sequence[Sequence[Reason]]) -> tuple[Outcome, tuple[Reason, ...]]:
    """Say why no comparison was possible, by what was wrong with most of the frames.

    Each frame gives its reasons, the most basic first; frames without any are passed over.
    """
    flawed = [reasons for reasons in frames if reasons]
    if not flawed:
        return Outcome.POOR_IMAGE, (Reason.NO_FRAMES,)
    kinds = Counter(_NOT_ONE_FACE.get(reasons[0], Outcome.POOR_IMAGE) for reasons in flawed)
    advice = Counter(reason for reasons in flawed for reason in reasons)
    return kinds.most_common(1)[0][0], tuple(reason for reason, _ in advice.most_common())
