"""`face.*`: one check-in of five frames, against face_recognition as it is shipped."""

from collections.abc import Iterator
from io import BytesIO

import cv2
import face_recognition

from correction_service.face.liveness import unprompted
from correction_service.face.recogniser import Recogniser
from correction_service.face.verdict import Outcome
from tests.benchmarks.figure import Figure, median_ms
from tests.faces import fetched, frames

TIMES = 5
FRAMES = 5


def measure() -> Iterator[Figure]:
    """Measure in this process on one OpenCV thread, as a worker does."""
    cv2.setNumThreads(1)
    photos = fetched()
    recogniser = Recogniser()
    template = recogniser.enrol([photo.read_bytes() for photo in photos.person]).template
    assert template is not None
    burst = list(frames(photos.person[0], FRAMES))
    assert recogniser.judge(template, unprompted(burst)).outcome is Outcome.MATCH
    known = face_recognition.face_encodings(face_recognition.load_image_file(photos.person[1]))

    def shipped() -> None:
        for frame in burst:
            image = face_recognition.load_image_file(BytesIO(frame))
            for found in face_recognition.face_encodings(image):
                face_recognition.compare_faces(known, found)

    ours = median_ms(lambda: recogniser.judge(template, unprompted(burst)), TIMES)
    theirs = median_ms(shipped, TIMES)
    baseline = "face_recognition.face_encodings + compare_faces"
    yield Figure("face.checkin", ours, "ms", baseline, theirs, theirs / ours)
    frame_ours, frame_theirs = ours / FRAMES, theirs / FRAMES
    yield Figure("face.frame", frame_ours, "ms", baseline, frame_theirs, frame_theirs / frame_ours)
