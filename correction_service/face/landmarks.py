"""478 points of a face, by MediaPipe's face mesh (Kartynnik et al. 2019), read by OpenCV."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face.detect import LEFT_EYE, RIGHT_EYE, Face
from correction_service.face.images import Pixels

SIDE_PX = 256
REACH = 1.5  # the window as a multiple of the face's longer side: what the net was trained with
PRESENT = 5.0  # logit; 64 development photos reached 7 and more, a face cut in half −3
_MODEL = "face_landmarks_detector.tflite"  # within the task file, a plain zip archive
# Of each eye: its outer and inner corner, then three pairs of upper and lower lid.
_EYES = (
    ((33, 133), ((160, 144), (159, 145), (158, 153))),
    ((263, 362), ((387, 373), (386, 374), (385, 380))),
)


@dataclass(frozen=True, slots=True)
class Mesh:
    """Points (478, 3): x and y in pixels of an upright 256 × 256 window, z by the same scale."""

    points: NDArray[np.float64]

    @property
    def eyes_open(self) -> float:
        """Height over width of the eyes (Soukupová, Čech 2016, "eye aspect ratio"): about 0.3.

        Eyes differ and smiles narrow them: compare with the same person's own. Of 66 development
        photos, blurred, darkened, turned or with grain, 99 % kept 0.9 of their own ratio and none
        fell below 0.7; with lids drawn over the eyes 98 % did.
        """
        return float(np.mean([self._ratio(corners, lids) for corners, lids in _EYES]))

    def _ratio(self, corners: tuple[int, int], lids: tuple[tuple[int, int], ...]) -> float:
        heights = [self._distance(upper, lower) for upper, lower in lids]
        return float(np.mean(heights)) / max(self._distance(*corners), 1e-6)

    def _distance(self, one: int, other: int) -> float:
        return float(np.linalg.norm(self.points[one, :2] - self.points[other, :2]))


def loaded(paths: Mapping[str, Path]) -> "Landmarker | None":
    """Return the net where its weights are installed: they are not on every platform."""
    return Landmarker(paths["landmarks"]) if "landmarks" in paths else None


class Landmarker:
    """The net, loaded once; not safe to share between threads."""

    def __init__(self, task: Path) -> None:
        with zipfile.ZipFile(task) as archive:
            model = np.frombuffer(archive.read(_MODEL), np.uint8)
        self._net = cv2.dnn.readNetFromTFLite(model)

    def find(self, image: Pixels, face: Face) -> Mesh | None:
        """Return the mesh of a detected face, None where the net sees none (10 ms)."""
        window = upright(image, face)
        self._net.setInput(cv2.dnn.blobFromImage(window, 1 / 255, swapRB=True))
        presence, points = self._net.forward(["Identity_1", "Identity"])
        if float(presence.ravel()[0]) < PRESENT:
            return None
        return Mesh(points.reshape(-1, 3).astype(np.float64))


def upright(image: Pixels, face: Face) -> Pixels:
    """Turn the eyes level and bring the face to the middle of a 256 × 256 window."""
    return np.asarray(cv2.warpAffine(image, view(face), (SIDE_PX, SIDE_PX)), np.uint8)


def view(face: Face) -> NDArray[np.float64]:
    """Return what takes a point of the picture to the upright window, an affine (2, 3)."""
    x, y, width, height = face.box
    centre = np.array([x + width / 2, y + height / 2])
    across = face.points[LEFT_EYE] - face.points[RIGHT_EYE]
    angle_deg = float(np.degrees(np.arctan2(across[1], across[0])))
    scale = SIDE_PX / max(REACH * max(width, height), 1.0)
    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle_deg, scale)
    turn[:, 2] = turn[:, 2] + SIDE_PX / 2 - centre
    return np.asarray(turn, np.float64)
