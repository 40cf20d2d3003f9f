"""Know a picture again that was sent before, whatever was done to its file.

A difference hash (Krawetz 2013) of 256 bits over the whole picture: background, light and posture
are in it, so that one person in one chair on two days is not taken for one picture.
"""

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face.images import Pixels

SIDE = 16
LEAST_CONTRAST = 4.0  # grey levels: a black picture is like every other black picture


def fingerprint(image: Pixels) -> bytes:
    """Return 32 bytes for a BGR picture, none for one that shows nothing."""
    small = cv2.resize(image, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.int16)
    if luma.std() < LEAST_CONTRAST:
        return b""
    return np.packbits(luma[:, 1:] > luma[:, :-1]).tobytes()


def distances(one: Sequence[bytes], other: Collection[bytes]) -> NDArray[np.intp]:
    """Return how many bits differ, (len(one), len(other)); none of them may be empty."""
    ours, theirs = _words(one), _words(other)
    apart: NDArray[np.intp] = np.bitwise_count(ours[:, None] ^ theirs).sum(axis=2, dtype=np.intp)
    return apart


def _words(prints: Collection[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(prints), np.uint64).reshape(len(prints), -1)
