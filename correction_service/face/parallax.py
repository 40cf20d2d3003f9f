"""Has the face depth? A turned face against the same face looking straight.

A picture on a plane keeps its nose between its eyes however it is turned; the nose of a head moves.
And whatever a plane does to its points, a homography explains it. But the detector puts its five
points where a face would have them, so a bent picture deceives it; the picture itself does not:
brought back by eyes and mouth, the nose of paper lies where it lay, that of a head elsewhere.
"""

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face.detect import LEFT_EYE, LEFT_MOUTH, RIGHT_EYE, RIGHT_MOUTH
from correction_service.face.images import Pixels

Points = NDArray[np.float64]
_CORNERS = [RIGHT_EYE, LEFT_EYE, RIGHT_MOUTH, LEFT_MOUTH]
# A face is brought to this window, in pixels; lengths below are in distances between the eyes.
_EYES_PX = 32
_WINDOW = (2 * _EYES_PX, round(2.2 * _EYES_PX))  # the eyes' middle at 1.0 from left, 0.5 from top
_NOSE_LEFT, _NOSE_RIGHT, _NOSE_TOP, _NOSE_BOTTOM = 0.62, 1.38, 0.7, 1.35
_ASIDE, _ALONG = 0.5, 0.2  # how far it is looked for, across and along the face
_SLACK = 2  # pixels by which the corners' own error may move it


def residual(straight: Points, turned: Points) -> float:
    """Return what no plane explains of ``turned``, as RMS over five points in eye distances.

    Both are (5, 2) in pixels. Points on a plane stay below 0.04 up to 40°, a head turned by 25°
    gives 0.06 and more.
    """
    found, _ = cv2.findHomography(straight, turned)
    transform = cast("NDArray[np.float64] | None", found)  # OpenCV types it as never None
    if transform is None:  # all points in one place: no face
        return 0.0
    explained = cv2.perspectiveTransform(straight[None].astype(np.float64), transform)[0]
    eye_distance = float(np.linalg.norm(turned[LEFT_EYE] - turned[RIGHT_EYE]))
    rms = np.sqrt(((explained - turned) ** 2).sum(axis=1).mean())
    return float(rms) / max(eye_distance, 1.0)


def surface(straight: Pixels, at_rest: Points, turned: Pixels, moved: Points) -> float:
    """Return how ill a sheet explains the nose of a turned face: 0 wholly, 0.2 and more not.

    The turned picture is brought back so that eyes and mouth lie where they were when straight.
    What counts is how unlike the nose's place has become (1 − normalised correlation), and how far
    aside, in eye distances, the nose is found now. Pictures are BGR, points (5, 2) pixels in them.
    """
    rest, to_window = _window(straight, at_rest)
    goal = cv2.perspectiveTransform(at_rest[None, _CORNERS], to_window)[0]
    back = cv2.getPerspectiveTransform(moved[_CORNERS].astype(np.float32), goal.astype(np.float32))
    now = _smooth(cv2.warpPerspective(turned, back, _WINDOW))
    left, right, top, bottom = (
        round(edge * _EYES_PX) for edge in (_NOSE_LEFT, _NOSE_RIGHT, _NOSE_TOP, _NOSE_BOTTOM)
    )
    aside, along = round(_ASIDE * _EYES_PX), round(_ALONG * _EYES_PX)
    field = now[top - along : bottom + along, left - aside : right + aside]
    alike = cv2.matchTemplate(field, rest[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
    at_home = float(alike[:, aside - _SLACK : aside + _SLACK + 1].max())
    found = abs(int(alike.max(axis=0).argmax()) - aside) / _EYES_PX
    return 1 - at_home + found


def _window(image: Pixels, points: Points) -> tuple[NDArray[np.float32], Points]:
    """Bring a face upright into the window; return it and the transform (3, 3)."""
    across = (points[LEFT_EYE] - points[RIGHT_EYE]) / _EYES_PX
    down = np.array([-across[1], across[0]])
    corner = (points[RIGHT_EYE] + points[LEFT_EYE]) / 2 - _EYES_PX * (across + 0.5 * down)
    to_image = np.column_stack([[*across, 0], [*down, 0], [*corner, 1]])
    to_window = np.linalg.inv(to_image)
    return _smooth(cv2.warpPerspective(image, to_window, _WINDOW)), to_window


def _smooth(image: object) -> NDArray[np.float32]:
    luma = cv2.cvtColor(np.asarray(image, np.uint8), cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 1.0))


def upright(points: Points) -> Points:
    """Move the middle of the eyes to the origin and make the distance between them one."""
    middle = (points[RIGHT_EYE] + points[LEFT_EYE]) / 2
    across = points[LEFT_EYE] - points[RIGHT_EYE]
    length = max(float(np.hypot(*across)), 1e-6)
    axes = np.array([across, (-across[1], across[0])]) / length**2
    return np.asarray((points - middle) @ axes.T)


def second(values: Sequence[float]) -> float | None:
    """Return the largest value but one: a single frame whose points slipped proves nothing."""
    return sorted(values)[-2] if len(values) > 1 else None
