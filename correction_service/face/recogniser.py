"""The face check itself, in one thread: pictures in, a verdict out. It keeps nothing."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from statistics import median

import cv2

from correction_service.face import evidence, landmarks, lids, quality, replays, weights
from correction_service.face.actions import Action
from correction_service.face.decide import decide, score, undecided
from correction_service.face.detect import Detector
from correction_service.face.embed import Dlib, Onnx, Sface
from correction_service.face.fingerprints import fingerprint
from correction_service.face.gates import gates
from correction_service.face.images import MAX_MEGAPIXELS, ImageError, decode
from correction_service.face.liveness import Cue, CueName, CueVerdict, Frame
from correction_service.face.looks import Look, Portrait
from correction_service.face.pad import Pad
from correction_service.face.template import PHOTOS_NEEDED, Embedding, Template
from correction_service.face.thresholds import Limits, Thresholds, in_force, thresholds
from correction_service.face.verdict import (
    Assessment,
    EnrolmentOutcome,
    EnrolmentVerdict,
    Outcome,
    Verdict,
)
from correction_service.face.weights import Weight
from correction_service.face.words import Reason

# A frame with these faults shows one whole face all the same: it can still betray a swap.
_COMPARABLE = {
    Reason.BLURRED,
    Reason.TOO_DARK,
    Reason.TOO_BRIGHT,
    Reason.TURNED_ASIDE,
    Reason.LOOKING_UP_OR_DOWN,
    Reason.HEAD_TILTED,
}


class Recogniser:
    """All models, loaded once (about a second); not safe to share between threads."""

    def __init__(
        self,
        folder: Path | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
        calibration: Path | None = None,
        own_embedder: Path | None = None,
    ) -> None:
        """Check and load the weights, from ``folder`` or the installed packages."""
        self._max_megapixels = max_megapixels
        self._calibration = calibration
        rows = weights.listed(own_embedder)
        paths = weights.locate(rows, folder)
        cv2.setNumThreads(1)  # processes are the parallelism; threads would fight over the cores
        self.model_version = weights.model_version(rows)
        self._detector = Detector(paths["yunet"])
        self._sface = Sface(paths["sface"])
        self._own = _own(rows, paths)
        self._dlib = Dlib()
        self._pad = Pad(rows, paths)
        self._landmarker = landmarks.loaded(paths)

    @cached_property
    def thresholds(self) -> Thresholds:
        """The figures for these models; raises ThresholdsError where none were calibrated."""
        return in_force(self._calibration, self.model_version)

    def assess(self, photo: bytes) -> Assessment:
        """Say what is wrong with a photo meant for enrolment."""
        look = self.look(photo, thresholds().capture)
        return Assessment(look.reasons, look.faces)

    def compare(self, one: bytes, other: bytes) -> Verdict:
        """Compare two single photos."""
        looks = [self.look(photo, thresholds().compare) for photo in (one, other)]
        portraits = [look.portrait for look in looks if look.portrait and not look.reasons]
        if len(portraits) < len(looks):
            return self._undecided(looks)
        value = score(*(self.embed(portrait) for portrait in portraits))
        outcome, reasons = decide(value, self.thresholds.pair)
        return Verdict(
            outcome,
            self.model_version,
            score=value,
            threshold=self.thresholds.pair.match,
            reasons=reasons,
            faces=tuple(look.faces for look in looks),
        )

    def judge(
        self,
        template: Template,
        frames: Sequence[Frame],
        actions: Sequence[Action] = (),
        earlier: Collection[bytes] = (),
    ) -> Verdict:
        """Compare a burst with a template, and tell whether a living face did what was asked.

        ``earlier`` are the fingerprints of other check-ins. A burst for which nothing was asked can
        show no movement: of it only what speaks against a living face is told.
        """
        if template.model_version != self.model_version:
            return Verdict(Outcome.FAULT, self.model_version, reasons=(Reason.TEMPLATE_OUTDATED,))
        looks = [self.look(frame.data, thresholds().capture) for frame in frames]
        looks = lids.read(self._landmarker, frames, looks, actions)
        prints = tuple(look.fingerprint for look in looks)
        best = _best(looks, frames, shut=lids.closing(frames, actions))
        verdict = replace(self._compared(template, looks, best), fingerprints=prints)
        passive = [self._pad.score(seen.image, seen.face) for _, seen in best]
        if not actions:
            return _unmoved(verdict, passive, earlier)
        taken = evidence.Taken(frames, looks, actions)
        cues = evidence.weigh(evidence.measured(taken, passive, earlier, gates()), gates())
        return _told(verdict, cues)

    def enrol(self, photos: Sequence[bytes]) -> EnrolmentVerdict:
        """Make a template of three or more photos that are good enough and of one person."""
        looks = [self.look(photo, thresholds().capture) for photo in photos]
        flaws = [look.reasons for look in looks]
        for i in _repeated(photos):
            flaws[i] = (*flaws[i], Reason.SAME_PHOTO)
        faces = {
            i: self.embed(look.portrait)
            for i, look in enumerate(looks)
            if look.portrait and not flaws[i]
        }
        for i in _strangers(faces, self.thresholds.pair.match):
            flaws[i] = (Reason.DIFFERENT_PERSON,)
            del faces[i]
        assessed = tuple(Assessment(f, s.faces) for f, s in zip(flaws, looks, strict=True))
        if len(faces) < PHOTOS_NEEDED:
            return EnrolmentVerdict(
                EnrolmentOutcome.REFUSED,
                self.model_version,
                assessed,
                reasons=(Reason.TOO_FEW_PHOTOS,),
            )
        template = Template.mean(self.model_version, list(faces.values()))
        return EnrolmentVerdict(EnrolmentOutcome.ENROLLED, self.model_version, assessed, template)

    def look(self, data: bytes, limits: Limits) -> Look:
        """Decode a picture, find its faces and judge the largest."""
        try:
            image = decode(data, self._max_megapixels)
        except ImageError as error:
            return Look((error.code,))
        seen = fingerprint(image)
        faces = self._detector.find(image)
        if not faces:
            return Look((Reason.NO_FACE,), fingerprint=seen)
        crop = self._sface.align(image, faces[0])
        measured = quality.measure(image, faces[0], crop)
        portrait = Portrait(image, faces[0], crop, self._sface.embed(crop), measured)
        rivals = quality.rivals(faces)
        reasons = (Reason.MANY_FACES,) if rivals > 1 else quality.faults(measured, limits)
        return Look(reasons, rivals, portrait, seen)

    def embed(self, portrait: Portrait) -> Embedding:
        """Add dlib's vector to SFace's; it takes twice as long, so only faces that count get it.

        A centre's own embedder takes SFace's place here, and nowhere else.
        """
        likeness = self._own.embed(portrait.crop) if self._own else portrait.sface
        return Embedding(likeness, self._dlib.embed(portrait.image, portrait.face))

    def _compared(
        self, template: Template, looks: Sequence[Look], best: Sequence[tuple[int, Portrait]]
    ) -> Verdict:
        """Let the best three frames decide by their median.

        SFace looks at every frame, so that a burst that begins with one face and ends with another
        is never a match.
        """
        if not best:
            return self._undecided(looks)
        value = median(score(template, self.embed(portrait)) for _, portrait in best)
        outcome, reasons = decide(value, self.thresholds.template)
        if _face_changed(best[0][1], looks):
            outcome = Outcome.UNCERTAIN if outcome is Outcome.MATCH else outcome
            reasons = (Reason.FACE_CHANGED, *reasons)
        return Verdict(
            outcome,
            self.model_version,
            score=value,
            threshold=self.thresholds.template.match,
            reasons=reasons,
            faces=tuple(look.faces for look in looks),
            best_frame=best[0][0],
        )

    def _undecided(self, looks: Sequence[Look]) -> Verdict:
        outcome, reasons = undecided([look.reasons for look in looks])
        faces = tuple(look.faces for look in looks)
        return Verdict(outcome, self.model_version, reasons=reasons, faces=faces)


def _own(rows: Mapping[str, Weight], paths: Mapping[str, Path]) -> Onnx | None:
    feed = rows[weights.OWN].feed if weights.OWN in rows else None
    return Onnx(paths[weights.OWN], feed) if feed else None


def _unmoved(verdict: Verdict, passive: Sequence[float], earlier: Collection[bytes]) -> Verdict:
    """Leave liveness unjudged, unless the pictures look like a picture or were sent before."""
    prints = [each for each in verdict.fingerprints if each]
    measures = {
        CueName.PASSIVE: median(passive) if passive else None,
        CueName.UNSEEN: replays.unseen(prints, earlier, gates().same_bits),
    }
    cues = tuple(cue for cue in evidence.weigh(measures, gates()) if cue.name in measures)
    if any(cue.verdict is CueVerdict.AGAINST for cue in cues):
        return _told(verdict, cues)
    return replace(verdict, cues=cues)


def _told(verdict: Verdict, cues: tuple[Cue, ...]) -> Verdict:
    """Add what the cues come to, and the advice that goes with it."""
    liveness = evidence.judge(cues, gates())
    advice = evidence.reasons(cues, liveness, gates())
    reasons = tuple(dict.fromkeys((*verdict.reasons, *advice)))
    return replace(verdict, cues=cues, liveness=liveness, reasons=reasons)


def _best(
    looks: Sequence[Look], frames: Sequence[Frame], shut: Collection[int]
) -> list[tuple[int, Portrait]]:
    """Return the few frames without fault that show the face best, with their places.

    A moved head is compared only where none looks straight, and shut eyes (``shut``) only where
    nothing else is there: templates are made of straight faces with open eyes.
    """
    usable = [(i, s.portrait) for i, s in enumerate(looks) if s.portrait and not s.reasons]
    straight = [seen for seen in usable if frames[seen[0]].action is None]
    open_eyed = [seen for seen in usable if seen[0] not in shut]
    chosen = straight or open_eyed or usable
    return sorted(chosen, key=lambda seen: -seen[1].quality.rank)[: thresholds().burst.best_frames]


def _face_changed(best: Portrait, looks: Sequence[Look]) -> bool:
    return any(
        float(best.sface @ look.portrait.sface) < thresholds().burst.same_face
        for look in looks
        if look.portrait and _COMPARABLE.issuperset(look.reasons)
    )


def _repeated(photos: Sequence[bytes]) -> list[int]:
    """Return the places of files that were already given: one photo thrice is one photo."""
    digests = [hashlib.sha256(photo).digest() for photo in photos]
    return [i for i, digest in enumerate(digests) if digest in digests[:i]]


def _strangers(faces: dict[int, Embedding], match: float) -> list[int]:
    """Return the photos that do not agree with the one most like all others."""
    if len(faces) <= 1:
        return []
    scores = {i: {j: score(faces[i], faces[j]) for j in faces if j != i} for i in faces}
    centre = max(scores, key=lambda i: sum(scores[i].values()))
    return [j for j, value in scores[centre].items() if value < match]
