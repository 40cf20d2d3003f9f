"""A day's movement of everybody who wears a bracelet: two places, beside the own weeks before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM, noted
from correction_service.db import Database
from correction_service.storage import history
from models.device import Binding
from models.fix import SOURCES
from models.grid import STEPS, micros
from models.movement import BASELINE_DAYS, Floats, MovementDay, distance_m, oddities
from models.packing import NULL, Columns, nothing

JOB = "movements"
AT_ONCE = 200  # wearers whose day is in memory
EXACT_M = 200.0
NIGHT_HOURS = 5
HOUR_US = 3_600_000_000
PLACES = ("night_lat", "night_lon", "far_lat", "far_lon")
ODD = ("new_place_m", "other_night_m", "unusually_far_m")


class Wearing(NamedTuple):
    """Whose, which bracelet, and from when to when: microseconds since 1970."""

    case: int
    device: int
    since: int
    until: int


def run(database: Database, day: date) -> int:
    """Write the movement of a legal day that is over, anew if need be; how many people's."""
    with database.reading() as session:
        worn = _worn(session, day)
    cases = sorted({it.case for it in worn})
    written = 0
    for start in range(0, len(cases), AT_ONCE):
        some = set(cases[start : start + AT_ONCE])
        with database.transaction(SYSTEM, JOB) as session:
            written += _write(session, day, [it for it in worn if it.case in some])
    return written


def _worn(session: Session, day: date) -> list[Wearing]:
    """Whatever was worn at any time of the day, and from when to when within it."""
    begins, ends = hours.day_start(day), hours.day_end(day)
    until = or_(Binding.unbound_at.is_(None), Binding.unbound_at > begins)
    query = select(Binding).where(Binding.bound_at < ends, until)
    return [
        Wearing(
            it.case_id,
            it.device_id,
            micros(max(it.bound_at, begins)),
            micros(min(it.unbound_at or ends, ends)),
        )
        for it in session.scalars(query)
    ]


def _write(session: Session, day: date, worn: Sequence[Wearing]) -> int:
    begins, ends = hours.day_start(day), hours.day_end(day)
    fixes = history.fixes_of(session, sorted({it.device for it in worn}), begins, ends)
    days: dict[int, dict[str, Any]] = {}
    for it in worn:
        found = _day(_exact(fixes.get(it.device, nothing()), it), micros(begins))
        if found["fixes"] > days.get(it.case, {"fixes": 0})["fixes"]:
            days[it.case] = found
    if not days:
        return 0
    rows = list(_beside_before(session, day, days))
    mine = (MovementDay.day == day, MovementDay.case_id.in_(list(days)))
    session.execute(delete(MovementDay).where(*mine))
    session.execute(insert(MovementDay), rows)
    noted(session, "create", MovementDay.__tablename__, {day.isoformat(): {"rows": len(rows)}})
    return len(rows)


def _exact(columns: Columns, worn: Wearing) -> Columns:
    """Fixes of the wearer, without cells and without what claims to be inexact."""
    accuracy, time = columns["accuracy_m"], columns["time"]
    exact = (accuracy == NULL) | (accuracy <= EXACT_M * STEPS["accuracy_m"])
    exact &= (
        (columns["source"] != SOURCES.index("lbs")) & (time >= worn.since) & (time < worn.until)
    )
    return {name: column[exact] for name, column in columns.items()}


def _day(columns: Columns, begins_us: int) -> dict[str, Any]:
    """The middle of the night, and of the hour that is farthest from it; unknown is None."""
    places = np.column_stack([columns["lat"] / STEPS["lat"], columns["lon"] / STEPS["lon"]])
    hour = (columns["time"] - begins_us) // HOUR_US
    found: dict[str, Any] = dict.fromkeys(PLACES) | {"fixes": len(places)}
    if not len(places):
        return found
    middles = np.array([np.median(places[hour == it], axis=0) for it in np.unique(hour)])
    night = places[hour < NIGHT_HOURS]
    start = np.median(night if len(night) else places, axis=0)
    far = middles[np.argmax(distance_m(middles, start))]
    found["far_lat"], found["far_lon"] = far.tolist()
    if len(night):
        found["night_lat"], found["night_lon"] = start.tolist()
    return found


def _beside_before(
    session: Session, day: date, days: Mapping[int, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Each day with what was unusual in it, beside the four weeks before."""
    cases = sorted(days)
    first = day - timedelta(days=BASELINE_DAYS)
    grid = np.full((len(cases), BASELINE_DAYS + 1, len(PLACES)), np.nan)
    before = (MovementDay.day >= first, MovementDay.day < day, MovementDay.case_id.in_(cases))
    columns = [getattr(MovementDay, name) for name in PLACES]
    for row in session.execute(
        select(MovementDay.case_id, MovementDay.day, *columns).where(*before)
    ):
        grid[cases.index(row.case_id), (row.day - first).days] = _floats(row[2:])
    for place, case in enumerate(cases):
        grid[place, -1] = _floats([days[case][name] for name in PLACES])
    odd = oddities(grid[:, :, :2], grid[:, :, 2:])
    for place, case in enumerate(cases):
        metres = {name: _metres(column[place]) for name, column in zip(ODD, odd, strict=True)}
        yield {"case_id": case, "day": day, **days[case], **metres}


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _metres(value: float) -> int | None:
    return None if np.isnan(value) else round(float(value))
