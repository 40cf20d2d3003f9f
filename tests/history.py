"""Fixes as ingest stores them, for tests of what becomes of them: a wandering device's day."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.fix import Fix

Row = dict[str, Any]


def wandering(device_id: int, start: datetime, fixes: int, seed: int = 0) -> list[Row]:
    """A fix a minute on the grid, near Zunyi, with everything that a fix may lack."""
    dice = Random(f"{seed}:{device_id}")  # noqa: S311 - a walk, no secret
    lat, lon = 27.7, 106.9
    rows = []
    for number in range(fixes):
        at = start + timedelta(seconds=60 * number + dice.randrange(3))
        lat, lon = lat + dice.gauss(0, 1e-4), lon + dice.gauss(0, 1e-4)
        rows.append(
            {
                "device_id": device_id,
                "time": at,
                "seq": 1000 + number,
                "received": at + timedelta(milliseconds=dice.randrange(200, 3000)),
                "lat": round(lat, 7),
                "lon": round(lon, 7),
                "accuracy_m": dice.choice((None, round(dice.uniform(3, 90), 1))),
                "speed_mps": dice.choice((None, round(dice.uniform(0, 9), 2))),
                "heading_deg": dice.choice((None, round(dice.uniform(0, 360), 1))),
                "battery": dice.choice((None, round(dice.random(), 3))),
                "source": dice.choice(("gnss", "wifi", "lbs")),
                "crs": dice.choice(("wgs84", "gcj02", "bd09")),
                "strap_open": dice.choice((None, True, False)),
                "worn": dice.choice((None, True, False)),
            }
        )
    return rows


def store(database: Database, rows: Sequence[Row] | Iterable[Row]) -> None:
    """Put them into the hot table."""
    with database.transaction(SYSTEM, "test") as session:
        session.execute(insert(Fix), list(rows))
