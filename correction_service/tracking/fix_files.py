"""Recorded fixes read from CSV into columns: device, time, received, lat, lon, accuracy_m, source.

Moments are ISO 8601, UTC where they name no offset; `accuracy_m` may be empty. Columns may stand in
any order, others are left alone.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.evidence import SOURCES
from models.grid import STEPS
from models.ground import Floats, Ints

ROWS_AT_ONCE = 50_000
LAT_MAX, LON_MAX, ACCURACY_MAX_M = 90.0, 180.0, 1e7
_SOURCE = {word: float(place) for place, word in enumerate(SOURCES)}


class Unreadable(ValueError):
    """The file is not what it should be; the sentence names line and column, never a value."""


class Fixes(NamedTuple):
    """Equally long columns in the order of the file; `names[device]` is a bracelet's name."""

    names: Sequence[str]
    device: Ints
    time: Ints  # microseconds since 1970, as is `received`
    received: Ints
    lat: Floats
    lon: Floats
    accuracy_m: Floats  # NaN: not stated
    source: Ints  # place in SOURCES

    def taken(self, rows: Ints) -> "Fixes":
        """These rows of it, in this order."""
        names, *columns = self
        return Fixes(names, *(column[rows] for column in columns))  # type: ignore[arg-type] # each keeps its type


def read(path: Path) -> Fixes:
    """Read a file whole; raises `Unreadable`."""
    names: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            parts = list(_parts(csv.reader(file, strict=True), names))
    except UnicodeDecodeError:
        raise Unreadable("the file is not text in UTF-8") from None
    except csv.Error as error:
        raise Unreadable(f"the file is not CSV: {error}") from None
    if not parts:
        raise Unreadable("the file has headings and no rows")
    device, time_s, received_s, *numbers, source = (
        np.concatenate(it) for it in zip(*parts, strict=True)
    )
    lat, lon, accuracy_m = (
        np.rint(column * STEPS[name]) / STEPS[name]  # as the service keeps them
        for name, column in zip(("lat", "lon", "accuracy_m"), numbers, strict=True)
    )
    return Fixes(
        names=tuple(names),
        device=device.astype(np.int64),
        time=np.rint(time_s * 1e6).astype(np.int64),
        received=np.rint(received_s * 1e6).astype(np.int64),
        lat=lat,
        lon=lon,
        accuracy_m=accuracy_m,
        source=source.astype(np.int64),
    )


def _parts(rows: Iterator[list[str]], names: dict[str, int]) -> Iterator[list[Floats]]:
    """Columns of numbers, in the order of `Fixes`, of some thousand rows at once."""

    def numbered(text: str) -> float:
        if not text:
            raise ValueError
        return names.setdefault(text, len(names))

    readers = {"device": numbered} | READERS
    headings = [it.strip().lower() for it in next(rows, [])]
    if missing := [name for name in readers if name not in headings]:
        raise Unreadable(f"line 1: no column {', '.join(missing)}; wanted are {','.join(readers)}")
    places = [headings.index(name) for name in readers]
    first = 2
    while some := list(islice(rows, ROWS_AT_ONCE)):
        lines = [(line, row) for line, row in enumerate(some, first) if row]
        for line, row in lines:
            if len(row) != len(headings):
                raise Unreadable(f"line {line}: {len(row)} cells under {len(headings)} headings")
        first += len(some)
        if lines:
            cells = list(zip(*(row for _, row in lines), strict=True))
            numbers = [line for line, _ in lines]
            yield [
                _column(name, reader, cells[place], numbers)
                for (name, reader), place in zip(readers.items(), places, strict=True)
            ]


def _column(
    name: str, reader: Callable[[str], float], cells: Sequence[str], lines: Sequence[int]
) -> Floats:
    try:
        return np.fromiter(map(reader, cells), np.float64, len(cells))
    except ValueError:
        line = next(line for line, cell in zip(lines, cells, strict=True) if _faulty(reader, cell))
        raise Unreadable(f"line {line}, {name}: {WANTED[name]}") from None


def _faulty(reader: Callable[[str], float], cell: str) -> bool:
    try:
        reader(cell)
    except ValueError:
        return True
    return False


def _moment(text: str) -> float:
    found = datetime.fromisoformat(text)
    if len(text) < len("2026-11-21T08:00"):
        raise ValueError
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _within(most: float, least: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        found = float(text)
        if not least <= found <= most:
            raise ValueError
        return found

    return number


def _accuracy(text: str) -> float:
    return _ERROR_M(text) if text else np.nan


def _source(text: str) -> float:
    found = _SOURCE.get(text)
    if found is None:
        raise ValueError
    return found


_ERROR_M = _within(ACCURACY_MAX_M, 0)
READERS: dict[str, Callable[[str], float]] = {
    "time": _moment,
    "received": _moment,
    "lat": _within(LAT_MAX, -LAT_MAX),
    "lon": _within(LON_MAX, -LON_MAX),
    "accuracy_m": _accuracy,
    "source": _source,
}
WANTED = {
    "device": "a bracelet's name is wanted",
    "time": "a moment like 2026-11-21T08:00:00Z is wanted",
    "received": "a moment like 2026-11-21T08:00:05Z is wanted",
    "lat": "degrees of WGS-84 from -90 to 90 are wanted",
    "lon": "degrees of WGS-84 from -180 to 180 are wanted",
    "accuracy_m": "metres from 0 on are wanted, or nothing",
    "source": f"one of {', '.join(SOURCES)} is wanted",
}
