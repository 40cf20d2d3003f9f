"""What is held before the camera: a living head, paper, a screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from correction_service.face.images import Pixels
from tests.face.attacks import heads, lids
from tests.face.attacks.cameras import SIZE, Camera
from tests.face.attacks.heads import TEXEL, Anatomy, Likeness, Pose, Surface
from tests.face.attacks.plans import Moment

Scene = Callable[[Moment, Camera], Pixels]


@dataclass(frozen=True)
class Place:
    """Where somebody sits: how far from the phone, in eye distances, and before what."""

    around: Pixels
    distance: float = 7.5

    def behind(self, camera: Camera) -> Pixels:
        """Return the empty picture."""
        return heads.backdrop(self.around, camera.focal_px, self.distance, SIZE)

    def pose(self, moment: Moment) -> Pose:
        """Return the posture of a head at a moment."""
        return Pose(
            moment.yaw_deg,
            moment.pitch_deg,
            moment.roll_deg,
            moment.right,
            moment.down,
            self.distance / moment.closer,
        )


def living(person: Likeness, anatomy: Anatomy, place: Place) -> Scene:
    """Seat a person before the camera."""
    surface = heads.head(person.head, anatomy)

    def scene(moment: Moment, camera: Camera) -> Pixels:
        shown = surface
        if moment.shut:
            shown = replace(surface, texture=lids.shut(person.head, moment.shut))
        return heads.seen(shown, place.pose(moment), camera.focal_px, place.behind(camera))

    return scene


def paper(
    picture: Pixels, place: Place, *, bend: float = 0.0, swing: float = 1.0, zoom: float = 1.0
) -> Scene:
    """Hold a printed head and move it as a head would move, ``swing`` times as far."""
    surface = heads.sheet(_printed(picture), bend)

    def scene(moment: Moment, camera: Camera) -> Pixels:
        return heads.seen(
            surface, _swung(moment, place, swing, zoom), camera.focal_px, place.behind(camera)
        )

    return scene


def mask(picture: Likeness, wearer: Scene, place: Place, *, bend: float) -> Scene:
    """Hold paper with holes cut for the eyes before somebody's own."""
    sheet = heads.sheet(_printed(picture.head), bend)
    opacity = np.ones(sheet.opacity.shape)
    for eye in picture.landmarks[:2]:
        centre = (_texel(eye[0], heads.LEFT), _texel(eye[1], heads.TOP))
        axes = (round(0.24 / TEXEL), round(0.12 / TEXEL))
        cv2.ellipse(opacity, centre, axes, 0, 0, 360, 0.0, -1)
    worn = Surface(sheet.texture, sheet.points, opacity, heads.NECK)

    def scene(moment: Moment, camera: Camera) -> Pixels:
        return heads.seen(worn, place.pose(moment), camera.focal_px, wearer(moment, camera))

    return scene


def screen(film: Callable[[], Pixels], place: Place, dice: np.random.Generator) -> Scene:
    """Hold a screen that plays a film: black that glows, bands of refresh, moiré, a glare.

    Moiré is what is left when the sensor samples the screen's grid: slow coloured waves, other ones
    for each primary.
    """
    phase, near = dice.uniform(0, 6), dice.random() < 0.5  # near: no bezel is seen
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    waves = np.dstack([_waves(x, y, dice) for _ in "bgr"])
    glare = np.exp(-((x - dice.uniform(0, SIZE[0])) ** 2 + (y - dice.uniform(0, 300)) ** 2) / 9000)

    def scene(moment: Moment, camera: Camera) -> Pixels:
        band = 1 + 0.07 * np.sin(2 * np.pi * y / 300 + phase + 0.02 * moment.at_ms)
        light = (film() / 255.0) ** 0.85 * waves * band[..., None] * (0.96, 0.98, 0.9)
        glow = np.clip(255 * light + 14 + 50 * glare[..., None], 0, 255).astype(np.uint8)
        return glow if near else _framed(glow, place.behind(camera))

    return scene


def beside(one: Scene, other: Scene) -> Scene:
    """Put two people before one camera."""

    def scene(moment: Moment, camera: Camera) -> Pixels:
        half = (SIZE[0] // 2, SIZE[1] * 2 // 3)
        left, right = (cv2.resize(person(moment, camera), half) for person in (one, other))
        rows = (SIZE[1] - half[1]) // 2, SIZE[1] - half[1] - (SIZE[1] - half[1]) // 2
        pair = cv2.copyMakeBorder(np.hstack([left, right]), *rows, 0, 0, cv2.BORDER_REFLECT)
        return np.asarray(pair, np.uint8)

    return scene


def closing(open_: Scene, shut: Scene) -> Scene:
    """Show the one, and the other while the eyes are to be shut."""

    def scene(moment: Moment, camera: Camera) -> Pixels:
        return (shut if moment.shut else open_)(moment, camera)

    return scene


def turns(scenes: Sequence[Scene], until: Sequence[int]) -> Scene:
    """Let one scene follow another, each until its time in ms."""

    def scene(moment: Moment, camera: Camera) -> Pixels:
        chosen = next((i for i, end in enumerate(until) if moment.at_ms < end), len(until))
        return scenes[chosen](moment, camera)

    return scene


def _waves(x: np.ndarray, y: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Return a slow wave across the picture, 1 on average, with a ripple in its front."""
    along, period = dice.uniform(0, np.pi), dice.uniform(7, 30)
    across = np.cos(along) * x + np.sin(along) * y + 6 * np.sin((x + 2 * y) / 90)
    return np.asarray(1 + dice.uniform(0.03, 0.07) * np.sin(2 * np.pi * across / period))


def _swung(moment: Moment, place: Place, swing: float, zoom: float) -> Pose:
    pose = place.pose(moment)
    return Pose(
        pose.yaw_deg * swing,
        pose.pitch_deg * swing,
        pose.roll_deg,
        pose.right,
        pose.down,
        pose.distance / zoom,
    )


def _printed(picture: Pixels) -> Pixels:
    """Print: fewer tones, paper white, ink's grain."""
    grain = np.random.default_rng(5).normal(0, 7, picture.shape[:2])[..., None]
    return np.asarray(np.clip(26 + 0.8 * picture.astype(float) + grain, 0, 255), np.uint8)


def _framed(picture: Pixels, behind: Pixels) -> Pixels:
    inner = (round(0.86 * SIZE[0]), round(0.86 * SIZE[1]))
    small = np.asarray(cv2.resize(picture, inner), np.uint8)
    small = np.asarray(
        cv2.copyMakeBorder(small, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=(18, 18, 18)), np.uint8
    )
    scene = behind.copy()
    top, left = (SIZE[1] - small.shape[0]) // 2, (SIZE[0] - small.shape[1]) // 2
    scene[top : top + small.shape[0], left : left + small.shape[1]] = small
    return scene


def _texel(place: float, start: float) -> int:
    return round((place - start) / TEXEL)
