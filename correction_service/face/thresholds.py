"""The figures that decide: ``thresholds.toml`` of pictures, and a calibration of likeness.

A calibration is what ``correction-service face calibrate --write`` makes. The one that comes along,
``calibration.toml``, is of development faces; a centre puts its own in its place by a setting. It
holds for the embedding it was made with and for no other.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from math import ceil, isfinite
from pathlib import Path
from typing import Any

MATCH_FMR = 5e-4  # of strangers, at most
LOWEST_MATCH = 0.42  # without photos of the centre's own people
FEWEST_PEOPLE = 20
EXPECTED = 3  # expected errors below which none seen proves nothing (the rule of 3)


class ThresholdsError(RuntimeError):
    """There is no calibration for the models in force; the message says what to run."""


class Basis(StrEnum):
    """How a threshold came about."""

    COUNTED = "counted"  # strangers who reach it were counted
    EXTRAPOLATED = "extrapolated"  # from the tail of fewer strangers
    FLOOR = "floor"  # the lowest that holds without photos of the centre's own people


@dataclass(frozen=True, slots=True)
class Threshold:
    """A match from ``match`` up, a different person below ``uncertain``, open in between.

    ``fmr`` and ``fnmr`` were measured at ``match``, with 95 % intervals over people.
    """

    match: float
    uncertain: float
    basis: Basis
    fmr_target: float
    fmr: float
    fmr_interval: tuple[float, float]
    fnmr: float
    fnmr_interval: tuple[float, float]
    people: int
    genuine: int
    impostors: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds of two photos and of a template against a picture, and what they are from."""

    model_version: str
    source: str
    measured: date
    photos: int
    enrolled: int
    pair: Threshold
    template: Threshold


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
    min_mouth: float = 0.0  # none: whether a mouth can be seen is not asked


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
    """Return the figures that come along; an unknown or missing one is a TypeError."""
    table = tomllib.loads(_packaged("thresholds.toml"))
    return Thresholds(
        pair=packaged().pair,
        template=packaged().template,
        burst=Burst(**table["burst"]),
        capture=Limits(**table["quality"]["capture"]),
        compare=Limits(**table["quality"]["compare"]),
    )


@cache
def packaged() -> Calibration:
    """Return the calibration that comes along."""
    return read(_packaged("calibration.toml"), "calibration.toml")


def in_force(file: Path | None, model_version: str) -> Thresholds:
    """Return the figures for these models; raises ThresholdsError as ``calibration`` does."""
    found = calibration(file, model_version)
    return replace(thresholds(), pair=found.pair, template=found.template)


def calibration(file: Path | None, model_version: str) -> Calibration:
    """Return a centre's own calibration, or the one that comes along where there is none.

    Raises ThresholdsError when the file cannot be used or was made with other models.
    """
    found = packaged() if file is None else _own(file)
    if found.model_version != model_version:
        raise ThresholdsError(
            f"{file or 'the calibration that comes along'} is for {found.model_version}, "
            f"the models are {model_version}: run `correction-service face calibrate` with them "
            "and name its file in CORRECTION_FACE_CALIBRATION"
        )
    return found


def read(text: str, name: str) -> Calibration:
    """Read a calibration; raise ThresholdsError that says which figure is wrong."""
    try:
        table = tomllib.loads(text)
        made = {
            **table,
            "pair": _threshold(table["pair"]),
            "template": _threshold(table["template"]),
        }
        return Calibration(**made)
    except KeyError as error:
        raise ThresholdsError(f"{name}: {error.args[0]} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ThresholdsError(f"{name} is not a calibration: {error}") from error


def fewest_impostors(fmr: float) -> int:
    """Return how many comparisons of strangers say anything about this rate."""
    return ceil(EXPECTED / fmr)


def _own(file: Path) -> Calibration:
    try:
        found = read(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ThresholdsError(f"{file} cannot be read: {error}") from error
    check(found, str(file))
    return found


def check(made: Calibration, name: str) -> None:
    """Raise ThresholdsError that names the figure which keeps a calibration out of force."""
    for table, threshold in (("pair", made.pair), ("template", made.template)):
        wrong = _lax(threshold)
        if wrong:
            raise ThresholdsError(f"{name}: {table}.{wrong}")


def _lax(found: Threshold) -> str | None:
    """Say what would let too many strangers pass, or claims more than its photos can show."""
    if not 0 < found.fmr_target <= MATCH_FMR:
        return (
            f"fmr_target is {found.fmr_target:g} and may be {MATCH_FMR:g} at most: run "
            f"`correction-service face calibrate DIR --fmr {MATCH_FMR:g} --write FILE` again"
        )
    needed = fewest_impostors(found.fmr_target)
    if found.match < LOWEST_MATCH and (found.people < FEWEST_PEOPLE or found.impostors < needed):
        return (
            f"match is {found.match:g}, below {LOWEST_MATCH:g}, of {found.people} people and "
            f"{found.impostors} impostor comparisons; that takes {FEWEST_PEOPLE} and {needed}: "
            "calibrate with photos of more people, or raise match"
        )
    return None


def _threshold(row: Mapping[str, Any]) -> Threshold:
    known = {
        **row,
        "basis": Basis(row["basis"]),
        "fmr_interval": tuple(row["fmr_interval"]),
        "fnmr_interval": tuple(row["fnmr_interval"]),
    }
    found = Threshold(**known)
    if not (isfinite(found.match) and found.uncertain <= found.match):
        raise ValueError("uncertain is at most match, and both are finite")
    return found


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
