"""`zones.*`: false alerts a wearer-day, delays and misses on simulated days, and folds a second.

Wearers are those of `crowd`, under seeds that no parameter was chosen with. The baselines judge the
same fixes: naive membership of every fix, and membership behind the filters that trackers have.
`WEARER_DAYS` simulates fewer.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import shapely

from correction_service.zones import zone_replays
from models.area import circle
from models.containment import Sights, observe
from models.evidence import error_m
from models.ground import Drawn
from models.zone import ZoneKind
from tests.benchmarks import detectors
from tests.benchmarks.crowd import (
    LAT,
    MEASURING_SEEDS,
    PEOPLE,
    SETTINGS,
    Crowd,
    lived,
    shape,
)
from tests.benchmarks.detectors import Turns
from tests.benchmarks.figure import Figure
from tests.benchmarks.scores import Score

WEARER_DAYS = int(os.environ.get("WEARER_DAYS", "22000"))  # at least 20,000 on the right side
UPDATED, UPDATED_BY_ONE = 300, 5  # minutes
EVERY_FIX, TRACCAR = "every fix, in or out", "fixes filtered as Traccar does"
DETECTORS: dict[str, Callable[..., Turns]] = {
    "ours": detectors.ours,
    EVERY_FIX: detectors.every_fix,
    TRACCAR: detectors.traccar_like,
}


def scores(name: str, wearer_days: int = WEARER_DAYS) -> dict[str, Score]:
    """Every detector's score of a setting on the same days, a seed to a process."""
    seeds = MEASURING_SEEDS[: -(-wearer_days // PEOPLE)]
    found = {who: Score() for who in DETECTORS}
    of_seed = partial(_of_seed, name, min(PEOPLE, wearer_days))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for part in pool.map(of_seed, seeds):
            for who, score in part.items():
                found[who].merge(score)
    return found


def _of_seed(name: str, people: int, seed: int) -> dict[str, Score]:
    setting, found = SETTINGS[name](), {}
    crowd = lived(setting, seed, people)
    for who, detect in DETECTORS.items():
        found[who] = Score()
        found[who].add(crowd, detect(setting, crowd))
    return found


def false_alerts(setting: str) -> Iterator[Figure]:
    """`zones.fa.*`: ours beside each baseline; the ratio is by the upper bound of ours."""
    name = f"zones.fa.{setting}"
    found = {who: score.as_json() for who, score in scores(setting).items()}
    sys.stderr.write(json.dumps({"score": name} | found) + "\n")
    mine = found["ours"]
    for baseline, suffix in ((EVERY_FIX, ""), (TRACCAR, ".traccar")):
        theirs = found[baseline]["false_a_day"]
        yield Figure(
            f"{name}{suffix}",
            mine["false_a_day"],
            "alerts/wearer-day",
            baseline,
            theirs,
            theirs / mine["at_most"],
            details=found,
        )


def updates() -> Iterator[Figure]:
    """`zones.updates`: batches of a fix each of 2,000 people with four zones, on one core."""
    name = "zones.updates"
    crowd = lived(SETTINGS["home200"](), MEASURING_SEEDS[0])
    minutes = [_minute(crowd, step) for step in range(UPDATED)]
    ours, theirs = _folded(minutes), _one_by_one(minutes[:UPDATED_BY_ONE])
    yield Figure(name, ours, "updates/s", "contains() of each, one by one", theirs, ours / theirs)


def _minute(crowd: Crowd, step: int) -> Sights:
    source = crowd.source[step]
    return Sights(
        np.arange(PEOPLE),
        crowd.at_s[step].astype(np.int64),
        crowd.lat[step],
        crowd.lon[step],
        error_m(crowd.accuracy_m[step], source),
        source,
    )


def _zones() -> list[Drawn]:
    """The home county, a curfew for the whole day, and two exclusion zones."""
    county, home = SETTINGS["county"]().zone, SETTINGS["home200"]().zone
    curfew = home._replace(kind=ZoneKind.CURFEW)
    away = [
        home._replace(kind=ZoneKind.EXCLUSION, radius_m=500.0, lat=LAT + off) for off in (0.01, 0.1)
    ]
    return [county, curfew, *away]


def _folded(minutes: list[Sights]) -> float:
    zones = _zones()
    zoning = zone_replays.zoning(zones * PEOPLE, shape, each=len(zones))
    observe(zoning, minutes[0])  # shapes are made ready
    began = time.perf_counter()
    for sights in minutes[1:]:
        observe(zoning, sights)
    return (len(minutes) - 1) * PEOPLE * len(zones) / (time.perf_counter() - began)


def _one_by_one(minutes: list[Sights]) -> float:
    """What a tutorial does: a prepared polygon a zone, and a dictionary of who is inside."""
    zones = [shapely.geometry.shape(shape(1))] + [
        shapely.geometry.shape(circle(it.lat or 0, it.lon or 0, it.radius_m or 0))
        for it in _zones()[1:]
    ]
    for zone in zones:
        shapely.prepare(zone)
    inside: dict[tuple[int, int], bool] = {}
    began = time.perf_counter()
    for sights in minutes:
        for who, lat, lon in zip(sights.wearer, sights.lat, sights.lon, strict=True):
            point = shapely.Point(lon, lat)
            for number, zone in enumerate(zones):
                inside[who, number] = zone.contains(point)
    return len(minutes) * PEOPLE * len(zones) / (time.perf_counter() - began)
