"""A photo as a surface in space, seen by a pinhole camera.

Lengths are in distances between the eyes (about 63 mm): x to the picture's right, y down, z
towards the camera, the origin between the eyes. The source photo counts as taken from afar.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from correction_service.face import weights
from correction_service.face.detect import LEFT_EYE, RIGHT_EYE, Detector
from correction_service.face.images import Pixels

Floats = NDArray[np.float64]
TEXEL = 1 / 90  # about as fine as the cameras see it; what falls between is closed
LEFT, TOP, RIGHT, BOTTOM = -1.45, -1.75, 1.45, 2.25  # what of the photo is head
NECK = np.array([0.0, 1.3, -1.3])  # a head turns about its neck, not about its nose


@dataclass(frozen=True)
class Anatomy:
    """A head's shape: half axes of its ellipsoid and how far nose and brow stand out."""

    half_width: float = 1.25
    half_height: float = 1.75
    half_depth: float = 1.5
    nose: float = 0.33
    sockets: float = 0.06

    @classmethod
    def drawn(cls, dice: np.random.Generator) -> "Anatomy":
        """Draw a head as people have them (noses of 18 to 27 mm beyond the cheek)."""
        return cls(
            half_width=dice.uniform(1.15, 1.35),
            half_height=dice.uniform(1.65, 1.9),
            half_depth=dice.uniform(1.3, 1.7),
            nose=dice.uniform(0.28, 0.42),
            sockets=dice.uniform(0.03, 0.09),
        )


@dataclass(frozen=True)
class Pose:
    """How a surface is held: turned by degrees, moved sideways, and how far away it is.

    With positive yaw the nose moves to the picture's right, which is the person's own left; with
    positive pitch the face looks down.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    right: float = 0.0
    down: float = 0.0
    distance: float = 7.5

    def rotation(self) -> Floats:
        """Return the matrix that turns points (3, n); pitch looks down when positive."""
        yaw, pitch, roll = np.radians([self.yaw_deg, self.pitch_deg, self.roll_deg])
        about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        about_x = [
            [1, 0, 0],
            [0, np.cos(pitch), np.sin(pitch)],
            [0, -np.sin(pitch), np.cos(pitch)],
        ]
        about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
        return np.array(about_z) @ np.array(about_x) @ np.array(about_y)


@dataclass(frozen=True)
class Surface:
    """Coloured points in space: BGR texture (h, w, 3), points (h, w, 3), opacity (h, w)."""

    texture: Pixels
    points: Floats
    opacity: NDArray[np.float64]
    pivot: Floats


@dataclass(frozen=True)
class Likeness:
    """A frontal photo brought to eye distances: the head's texture and what is around it."""

    head: Pixels
    around: Pixels
    landmarks: Floats


def likeness(photo: Pixels) -> Likeness:
    """Cut the largest face's head out of a BGR photo, upright."""
    face = detector().find(photo)[0]
    points = face.points.astype(np.float64)
    across = points[LEFT_EYE] - points[RIGHT_EYE]
    eyes = (points[RIGHT_EYE] + points[LEFT_EYE]) / 2
    down = np.array([-across[1], across[0]])
    # Columns: one texel to the right, one texel down, the place of the texture's corner.
    corner = eyes + LEFT * across + TOP * down
    inverse = np.column_stack([across * TEXEL, down * TEXEL, corner])
    head = _warped(photo, inverse, _shape())
    size_px = np.linalg.norm(across)
    around = _without_head(photo, eyes, float(size_px))
    wide = np.column_stack([across * 4 * TEXEL, down * 4 * TEXEL, eyes - 4 * across - 4 * down])
    backdrop = _warped(around, wide, (round(2 / TEXEL), round(2 / TEXEL)))
    local = np.linalg.solve(np.column_stack([across, down]), (points - eyes).T).T
    return Likeness(head, backdrop, local)


def head(texture: Pixels, anatomy: Anatomy) -> Surface:
    """Bend a head's texture over an ellipsoid with a nose."""
    x, y = _grid()
    flat = 1 - (x / anatomy.half_width) ** 2 - ((y - 0.35) / anatomy.half_height) ** 2
    z = anatomy.half_depth * (np.sqrt(np.maximum(flat, 0.05)) - 1) + np.minimum(flat - 0.05, 0)
    tip = np.where(
        y < 0.62, np.exp(-(((y - 0.62) / 0.38) ** 2)), np.exp(-(((y - 0.62) / 0.14) ** 2))
    )
    z += anatomy.nose * tip * np.exp(-((x / 0.19) ** 2))
    for eye in (-0.5, 0.5):
        z -= anatomy.sockets * np.exp(-(((x - eye) / 0.25) ** 2) - ((y / 0.2) ** 2))
    outline = 1 - (x / (anatomy.half_width + 0.12)) ** 2 - ((y - 0.25) / 1.95) ** 2
    opacity = np.clip(outline / 0.06, 0, 1)
    return Surface(texture, np.dstack([x, y, z]), opacity, NECK)


