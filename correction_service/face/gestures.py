"""What a person does, seen against how the same person looks straight into the camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from correction_service.face import parallax
from correction_service.face.actions import Action
from correction_service.face.gates import Gestures
from correction_service.face.looks import Portrait

NARROWING = 1.2  # parts heads from prints bent to a radius of two eye distances best
LONGER_THAN_A_BLINK = 2  # frames, a quarter of a second and more apart


@dataclass(frozen=True, slots=True)
class Posture:
    """How a face is held in one frame.

    ``turn`` of the nose between the eyes; ``pitch`` the nose's height between eyes and mouth;
    ``squat`` the distance between the eyes over that from eyes to mouth; ``down`` and ``size`` the
    face's place and size in pixels; ``points`` the five landmarks, (5, 2) in pixels; ``eyes`` how
    far they are open, None where that is not known.
    """

    turn: float
    pitch: float
    squat: float
    down: float
    size: float
    points: parallax.Points
    eyes: float | None = None


def posture(portrait: Portrait) -> Posture:
    """Measure one face."""
    points = portrait.face.points.astype(np.float64)
    level = parallax.upright(points)
    mouth = float((level[3] + level[4])[1]) / 2
    return Posture(
        turn=portrait.quality.turn,
        pitch=portrait.quality.pitch,
        squat=1 / max(mouth, 1e-6),
        down=float(points[:2, 1].mean()),
        size=portrait.face.size_px,
        points=points,
        eyes=portrait.eyes,
    )


def at_rest(straight: Sequence[Posture]) -> Posture:
    """Return the middle of the frames in which the person looks straight into the camera.

    The eyes count at their widest: who blinks in one of the frames has no smaller eyes.
    """
    return Posture(
        turn=median(each.turn for each in straight),
        pitch=median(each.pitch for each in straight),
        squat=median(each.squat for each in straight),
        down=median(each.down for each in straight),
        size=median(each.size for each in straight),
        points=np.median([each.points for each in straight], axis=0),
        eyes=max((each.eyes for each in straight if each.eyes is not None), default=None),
    )


def turned_left(rest: Posture, now: Posture) -> float:
    """Return how far the nose moved towards the person's own left eye."""
    return now.turn - rest.turn


def stood_out(rest: Posture, now: Posture) -> float:
    """Return how much further the nose moved than the face became narrow.

    Turned far, a bent picture moves its nose as well; but its eyes come together more for it.
    """
    narrowed = max(1 - now.squat / rest.squat, 0.0)
    return abs(turned_left(rest, now)) - NARROWING * narrowed


def nodded(rest: Posture, now: Posture) -> float:
    """Return how much the face looks down (positive) or up.

    The nose nears the mouth, the face grows squat and sinks in the picture, each by a little: none
    of them alone tells a nod from the landmarks' own error.
    """
    eye_distance = max(float(np.linalg.norm(rest.points[0] - rest.points[1])), 1.0)
    sunk = (now.down - rest.down) / eye_distance
    return now.pitch - rest.pitch + 0.4 * (now.squat / rest.squat - 1) + 0.25 * sunk


def came_closer(rest: Posture, now: Posture) -> float:
    """Return by which share the face grew."""
    return now.size / rest.size - 1


def shut(rest: Posture, now: Posture, figures: Gestures) -> bool:
    """Tell whether the eyes are shut, against the person's own; what is not known is not shut."""
    if now.eyes is None or rest.eyes is None:
        return False
    return now.eyes <= figures.shut * rest.eyes


def seen(action: Action, rest: Posture, step: Sequence[Posture], figures: Gestures) -> bool:
    """Tell whether an action was done in the frames of its own step, and nothing else.

    The first frame of a step may still show the one before; one frame alone shows nothing.
    """
    if len(step) < figures.faces:
        return False
    ways = [turned_left(rest, now) for now in step]
    match action:
        case Action.TURN_LEFT:
            return _turned(ways, figures.turn)
        case Action.TURN_RIGHT:
            return _turned([-way for way in ways], figures.turn)
        case Action.NOD:
            done = any(abs(nodded(rest, now)) >= figures.nod for now in step)
        case Action.COME_CLOSER:
            done = any(came_closer(rest, now) >= figures.closer for now in step)
        case Action.CLOSE_EYES:
            done = sum(shut(rest, now, figures) for now in step) >= LONGER_THAN_A_BLINK
    return done and all(abs(way) < figures.turn for way in ways[1:])


def steady(rest: Posture, straight: Sequence[Posture], figures: Gestures) -> bool:
    """Tell whether a person who is to look straight does not turn meanwhile."""
    still = all(abs(turned_left(rest, now)) < figures.turn for now in straight)
    return still and len(straight) >= figures.faces


def _turned(ways: Sequence[float], least: float) -> bool:
    """Most frames of the step show the turn, and none but the first its opposite."""
    return 2 * sum(way >= least for way in ways) > len(ways) and min(ways[1:], default=0.0) > -least
