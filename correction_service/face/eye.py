"""What looks at a picture while a person aims: the detector and the measures, no recognition."""

from dataclasses import replace

import cv2

from correction_service.face import landmarks, quality, weights
from correction_service.face.actions import Action
from correction_service.face.aim import MOVING, Aim, Pose
from correction_service.face.detect import Detector, Face
from correction_service.face.embed import Sface
from correction_service.face.images import ImageError, Pixels, decode
from correction_service.face.thresholds import thresholds
from correction_service.face.words import Reason

MODELS = {"yunet", "sface", "landmarks"}
MOST_MEGAPIXELS = 1.0
MIDDLE = (0.25, 0.75)  # where the face's centre belongs, in both directions: the page's oval
FULL_PX = 640  # the longer side of a frame that is judged; limits in pixels are for these


class Eye:
    """The models of one lane; not safe to share between threads."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        rows = {name: row for name, row in weights.listed().items() if name in MODELS}
        paths = weights.locate(rows)
        self._detector = Detector(paths["yunet"])
        self._sface = Sface(paths["sface"])
        self._landmarker = landmarks.loaded(paths)

    def look(self, data: bytes, action: Action | None) -> Aim:
        """Say what is wrong with a picture, where the face is and how it is held.

        The eyes are looked at while they are to be shut, and before, to know how far they open.
        """
        try:
            image = decode(data, MOST_MEGAPIXELS)
        except ImageError as error:
            return Aim((error.code,))
        faces = self._detector.find(image)
        if not faces:
            return Aim((Reason.NO_FACE,))
        if quality.rivals(faces) > 1:
            return Aim((Reason.MANY_FACES,), _shares(image, faces[0]))
        return self._judged(image, faces[0], action)

    def _judged(self, image: Pixels, face: Face, action: Action | None) -> Aim:
        long_side = max(image.shape[:2])
        measured = quality.measure(image, face, self._sface.align(image, face))
        at_full = replace(measured, size_px=measured.size_px * FULL_PX / long_side)
        box = _shares(image, face)
        wrong = quality.faults(at_full, thresholds().capture)
        if not _in_the_middle(box):  # the box of a face that is cut in half ends with the picture
            wrong = (Reason.FACE_CUT_OFF, *wrong)
        reasons = tuple(reason for reason in wrong if not (action and reason in MOVING))
        eyes = self._eyes(image, face) if action in (None, Action.CLOSE_EYES) else None
        pose = Pose(measured.turn, measured.pitch, measured.size_px / long_side, eyes)
        return Aim(reasons, box, pose)

    def _eyes(self, image: Pixels, face: Face) -> float | None:
        mesh = self._landmarker.find(image, face) if self._landmarker else None
        return mesh.eyes_open if mesh else None


def _shares(image: Pixels, face: Face) -> tuple[float, float, float, float]:
    height, width = image.shape[:2]
    x, y, w, h = face.box
    return x / width, y / height, w / width, h / height


def _in_the_middle(box: tuple[float, float, float, float]) -> bool:
    left, top, width, height = box
    least, most = MIDDLE
    return least <= left + width / 2 <= most and least <= top + height / 2 <= most
