"""Is the face shown on a screen? Colours that come in waves, as on no head.

A display's grid of pixels beats with that of the camera's sensor, and otherwise in red, green and
blue: coloured moiré. One such wave lies over the face and over what is around it alike, as no
cloth, wall or wrinkle does. In the spectrum of a difference of colours it is a peak above an even
fall, since natural pictures have a power of about 1/f² (van der Schaaf and van Hateren 1996), the
logarithm of which is its own mean over any ring that leaves out the origin.
"""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face import parallax
from correction_service.face.detect import Face
from correction_service.face.images import Pixels
from correction_service.face.looks import Portrait

Floats = NDArray[np.float32]
Place = NDArray[np.float64]  # right and down, in pixels of the halved picture
_BEST = 3
_SIDE_PX = 64  # of a tile; pictures are halved first, since JPEG keeps colours at half the size
_ON_FACE, _AROUND = 4, 6  # tiles each way
_REACH = (2.0, 1.7)  # widths and heights of the face that count as around it
_LONGEST, _SHORTEST = 6, 24  # waves a tile: 21 to 5 pixels long
_NEAR, _FAR = 2, 5  # bins: a peak is held against the ring between
_BLACK = 8  # added to brightness, so that grain in the dark makes no colours
_LOG = np.log(np.arange(256, dtype=np.float32) + _BLACK)


def evenness(portraits: Sequence[Portrait]) -> float | None:
    """Return what their neighbours explain of the strongest wave: 1 wholly, 0.3 and less not.

    The best three pictures count, two of which must agree; None where too few are large enough.
    """
    best = sorted(portraits, key=lambda portrait: portrait.quality.rank)[-_BEST:]
    waves = [wave(portrait.image, portrait.face) for portrait in best]
    seen = parallax.second([height for height in waves if height is not None])
    return None if seen is None else float(np.exp(-max(seen, 0.0)))


def wave(image: Pixels, face: Face) -> float | None:
    """Return how far one wave rises, on the face and around it, above its surround in the spectrum.

    In natural logarithms of power: 0.5 by chance, rarely 0.8. None where the picture is too small.
    """
    light = cv2.LUT(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), _LOG)
    if min(light.shape[:2]) < 2 * _SIDE_PX:
        return None
    size, box = np.array(light.shape[1::-1], np.float64), np.array(face.box, np.float64) / 2
    extent, middle = box[2:], box[:2] + box[2:] / 2
    on_face = _grid(_ON_FACE, middle, extent, size)
    around = _grid(_AROUND, middle, extent * _REACH, size)
    beside = around[(np.abs(around + _SIDE_PX / 2 - middle) > extent / 2).any(axis=1)]
    if not len(beside):
        return None
    blue, green, red = cv2.split(light)
    return max(
        float(np.minimum(_risen(colour, on_face), _risen(colour, beside))[_looked_at()].max())
        for colour in (red - green, blue - green)
    )


def _grid(count: int, middle: Place, extent: Place, size: Place) -> NDArray[np.intp]:
    """Return where tiles begin, (n, 2) right and down, evenly over a part of the picture."""
    room = np.maximum(extent - _SIDE_PX, 0) / 2
    first, last = (
        np.clip(middle + way * room - _SIDE_PX / 2, 0, size - _SIDE_PX) for way in (-1, 1)
    )
    steps = np.linspace(first, last, count).astype(np.intp)
    return np.stack(np.meshgrid(*steps.T), axis=-1).reshape(-1, 2)


def _risen(colour: Floats, places: NDArray[np.intp]) -> Floats:
    """Return each bin above the ring around it and above what is before and behind it.

    The second tells a wave from an edge, which is a ridge through the whole spectrum.
    """
    tiles = np.array([colour[y : y + _SIDE_PX, x : x + _SIDE_PX] for x, y in places])
    tiles -= tiles.mean(axis=(1, 2), keepdims=True)
    power = np.log(np.abs(np.fft.rfft2(tiles * _window())) ** 2 + 1e-6)
    whole = _whole(power.mean(axis=0))
    wide, narrow = (
        cv2.boxFilter(whole, -1, (2 * reach + 1, 2 * reach + 1), normalize=False)
        for reach in (_FAR, _NEAR)
    )
    ring = (wide - narrow) / ((2 * _FAR + 1) ** 2 - (2 * _NEAR + 1) ** 2)
    inward, outward = (cv2.remap(whole, *along, cv2.INTER_LINEAR) for along in _radial())
    return np.asarray(whole - np.maximum(ring, (inward + outward) / 2), np.float32)


def _whole(half: Floats) -> Floats:
    """Return the spectrum of a real picture with its origin in the middle."""
    mirrored = np.roll(half[::-1, -2:0:-1], 1, axis=0)
    return np.asarray(np.fft.fftshift(np.hstack([half, mirrored])), np.float32)


@cache
def _window() -> Floats:
    side = np.hanning(_SIDE_PX + 1)[:-1]
    return np.asarray(np.outer(side, side), np.float32)


@cache
def _bins() -> tuple[Floats, Floats, Floats]:
    """Return waves across and down the tile for each bin, and both together."""
    waves = np.arange(-_SIDE_PX // 2, _SIDE_PX // 2, dtype=np.float32)
    across, down = np.meshgrid(waves, waves)
    return across, down, np.hypot(across, down)


@cache
def _looked_at() -> NDArray[np.bool_]:
    """Choose bins. The axes belong to JPEG, to rows of a sensor and to pictures made larger."""
    across, down, waves = _bins()
    on_axis = (np.abs(across) <= 1) | (np.abs(down) <= 1)
    return np.asarray((waves >= _LONGEST) & (waves <= _SHORTEST) & ~on_axis)


@cache
def _radial() -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return where the bins before and behind each bin lie, as seen from the origin."""
    across, down, waves = _bins()
    step = np.asarray(_FAR / np.maximum(waves, 1), np.float32)
    origin = np.float32(_SIDE_PX // 2)
    return (
        (across * (1 - step) + origin, down * (1 - step) + origin),
        (across * (1 + step) + origin, down * (1 + step) + origin),
    )
