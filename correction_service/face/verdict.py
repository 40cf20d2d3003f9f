"""What the face check says: outcomes that keep *could not tell* apart from *no*."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from correction_service.face.liveness import Cue, Liveness
from correction_service.face.template import Template
from correction_service.face.words import Reason, Words


class Outcome(StrEnum):
    """The seven ways in which a face check ends. Only NO_MATCH says anything of the person."""

    MATCH = "MATCH"
    NO_MATCH = "NO_MATCH"
    UNCERTAIN = "UNCERTAIN"
    NO_FACE = "NO_FACE"
    MANY_FACES = "MANY_FACES"
    POOR_IMAGE = "POOR_IMAGE"
    FAULT = "FAULT"

    @property
    def words(self) -> Words:
        """The outcome as a sentence."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Outcome.MATCH: Words("人脸比对一致。", "The face matches."),
    Outcome.NO_MATCH: Words(
        "人脸比对不一致，将由工作人员核实。", "The face does not match; an officer will look at it."
    ),
    Outcome.UNCERTAIN: Words(
        "系统无法确定，可重试或由工作人员核实。",
        "The system cannot tell; try again, or an officer will look at it.",
    ),
    Outcome.NO_FACE: Words("没有看到人脸。", "No face was seen."),
    Outcome.MANY_FACES: Words("画面中不止一张人脸。", "More than one face was seen."),
    Outcome.POOR_IMAGE: Words(
        "照片质量不足，无法比对。", "The picture is not good enough to compare."
    ),
    Outcome.FAULT: Words(
        "系统故障，与本人无关。", "The system failed; this is not held against anyone."
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of comparing a burst with a template, or one photo with another.

    ``score`` is the fused similarity (about −0.6 to 1.5, higher is more alike) and ``threshold``
    the value from which it counts as a match; ``faces`` counts the faces in each frame;
    ``best_frame`` is the index of the frame worth keeping. ``cues`` are what ``liveness`` was told
    by, and ``fingerprints`` one for each frame (empty for an unreadable one), by which the same
    picture is known when it is sent again.
    """

    outcome: Outcome
    model_version: str
    score: float | None = None
    threshold: float | None = None
    reasons: tuple[Reason, ...] = ()
    faces: tuple[int, ...] = ()
    best_frame: int | None = None
    liveness: Liveness = Liveness.NOT_JUDGED
    cues: tuple[Cue, ...] = ()
    fingerprints: tuple[bytes, ...] = ()

    @property
    def words(self) -> Words:
        """The outcome and the advice that goes with its reasons."""
        return _joined([self.outcome.words, *(reason.words for reason in self.reasons)])


class EnrolmentOutcome(StrEnum):
    """Whether photos became a template."""

    ENROLLED = "ENROLLED"
    REFUSED = "REFUSED"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is wrong with one photo: nothing, when ``reasons`` is empty."""

    reasons: tuple[Reason, ...]
    faces: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the photo is good enough."""
        return not self.reasons

    @property
    def words(self) -> Words:
        """Advice on taking a better photo; empty for an accepted one."""
        return _joined([reason.words for reason in self.reasons])


@dataclass(frozen=True, slots=True)
class EnrolmentVerdict:
    """The photos judged one by one and against each other, and the template if they agree."""

    outcome: EnrolmentOutcome
    model_version: str
    photos: tuple[Assessment, ...] = ()
    template: Template | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def words(self) -> Words:
        """What must be done before the face can be enrolled; empty when it was."""
        return _joined([reason.words for reason in self.reasons])


def _joined(sentences: Sequence[Words]) -> Words:
    return Words("".join(w.zh for w in sentences), " ".join(w.en for w in sentences))
