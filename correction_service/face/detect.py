"""Find faces with YuNet (Wu, Peng, Yu 2023) through OpenCV."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face.images import Pixels

MIN_CONFIDENCE = 0.7
OVERLAP = 0.3
CANDIDATES = 50
LONG_SIDE_PX = 640
SHORT_SIDE_PX = 160  # a portrait of a few dozen pixels is enlarged until the detector can see it
STRIP_PX = 32  # one step of YuNet's coarsest grid: no wider, and OpenCV reads memory nobody wrote
RIGHT_EYE, LEFT_EYE, NOSE, RIGHT_MOUTH, LEFT_MOUTH = range(5)


@dataclass(frozen=True, slots=True)
class Face:
    """A detection in image pixels.

    ``row`` is what OpenCV passes around: x, y, width, height, then five points (the person's
    right eye, left eye, nose tip, right and left corner of the mouth) and the confidence.
    """

    row: NDArray[np.float32]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width, height."""
        x, y, width, height = (float(value) for value in self.row[:4])
        return x, y, width, height

    @property
    def points(self) -> NDArray[np.float32]:
        """The five landmarks as (5, 2)."""
        return self.row[4:14].reshape(5, 2)

    @property
    def size_px(self) -> float:
        """Geometric mean of width and height, which turning the head changes least."""
        return float(np.sqrt(max(self.row[2] * self.row[3], 0.0)))


class Detector:
    """YuNet, loaded once; not safe to share between threads."""

    def __init__(self, model: Path) -> None:
        self._net = cv2.FaceDetectorYN.create(
            str(model), "", (320, 320), MIN_CONFIDENCE, OVERLAP, CANDIDATES
        )

    def find(self, image: Pixels) -> list[Face]:
        """Return the faces of a BGR image, the largest first, in its own pixels.

        A strip twenty times as long as wide shows none.
        """
        height, width = image.shape[:2]
        scale = min(LONG_SIDE_PX / max(height, width), max(1.0, SHORT_SIDE_PX / min(height, width)))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(size) <= STRIP_PX:
            return []
        self._net.setInputSize(size)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        found = self._net.detect(cv2.resize(image, size, interpolation=method))
        rows = cast("NDArray[np.float32] | None", found[1])  # OpenCV types it as never None
        if rows is None:
            return []
        rows[:, :14] *= np.tile([width / size[0], height / size[1]], 7)
        return sorted((Face(row) for row in rows), key=lambda face: -face.size_px)
