"""A camera for Chromium that sees what a test shows it, at once: a raw video of one picture.

Chromium reads such a file again for every picture it wants, so that what is written over it is seen
next; of a compressed one, written over while it is read, nothing could be seen at all.
"""

from pathlib import Path

import cv2

from correction_service.face.images import Pixels
from tests.faces import FRAME_SIZE

_HEADER = "YUV4MPEG2 W{} H{} F30:1 Ip A1:1 C420mpeg2\nFRAME\n".format(*FRAME_SIZE).encode()


class Viewfinder:
    """Shows BGR pictures of FRAME_SIZE; give its path to `browser`."""

    def __init__(self, path: Path) -> None:
        """Write to a path that ends in ``.y4m``."""
        self.path = path
        path.write_bytes(_HEADER)

    def show(self, picture: Pixels) -> None:
        """Let the camera see this from now on."""
        planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        with self.path.open("r+b") as video:
            video.seek(len(_HEADER))
            video.write(planes.tobytes())
