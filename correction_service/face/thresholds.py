"""The figures of ``thresholds.toml``, read once."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Threshold:
    """A match from ``match`` up, a different person below ``uncertain``, open in between."""

    match: float
    uncertain: float
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Burst:
    """How many frames of a burst decide, and how alike its faces must be (SFace cosine)."""

    best_frames: int
    same_face: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture must reach; see :class:`correction_service.face.quality.Quality`."""

    min_size_px: float
    min_inside: float
    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_turn: float
    min_pitch: float
    max_pitch: float
    max_tilt_deg: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Everything that is decided by a figure."""

    pair: Threshold
    template: Threshold
    burst: Burst
    capture: Limits
    compare: Limits


@cache
def thresholds() -> Thresholds:
    """Read ``thresholds.toml``; an unknown or missing figure is a TypeError."""
    text = resources.files(__package__).joinpath("thresholds.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return Thresholds(
        pair=Threshold(**table["pair"]),
        template=Threshold(**table["template"]),
        burst=Burst(**table["burst"]),
        capture=Limits(**table["quality"]["capture"]),
        compare=Limits(**table["quality"]["compare"]),
    )
