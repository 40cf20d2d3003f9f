"""Shut the eyes of a picture: the skin above each eye is drawn down over it, as a lid."""

from functools import cache

import cv2
import numpy as np

from correction_service.face import weights
from correction_service.face.images import Pixels
from correction_service.face.landmarks import Landmarker, view
from tests.face.attacks.heads import Floats, detector

LASHES_PX = 2
# The lids of each eye from corner to corner.
UPPER = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (362, 398, 384, 385, 386, 387, 388, 466, 263),
)
LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))


@cache
def landmarker() -> Landmarker:
    """Return the face mesh, loaded once."""
    row = weights.listed()["landmarks"]
    return Landmarker(weights.locate({"landmarks": row})["landmarks"])


def shut(picture: Pixels, much: float = 1.0) -> Pixels:
    """Close the eyes of the largest face, which is upright: 0 leaves them open, 1 closes them."""
    face = detector().find(picture)[0]
    mesh = landmarker().find(picture, face)
    if mesh is None:
        raise ValueError("no mesh of this face can be found: choose another photo")
    back = cv2.invertAffineTransform(view(face))
    return drawn(picture, mesh.points[:, :2] @ back[:, :2].T + back[:, 2], much)


def drawn(picture: Pixels, points: Floats, much: float = 1.0) -> Pixels:
    """Draw the lids of a mesh (478, 2 or more) in pixels of the picture."""
    height, width = picture.shape[:2]
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    source = down.astype(np.float32)
    for upper, lower in zip(UPPER, LOWER, strict=True):
        lid, rim = (points[list(edge), :2] for edge in (upper, lower))
        top = np.interp(across[0], lid[:, 0], lid[:, 1])
        end = np.interp(across[0], rim[:, 0], rim[:, 1]) + LASHES_PX
        end = top + much * (end - top)
        brow = top - (lid[-1, 0] - lid[0, 0]) / 2
        pulled = brow + (down - brow) * (top - brow) / np.maximum(end - brow, 1.0)
        covered = (down >= brow) & (down <= end) & (across > lid[0, 0]) & (across < lid[-1, 0])
        source[covered] = pulled[covered]
    closed = cv2.remap(picture, across.astype(np.float32), source, cv2.INTER_LINEAR)
    return np.asarray(closed, np.uint8)
