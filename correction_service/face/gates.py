"""The figures of ``gates.toml``, by which liveness is told, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from correction_service.face.liveness import CueName


@dataclass(frozen=True, slots=True)
class Scale:
    """How a cue weighs: FOR from ``good`` up, AGAINST from ``bad`` down; ``needed`` to be live."""

    good: float
    bad: float
    for_: float
    against: float
    needed: bool
    source: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Times between two pictures that can be true, and how far two clocks may drift apart.

    What arrives within ``prompt_ms`` was sent as it was taken.
    """

    shortest_gap_ms: int
    longest_gap_ms: int
    drift_ms: int
    prompt_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class Gestures:
    """How far each action must go to be seen; see :mod:`correction_service.face.gestures`.

    Of each step ``frames`` must be there, and a face in ``faces`` of them.
    """

    frames: int
    faces: int
    turn: float
    nod: float
    closer: float
    shut: float
    source: str


@dataclass(frozen=True, slots=True)
class Gates:
    """Everything about liveness that is decided by a figure."""

    live: float
    not_live: float
    frozen_bits: int
    same_bits: int
    timing: Timing
    gestures: Gestures
    scales: Mapping[CueName, Scale]


@cache
def gates() -> Gates:
    """Read ``gates.toml``; an unknown or missing figure is a TypeError or KeyError."""
    text = resources.files(__package__).joinpath("gates.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    scales = {}
    for name, row in table["cues"].items():
        scales[CueName(name)] = Scale(for_=row.pop("for"), **row)
    return Gates(
        live=table["live"],
        not_live=table["not_live"],
        frozen_bits=table["fingerprints"]["frozen_bits"],
        same_bits=table["fingerprints"]["same_bits"],
        timing=Timing(**table["timing"]),
        gestures=Gestures(**table["gestures"]),
        scales=scales,
    )
