"""What a phone does to the light: lens, exposure, noise, movement, compression."""

from dataclasses import dataclass

import cv2
import numpy as np

from correction_service.face.images import Pixels
from tests.faces import jpeg

SIZE = (480, 640)


@dataclass(frozen=True)
class Camera:
    """One phone in one light. ``focal_px`` for pictures 480 wide; ``tint`` gains of B, G, R."""

    focal_px: float = 620.0
    gain: float = 1.0
    gamma: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 3.0
    blur_px: float = 0.5
    quality: int = 75
    shake_px: float = 2.0

    @classmethod
    def drawn(cls, dice: np.random.Generator, *, poor: bool = False) -> "Camera":
        """Draw a phone; a poor one is dim, noisy, soft and compresses hard."""
        return cls(
            focal_px=dice.uniform(430, 820),
            gain=dice.uniform(0.45, 0.7) if poor else dice.uniform(0.75, 1.2),
            gamma=dice.uniform(0.85, 1.2),
            tint=(dice.uniform(0.88, 1.1), 1.0, dice.uniform(0.9, 1.12)),
            noise=dice.uniform(6, 11) if poor else dice.uniform(1.5, 5),
            blur_px=dice.uniform(0.9, 1.6) if poor else dice.uniform(0.3, 0.9),
            quality=int(dice.integers(45, 60) if poor else dice.integers(60, 88)),
            shake_px=dice.uniform(1, 5),
        )

    def take(self, scene: Pixels, dice: np.random.Generator, moved_px: float = 0.0) -> bytes:
        """Return the JPEG of a BGR scene; ``moved_px`` is how far it moved while exposed."""
        shift = dice.normal(0, self.shake_px, 2)
        angle = np.radians(dice.normal(0, 0.2 * self.shake_px))
        view = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
        middle = np.array(SIZE) / 2
        view[:, 2] = middle + shift - view[:, :2] @ middle
        seen = cv2.warpAffine(scene, view, SIZE, borderMode=cv2.BORDER_REFLECT).astype(np.float32)
        image = np.asarray(cv2.GaussianBlur(seen, (0, 0), self.blur_px), np.float32)
        if moved_px >= 1:
            image = _smeared(image, moved_px, dice.uniform(0, np.pi))
        gains = 255 * self.gain * np.array(self.tint, np.float32) * np.float32(dice.normal(1, 0.01))
        light = cv2.pow(np.clip(image / 255, 0, 1), self.gamma) * gains
        grain = np.asarray(self.noise * dice.standard_normal(light.shape, np.float32))
        # Colour noise is coarser than luma noise after a phone's own processing.
        grain = 0.7 * grain + 0.6 * cv2.GaussianBlur(grain, (0, 0), 1.0)
        return jpeg(np.asarray(np.clip(light + grain, 0, 255), np.uint8), self.quality)


def _smeared(image: np.ndarray, length_px: float, direction: float) -> np.ndarray:
    size = 2 * int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = middle * np.array([np.cos(direction), np.sin(direction)])
    one, other = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, tuple(map(int, one)), tuple(map(int, other)), 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())
