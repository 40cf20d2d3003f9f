"""What looks at a picture while a person aims: the detector and the measures, no recognition."""

from dataclasses import replace

import cv2

from correction_service.face import quality, weights
from correction_service.face.aim import Aim, Pose
from correction_service.face.detect import Detector, Face
from correction_service.face.embed import Sface
from correction_service.face.images import ImageError, Pixels, decode
from correction_service.face.thresholds import thresholds
from correction_service.face.words import Reason

MOST_MEGAPIXELS = 1.0
FULL_PX = 640  # the longer side of a frame that is judged; limits in pixels are for these
# No fault of a face that does as it is asked.
MOVING = {Reason.TURNED_ASIDE, Reason.LOOKING_UP_OR_DOWN, Reason.HEAD_TILTED}


class Eye:
    """The models of one lane; not safe to share between threads."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        rows = weights.listed()
        paths = weights.locate({name: rows[name] for name in ("yunet", "sface")})
        self._detector = Detector(paths["yunet"])
        self._sface = Sface(paths["sface"])

    def look(self, data: bytes, *, moving: bool) -> Aim:
        """Say what is wrong with a picture, where the face is and how it is held."""
        try:
            image = decode(data, MOST_MEGAPIXELS)
        except ImageError as error:
            return Aim((error.code,))
        faces = self._detector.find(image)
        if not faces:
            return Aim((Reason.NO_FACE,))
        if quality.rivals(faces) > 1:
            return Aim((Reason.MANY_FACES,), _shares(image, faces[0]))
        return self._judged(image, faces[0], moving=moving)

    def _judged(self, image: Pixels, face: Face, *, moving: bool) -> Aim:
        long_side = max(image.shape[:2])
        measured = quality.measure(image, face, self._sface.align(image, face))
        at_full = replace(measured, size_px=measured.size_px * FULL_PX / long_side)
        wrong = quality.faults(at_full, thresholds().capture)
        reasons = tuple(reason for reason in wrong if not (moving and reason in MOVING))
        pose = Pose(measured.turn, measured.pitch, measured.size_px / long_side, None)
        return Aim(reasons, _shares(image, face), pose)


def _shares(image: Pixels, face: Face) -> tuple[float, float, float, float]:
    height, width = image.shape[:2]
    x, y, w, h = face.box
    return x / width, y / height, w / width, h / height
