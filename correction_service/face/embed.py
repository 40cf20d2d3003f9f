"""Turn a face into numbers: SFace (Zhong et al. 2021) and dlib's ResNet (King 2017)."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import cast

import cv2
import face_recognition_models
import numpy as np
from PIL import ImageFile

from correction_service.face.detect import Face
from correction_service.face.embedder import Feed
from correction_service.face.images import Pixels
from correction_service.face.template import Vector, unit
from correction_service.face.weights import WeightsError

# dlib's landmarks were trained on its own detector's boxes: square, a little lower and smaller
# than YuNet's. The two figures are medians over development photos.
DLIB_SIDE = 0.89
DLIB_DROP = 0.06
LENGTHS = (16, 4096)  # of an embedding that is one


class Sface:
    """Aligned crops and unit vectors of 128, compared by their cosine."""

    def __init__(self, model: Path) -> None:
        self._net = cv2.FaceRecognizerSF.create(str(model), "")

    def align(self, image: Pixels, face: Face) -> Pixels:
        """Return the face upright and centred, 112 × 112 BGR."""
        return cast("Pixels", self._net.alignCrop(image, face.row))

    def embed(self, crop: Pixels) -> Vector:
        """Return the unit vector of an aligned crop."""
        return unit(self._net.feature(crop)[0])


class Onnx:
    """A centre's own model in SFace's place: unit vectors of aligned crops, of any length."""

    def __init__(self, model: Path, feed: Feed) -> None:
        """Load the model and try it; raise WeightsError where OpenCV cannot run it."""
        self._feed = feed
        try:
            self._net = cv2.dnn.readNetFromONNX(str(model))
            length = self.embed(np.full((feed.size_px, feed.size_px, 3), 90, np.uint8)).size
        except (cv2.error, FloatingPointError) as error:
            raise WeightsError(f"{model} cannot be run by OpenCV: {error}") from error
        if not LENGTHS[0] <= length <= LENGTHS[1]:
            raise WeightsError(f"{model} gives {length} numbers a face: not an embedder")

    def embed(self, crop: Pixels) -> Vector:
        """Return the unit vector of a face aligned by SFace.

        Raises FloatingPointError rather than give NaN, which no threshold would call a match.
        """
        feed = self._feed
        size, means = (feed.size_px, feed.size_px), (feed.mean,) * 3
        self._net.setInput(cv2.dnn.blobFromImage(crop, feed.scale, size, means, feed.rgb))
        vector = np.asarray(self._net.forward(), np.float32).ravel()
        if not 0 < float(np.linalg.norm(vector)) < np.inf:
            raise FloatingPointError("the embedder gave no direction for a face")
        return unit(vector)


class Dlib:
    """dlib's ResNet through ``face_recognition``, on five landmarks; compared by distance."""

    def __init__(self) -> None:
        self._library = _face_recognition()

    def embed(self, image: Pixels, face: Face) -> Vector:
        """Return the vector of 128 of a face in a BGR image."""
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        (vector,) = self._library.face_encodings(rgb, [_dlib_box(face)], model="small")
        return cast("Vector", vector.astype(np.float32))


def _dlib_box(face: Face) -> tuple[int, int, int, int]:
    """Return top, right, bottom, left as dlib's detector would have drawn them."""
    x, y, width, height = face.box
    centre_x, centre_y = x + width / 2, y + (0.5 + DLIB_DROP) * height
    half = face.size_px * DLIB_SIDE / 2
    top, right, bottom, left = centre_y - half, centre_x + half, centre_y + half, centre_x - half
    return round(top), round(right), round(bottom), round(left)


def _face_recognition() -> ModuleType:
    """Import the library with two of its habits undone.

    It loads every model at import: the 68-point one was trained on images licensed for
    non-commercial use and takes 100 MB, so the five-point file stands in its place. And it tells
    Pillow to accept truncated images, for the whole process.
    """
    five_points = face_recognition_models.pose_predictor_five_point_model_location
    face_recognition_models.pose_predictor_model_location = five_points
    library = importlib.import_module("face_recognition")
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return library
