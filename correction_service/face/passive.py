"""Is it a living face? Told from pictures alone, when nothing was asked of anybody."""

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from statistics import median
from typing import NamedTuple, cast

import cv2
import numpy as np

from correction_service.face import clips, evidence, frames, quality, weights
from correction_service.face.detect import Detector, Face
from correction_service.face.embed import Sface
from correction_service.face.gates import gates
from correction_service.face.images import ImageError, Pixels
from correction_service.face.liveness import Cue, Liveness
from correction_service.face.looks import Portrait
from correction_service.face.pad import REACH, Pad, room
from correction_service.face.thresholds import Limits
from correction_service.face.words import Reason

# Some videos lie on their side and do not say so.
ROTATIONS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is said of a path: alive, not, or (None) that it cannot be told and why.

    ``cues`` are of a clip's frames together; ``score`` is what the nets say of them one by one.
    """

    live: bool | None
    score: float | None = None
    reasons: tuple[Reason, ...] = ()
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The figures of ``passive.toml``."""

    live: float
    not_live: float
    min_room: float
    min_colour: float
    limits: Limits
    least: Limits


class Seen(NamedTuple):
    """One picture and the faces that could be meant.

    ``reasons`` say why it is of no use, ``doubts`` why nobody may be called an attack by it.
    """

    image: Pixels
    faces: Sequence[Face]
    reasons: tuple[Reason, ...]
    doubts: tuple[Reason, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether it will do for any answer."""
        return not self.reasons and not self.doubts


@cache
def bounds() -> Bounds:
    """Read ``passive.toml``; an unknown or missing figure is a TypeError or KeyError."""
    text = resources.files(__package__).joinpath("passive.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return Bounds(
        live=table["score"]["live"],
        not_live=table["score"]["not_live"],
        min_room=table["view"]["min_room"],
        min_colour=table["view"]["min_colour"],
        limits=Limits(**table["limits"]),
        least=Limits(**table["least"]),
    )


class Watcher:
    """The models that look for attacks, loaded once; not safe to share between threads."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        rows = {n: row for n, row in weights.listed().items() if n in {"yunet", "sface", *REACH}}
        paths = weights.locate(rows)
        self._detector = Detector(paths["yunet"])
        self._sface = Sface(paths["sface"])
        self._pad = Pad(rows, paths)
        digests = "".join(rows[name].sha256 for name in sorted(REACH))
        self.model_version = f"minifasnet/1-{hashlib.sha256(digests.encode()).hexdigest()[:8]}"

    def judge(self, path: Path) -> Finding:
        """Look at a photo, a folder of frames or a video."""
        try:
            pictures = frames.read(path)
        except ImageError as error:
            return Finding(None, reasons=(error.code,))
        seen = self._upright(pictures)
        usable = [it for it in seen if not it.reasons]
        if not usable:
            return Finding(None, reasons=_commonest(it.reasons for it in seen))
        best = [it for it in usable if it.clear] or usable
        cues = clips.cues([self._portrait(it) for it in best if len(it.faces) == 1])
        return replace(self._decide(best, cues), cues=cues)

    def _decide(self, usable: Sequence[Seen], cues: Sequence[Cue]) -> Finding:
        """Take the median over the frames; call nobody an attack who is only ill lit or grainy.

        A head that turned in depth needs to convince the nets only once the grain is smoothed away.
        """
        figures = bounds()
        score = median(self._score(it) for it in usable)
        if score >= figures.live and not clips.odd(cues):
            return Finding(live=True, score=score)
        if score >= figures.live:
            return Finding(None, score, evidence.reasons(cues, Liveness.CANNOT_TELL, gates()))
        doubts = _commonest(it.doubts for it in usable)
        smoothed = median(self._score(it, smoothed=True) for it in usable)
        if smoothed >= figures.live and score > figures.not_live and clips.deep(cues):
            return Finding(live=True, score=score)
        if max(score, smoothed) <= figures.not_live and not doubts:
            return Finding(live=False, score=score, reasons=(Reason.PICTURE_OF_A_PICTURE,))
        return Finding(None, score, doubts or (Reason.LIVENESS_UNCLEAR,))

    def _score(self, seen: Seen, *, smoothed: bool = False) -> float:
        """Return the least of the faces': whoever holds a screen may stand beside it."""
        return min(self._pad.score(seen.image, face, smoothed=smoothed) for face in seen.faces)

    def _portrait(self, seen: Seen) -> Portrait:
        image, face = seen.image, seen.faces[0]
        crop = self._sface.align(image, face)
        likeness = self._sface.embed(crop)
        return Portrait(image, face, crop, likeness, quality.measure(image, face, crop))

    def _upright(self, pictures: Sequence[Pixels]) -> list[Seen]:
        """Look at the pictures, turned if only that makes a face clear."""
        seen = [self._seen(image) for image in pictures]
        if any(it.clear for it in seen):
            return seen
        for rotation in ROTATIONS:
            turned = [self._seen(_rotated(image, rotation)) for image in pictures]
            if any(it.clear for it in turned):
                return turned
        return seen

    def _seen(self, image: Pixels) -> Seen:
        faces = self._detector.find(image)
        if not faces:
            return Seen(image, (), (Reason.NO_FACE,))
        meant = faces[: quality.rivals(faces)]
        crop = self._sface.align(image, faces[0])
        measured = quality.measure(image, faces[0], crop)
        figures = bounds()
        reasons = (*quality.faults(measured, figures.least), *_view(image, faces[0], crop))
        return Seen(image, meant, reasons, quality.faults(measured, figures.limits))


def _view(image: Pixels, face: Face, crop: Pixels) -> Iterator[Reason]:
    """Yield what the nets lack that no light would mend."""
    if room(image, face) < bounds().min_room:
        yield Reason.TOO_CLOSE
    if float(np.mean(np.ptp(crop, axis=2))) < bounds().min_colour:
        yield Reason.NO_COLOUR


def _rotated(image: Pixels, rotation: int) -> Pixels:
    return cast("Pixels", cv2.rotate(image, rotation))


def _commonest(reasons: Iterable[Iterable[Reason]]) -> tuple[Reason, ...]:
    counts = Counter(reason for each in reasons for reason in each)
    return tuple(reason for reason, _ in counts.most_common())
