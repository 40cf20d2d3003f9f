"""Who decides that somebody left or entered: the service's fold, and what others do."""

from typing import NamedTuple

import numpy as np

from correction_service.zones import zone_replays
from devices.simulator.multitude import Bools, Floats
from models.containment import Sights, observe
from models.evidence import error_m
from models.ground import Ints, broken_by
from models.zone import ZoneState
from tests.benchmarks.crowd import Crowd, Setting, shape

CHUNK = 60  # steps folded in one call: as many rounds, and less memory than a day
COARSE_M = 100.0
SPEED_MAX_MPS = 100 * 0.514444  # a hundred knots


class Turns(NamedTuple):
    """Each time a detector changed its mind, in order of wearer and step."""

    who: Ints
    step: Ints
    wrong: Bools
    heard_s: Floats


def ours(setting: Setting, crowd: Crowd) -> Turns:
    """The zone engine as the live service runs it; UNKNOWN changes nobody's mind."""
    people = crowd.live.shape[1]
    zoning = zone_replays.zoning([setting.zone] * people, shape)
    breaks = broken_by(int(zoning.places["kind"][0]))
    found: list[tuple[int, int, bool]] = []
    for begin in range(0, len(crowd.live), CHUNK):
        who, step = np.nonzero(crowd.live[begin : begin + CHUNK].T)
        step += begin
        found += [
            (int(who[it.fix]), int(step[it.fix]), it.state is breaks)
            for it in observe(zoning, _sights(crowd, who, step))
            if it.state is not ZoneState.UNKNOWN
            and not it.approach
            and (it.crossed or it.state is not breaks)
        ]
    found.sort(key=lambda it: it[:2])
    columns = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return _turns(crowd, columns[0], columns[1], columns[2] == 1)


def _sights(crowd: Crowd, who: Ints, step: Ints) -> Sights:
    source = crowd.source[step, who]
    return Sights(
        who,
        crowd.at_s[step, who].astype(np.int64),
        crowd.lat[step, who],
        crowd.lon[step, who],
        error_m(crowd.accuracy_m[step, who], source),
        source,
    )


def every_fix(setting: Setting, crowd: Crowd) -> Turns:
    """Naive membership: each fix is where it says."""
    return _by_fix(setting, crowd, crowd.live)


def traccar_like(setting: Setting, crowd: Crowd) -> Turns:
    """Membership of each fix that is not coarser than 100 m, nor faster than 100 knots."""
    usable = crowd.live & (crowd.accuracy_m <= COARSE_M)
    north, east, at_s = (np.full(usable.shape[1], np.nan) for _ in range(3))
    for step in range(len(usable)):
        way_m = np.hypot(crowd.north_m[step] - north, crowd.east_m[step] - east)
        usable[step] &= ~(way_m > SPEED_MAX_MPS * (crowd.at_s[step] - at_s))  # NaN: its first
        now = usable[step]
        north[now], east[now] = crowd.north_m[step][now], crowd.east_m[step][now]
        at_s[now] = crowd.at_s[step][now]
    return _by_fix(setting, crowd, usable)


def _by_fix(setting: Setting, crowd: Crowd, usable: Bools) -> Turns:
    who, step = np.nonzero(usable.T)
    wrong = setting.wrong(crowd.north_m[step, who], crowd.east_m[step, who])
    before = np.zeros(len(wrong), dtype=bool)
    before[1:] = wrong[:-1] & (who[1:] == who[:-1])
    turned = wrong != before
    return _turns(crowd, who[turned], step[turned], wrong[turned])


def _turns(crowd: Crowd, who: Ints, step: Ints, wrong: Bools) -> Turns:
    return Turns(who, step, wrong, crowd.heard_s[step, who])
