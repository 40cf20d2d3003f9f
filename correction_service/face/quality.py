"""The one place that judges whether a picture of a face is good enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from correction_service.face.detect import (
    LEFT_EYE,
    LEFT_MOUTH,
    NOSE,
    RIGHT_EYE,
    RIGHT_MOUTH,
    Face,
)
from correction_service.face.images import Pixels
from correction_service.face.thresholds import Limits
from correction_service.face.words import Reason

RIVAL = 0.5  # a face at least half as large as the largest stands beside it, not behind
SHARP = 0.15
FRONTAL_PITCH = 0.57  # median over development photos, as are the usual values of the others
MID_GREY = 128
SIDEWAYS = 0.45  # of a head turned further the mouth is not where it is looked for
MOUTH = (slice(84, 101), slice(38, 74))  # rows and columns of the aligned crop of 112 × 112


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one face.

    ``inside`` share of its box within the picture; ``brightness`` and ``contrast`` mean and
    deviation of luma (0–255); ``sharpness`` variance of the Laplacian over that of luma, so that
    a dark picture is not called blurred; these three on the aligned 112 × 112 crop, so that they
    do not depend on the camera's resolution; ``turn`` (dL−dR)/(dL+dR) of the nose between the
    eyes, 0 frontal, ±1 profile; ``pitch`` the nose's height between eyes (0) and mouth (1);
    ``tilt_deg`` of the line through the eyes; ``mouth`` how much there is to see from lip to lip,
    the mean step down the mouth's part of the crop over the crop's deviation: next to nothing
    under a mask.
    """

    size_px: float
    inside: float
    sharpness: float
    brightness: float
    contrast: float
    turn: float
    pitch: float
    tilt_deg: float
    mouth: float

    @property
    def rank(self) -> float:
        """Order frames: sharp and frontal first; beyond SHARP more helps no embedding."""
        sharp = min(self.sharpness / SHARP, 1.0)
        return sharp - abs(self.turn) - abs(self.pitch - FRONTAL_PITCH)


def measure(image: Pixels, face: Face, crop: Pixels) -> Quality:
    """Measure a detected face and its aligned crop."""
    luma = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    edges = cv2.Laplacian(luma, cv2.CV_64F)
    turn, pitch, tilt_deg = _pose(face)
    return Quality(
        size_px=face.size_px,
        inside=_inside(image, face),
        sharpness=float(edges.var() / max(luma.var(), 1.0)),
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        turn=turn,
        pitch=pitch,
        tilt_deg=tilt_deg,
        mouth=_mouth(np.asarray(luma, np.uint8)),
    )


def rivals(faces: Sequence[Face]) -> int:
    """Count the faces that could be the one meant: passers-by in the background are not."""
    return sum(face.size_px >= RIVAL * faces[0].size_px for face in faces)


def faults(quality: Quality, limits: Limits) -> tuple[Reason, ...]:
    """Return what is wrong, most basic first; nothing when the face is good enough."""
    found = {
        Reason.FACE_TOO_SMALL: quality.size_px < limits.min_size_px,
        Reason.FACE_CUT_OFF: quality.inside < limits.min_inside,
        Reason.TOO_DARK: quality.brightness < limits.min_brightness
        or (quality.contrast < limits.min_contrast and quality.brightness < MID_GREY),
        Reason.TOO_BRIGHT: quality.brightness > limits.max_brightness
        or (quality.contrast < limits.min_contrast and quality.brightness >= MID_GREY),
        Reason.BLURRED: quality.sharpness < limits.min_sharpness,
        Reason.COVERED: quality.mouth < limits.min_mouth and abs(quality.turn) < SIDEWAYS,
        Reason.TURNED_ASIDE: abs(quality.turn) > limits.max_turn,
        Reason.LOOKING_UP_OR_DOWN: not limits.min_pitch <= quality.pitch <= limits.max_pitch,
        Reason.HEAD_TILTED: abs(quality.tilt_deg) > limits.max_tilt_deg,
    }
    return tuple(reason for reason, wrong in found.items() if wrong)


def _mouth(luma: Pixels) -> float:
    smooth = cv2.GaussianBlur(luma[MOUTH].astype(np.float32), (3, 3), 0)
    return float(np.abs(np.diff(smooth, axis=0)).mean() / max(luma.std(), 1.0))


def _inside(image: Pixels, face: Face) -> float:
    """Return the share of the box in the picture, or 0 when a landmark lies outside."""
    height, width = image.shape[:2]
    if not ((face.points >= 0) & (face.points < (width, height))).all():
        return 0.0
    x, y, w, h = face.box
    seen = (min(x + w, width) - max(x, 0)) * (min(y + h, height) - max(y, 0))
    return float(max(seen, 0.0) / max(w * h, 1.0))


def _pose(face: Face) -> tuple[float, float, float]:
    """Return turn, pitch and tilt from five landmarks, in the frame of the eyes."""
    points = face.points.astype(np.float64)
    across = points[LEFT_EYE] - points[RIGHT_EYE]
    eye_distance = max(float(np.linalg.norm(across)), 1e-6)
    across /= eye_distance
    down = np.array([-across[1], across[0]])
    eyes = (points[RIGHT_EYE] + points[LEFT_EYE]) / 2
    mouth = (points[RIGHT_MOUTH] + points[LEFT_MOUTH]) / 2
    nose = points[NOSE] - eyes
    turn = 2 * float(nose @ across) / eye_distance
    pitch = float(nose @ down) / max(float((mouth - eyes) @ down), 1e-6)
    tilt_deg = float(np.degrees(np.arctan2(across[1], across[0])))
    return turn, pitch, tilt_deg
