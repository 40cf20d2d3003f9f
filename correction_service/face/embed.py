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
from correction_service.face.images import Pixels
from correction_service.face.template import Vector, unit

# dlib's landmarks were trained on its own detector's boxes: square, a little lower and smaller
# than YuNet's. The two figures are medians over development photos.
DLIB_SIDE = 0.89
DLIB_DROP = 0.06


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