def sheet(texture: Pixels, bend: float = 0.0) -> Surface:
    """Hold a texture as paper: flat, or bent about its upright axis with curvature ``bend``."""
    x, y = _grid()
    if bend:
        points = np.dstack([np.sin(x * bend) / bend, y, (np.cos(x * bend) - 1) / bend])
    else:
        points = np.dstack([x, y, np.zeros_like(x)])
    return Surface(texture, points, np.ones_like(x), np.array([0.0, 0.3, 0.0]))


def seen(surface: Surface, pose: Pose, focal_px: float, canvas: Pixels) -> Pixels:
    """Draw the surface over the canvas as a pinhole camera sees it, the near before the far."""
    height, width = canvas.shape[:2]
    turn, aside = pose.rotation(), np.array([pose.right, pose.down, 0.0])
    view = np.column_stack([turn, surface.pivot + aside - turn @ surface.pivot])
    x, y, z = cv2.split(cv2.transform(surface.points.astype(np.float32), view))
    depth = np.float32(pose.distance) - z
    column = np.rint(width / 2 + focal_px * x / depth).astype(np.int32)
    row = np.rint(0.45 * height + focal_px * y / depth).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    drawn = np.flatnonzero(inside & (surface.opacity > 0))
    far = (-1000 * depth.ravel()[drawn]).astype(np.int16)  # sixteen bits are sorted at once
    order = drawn[np.argsort(far, kind="stable")]
    place = (row * width + column).ravel()[order]
    colour = np.zeros((height * width, 3), np.uint8)
    cover = np.zeros(height * width, np.float32)
    colour[place] = surface.texture.reshape(-1, 3)[order]
    cover[place] = surface.opacity.ravel()[order]
    return _blended(colour.reshape(height, width, 3), cover.reshape(height, width), canvas)


def _blended(drawn: Pixels, cover: NDArray[np.float32], canvas: Pixels) -> Pixels:
    """Close the holes between samples, then lay the surface over the canvas."""
    colour = drawn.astype(np.float32)
    whole = cv2.morphologyEx((cover > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5)))
    known = (cover > 0).astype(np.float32)
    weight = cv2.GaussianBlur(known, (0, 0), 1.2) + 1e-6
    filled = cv2.GaussianBlur(colour * known[..., None], (0, 0), 1.2) / weight[..., None]
    opacity = cv2.GaussianBlur(cover * known, (0, 0), 1.2) / weight
    holes = (whole > 0) & (known == 0)
    colour = np.where(holes[..., None], filled, colour)
    cover = np.where(holes, opacity, cover)[..., None]
    return np.asarray(np.clip(colour * cover + canvas * (1 - cover), 0, 255), np.uint8)


def backdrop(around: Pixels, focal_px: float, distance: float, size: tuple[int, int]) -> Pixels:
    """Return what is behind the head, (width, height) pixels, at rest."""
    scale = 4 * TEXEL * focal_px / distance  # texels of the backdrop are four times as large
    width, height = size
    view = np.array(
        [
            [scale, 0, width / 2 - 4 / (4 * TEXEL) * scale],
            [0, scale, 0.45 * height - 4 / (4 * TEXEL) * scale],
        ]
    )
    return np.asarray(cv2.warpAffine(around, view, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


@cache
def detector() -> Detector:
    """Return the detector, loaded once."""
    rows = weights.listed()
    return Detector(weights.locate({"yunet": rows["yunet"]})["yunet"])


def _shape() -> tuple[int, int]:
    return round((RIGHT - LEFT) / TEXEL), round((BOTTOM - TOP) / TEXEL)


@cache
def _grid() -> tuple[Floats, Floats]:
    width, height = _shape()
    x, y = np.meshgrid(LEFT + TEXEL * np.arange(width), TOP + TEXEL * np.arange(height))
    return x, y


def _warped(photo: Pixels, inverse: Floats, size: tuple[int, int]) -> Pixels:
    return np.asarray(
        cv2.warpAffine(
            photo,
            inverse,
            size,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        ),
        np.uint8,
    )


def _without_head(photo: Pixels, eyes: Floats, size_px: float) -> Pixels:
    """Fill the head's place with the colours around it, so that it is not seen twice."""
    keep = np.ones(photo.shape[:2], np.float32)
    centre = (round(eyes[0]), round(eyes[1] + 0.25 * size_px))
    axes = (round(1.5 * size_px), round(2.05 * size_px))
    cv2.ellipse(keep, centre, axes, 0, 0, 360, 0.0, -1)
    spread = 0.6 * size_px
    weight = cv2.GaussianBlur(keep, (0, 0), spread) + 1e-4
    filled = cv2.GaussianBlur(photo * keep[..., None], (0, 0), spread) / weight[..., None]
    soft = cv2.GaussianBlur(keep, (0, 0), 0.06 * size_px)[..., None]
    return np.asarray(np.clip(photo * soft + filled * (1 - soft), 0, 255), np.uint8)
