"""Is it a face, or a picture of one? Presentation attack detection on one frame (ISO/IEC 30107).

MiniFASNet sees the edges, glare and moiré of paper and screens. It does not see a stream that is
fed in past the camera.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from correction_service.face import checkpoint, minifasnet
from correction_service.face.detect import Face
from correction_service.face.images import Pixels
from correction_service.face.weights import Weight, WeightsError

# How far each net looks around the face, as a multiple of its box: what it was trained with.
REACH = {"minifasnet_v2": 2.7, "minifasnet_v1se": 4.0}


class Pad:
    """Both nets, built and loaded once (some 0.1 s); not safe to share between threads."""

    def __init__(self, rows: Mapping[str, Weight], paths: Mapping[str, Path]) -> None:
        self._nets = [(_net(name, rows[name], paths[name]), reach) for name, reach in REACH.items()]

    def score(self, image: Pixels, face: Face, *, smoothed: bool = False) -> float:
        """Return how sure the nets are of a living face, 0–1, as the mean of both (6 ms).

        The nets were trained, and measured, on windows that are sampled pixel by pixel, which
        keeps moiré and a dim camera's grain alike: of faces with grain (σ 10 of 255) a quarter is
        refused. ``smoothed`` averages the grain away; ask so before anybody is called an attack.
        """
        sampling = cv2.INTER_AREA if smoothed else cv2.INTER_LINEAR
        windows = [(net, around(image, face, reach, sampling)) for net, reach in self._nets]
        return float(np.mean([_live(net, window) for net, window in windows]))


def room(image: Pixels, face: Face) -> float:
    """Return how often the face's box fits into the picture, the less of across and down."""
    height, width = image.shape[:2]
    _, _, w, h = face.box
    return float(min((height - 1) / max(h, 1.0), (width - 1) / max(w, 1.0)))


def around(image: Pixels, face: Face, reach: float, sampling: int = cv2.INTER_LINEAR) -> Pixels:
    """Return the face's box grown ``reach`` times, 80 × 80.

    A window that would leave the picture is moved inside; one larger than it, reduced.
    """
    height, width = image.shape[:2]
    x, y, w, h = face.box
    reach = min(reach, room(image, face))
    left = min(max(x + w / 2 - w * reach / 2, 0), width - 1 - w * reach)
    top = min(max(y + h / 2 - h * reach / 2, 0), height - 1 - h * reach)
    right, bottom = int(left + w * reach) + 1, int(top + h * reach) + 1
    window = image[int(top) : bottom, int(left) : right]
    side = minifasnet.SIDE_PX
    return cast("Pixels", cv2.resize(window, (side, side), interpolation=sampling))


def _net(name: str, row: Weight, path: Path) -> cv2.dnn.Net:
    model = minifasnet.to_onnx(checkpoint.read(path.read_bytes()))
    digest = hashlib.sha256(model).hexdigest()
    if digest != row.built_sha256:
        raise WeightsError(
            f"{name} was built otherwise than measured (sha256 {digest}, weights.toml expects "
            f"{row.built_sha256}): reinstall the service"
        )
    return cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))


def _live(net: cv2.dnn.Net, crop: Pixels) -> float:
    net.setInput(cv2.dnn.blobFromImage(crop))
    return float(net.forward()[0][minifasnet.LIVE])
