"""Figures drawn: lines over time with their gaps and a round scale, bars of parts of a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

WIDTH, HEIGHT = 600, 100
LENGTH = 100
ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Line:
    """A line and the area under it, in a box of WIDTH × HEIGHT, with what its top means."""

    path: str
    area: str
    top: float
    empty: bool


def line(values: Sequence[float | None]) -> Line:
    """Draw values at even distances; None is drawn as nothing."""
    known = [value for value in values if value is not None]
    top = rounded_up(max(known, default=0))
    path, area = [], []
    for run in _runs(values):
        points = [f"{_x(at, len(values)):.1f} {_y(value, top):.1f}" for at, value in run]
        first, last = (f"{_x(at, len(values)):.1f}" for at in (run[0][0], run[-1][0]))
        path.append(f"M{' L'.join(points)} h.1")
        area.append(f"M{first} {HEIGHT} L{' L'.join(points)} L{last} {HEIGHT}Z")
    return Line(" ".join(path), " ".join(area), top, empty=not known)


def stacked(parts: Sequence[int]) -> list[tuple[float, float]]:
    """Where each part of a whole begins on a bar of LENGTH, and how long it is there."""
    whole = sum(parts) or 1
    return [
        (LENGTH * sum(parts[:place]) / whole, LENGTH * part / whole)
        for place, part in enumerate(parts)
    ]


def rounded_up(value: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten; at least 1."""
    if value <= 1:
        return 1
    power = 10.0 ** floor(log10(value))
    return next(each * power for each in ROUND if each * power >= value)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is not None:
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _x(at: int, count: int) -> float:
    return WIDTH * at / max(count - 1, 1)


def _y(value: float, top: float) -> float:
    return HEIGHT * (1 - value / top)
