"""What else a check-in shows, beside the face and never part of its score: for officers to weigh.

Each finding says what was seen, how good that is, and which innocent explanations there are. None
is a breach, and none is found by a single coincidence.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from math import cos, hypot, radians
from typing import Any, NamedTuple

from models.case import LEGAL_ZONE

METRES = 111_195.0  # a degree of latitude
DAY_MINUTES = 24 * 60


class Sign(StrEnum):
    """What may be found."""

    BRACELET_ELSEWHERE = "bracelet_elsewhere"
    BRACELET_NEAR = "bracelet_near"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    POSITION_REPEATED = "position_repeated"
    SAME_MINUTE = "same_minute"
    AFTER_MIDNIGHT = "after_midnight"
    SEEN_BEFORE = "seen_before"
    SEEN_OF_ANOTHER = "seen_of_another"
    ONE_PHONE = "one_phone"
    MANY_TRIES = "many_tries"
    LATE_PICTURES = "late_pictures"


class Innocent(StrEnum):
    """Why it may mean nothing."""

    CELL_TOWERS = "cell_towers"
    PLANE = "plane"
    PHONE_LEFT = "phone_left"
    CACHED_POSITION = "cached_position"
    REMINDER = "reminder"
    NIGHT_SHIFT = "night_shift"
    SENT_TWICE = "sent_twice"
    SAME_PLACE = "same_place"
    HOUSEHOLD = "household"
    BAD_LIGHT = "bad_light_or_camera"
    PHONE_TROUBLE = "phone_trouble"
    SLOW_LINK = "slow_link"


class Limits(NamedTuple):
    """From where on something is worth an officer's look; each with its source where it is kept."""

    bracelet_within_minutes: float
    bracelet_apart_m: float
    least_error_m: float
    unknown_error_m: float
    travel_kmh: float
    travel_m: float
    repeats: int
    repeat_decimals: int
    minute_span: int
    minute_checkins: int
    minute_share: float
    midnight_minutes: int
    midnight_checkins: int
    midnight_share: float
    same_picture_bits: int
    phone_people: int
    tries: int
    late_checkins: int
    late_share: float
    prompt_share: float


class Spot(NamedTuple):
    """Where something was once: WGS-84 degrees, its claimed error, what it was found by."""

    at: datetime
    lat: float
    lon: float
    accuracy_m: float | None
    source: str | None = None


class Finding(NamedTuple):
    """One thing seen, with its figures; `facts` hold no coordinates."""

    sign: Sign
    facts: dict[str, Any]
    innocent: tuple[Innocent, ...]


def bracelet(phone: Spot, fixes: Sequence[Spot], limits: Limits) -> Finding | None:
    """How far the bracelet was from the phone, by the fix nearest in time; None without one."""
    within = timedelta(minutes=limits.bracelet_within_minutes)
    near = [fix for fix in fixes if abs(fix.at - phone.at) <= within]
    if not near:
        return None
    fix = min(near, key=lambda it: abs(it.at - phone.at))
    apart_m, error_m = _apart_m(phone, fix), _error_m(phone, limits) + _error_m(fix, limits)
    elsewhere = apart_m - error_m > limits.bracelet_apart_m
    facts = {
        "apart_m": round(apart_m),
        "error_m": round(error_m),
        "age_s": round(abs((fix.at - phone.at).total_seconds())),
        "source": fix.source,
    }
    if not elsewhere:
        return Finding(Sign.BRACELET_NEAR, facts, ())
    return Finding(Sign.BRACELET_ELSEWHERE, facts, (Innocent.PHONE_LEFT, Innocent.CELL_TOWERS))


def travel(places: Sequence[Spot], limits: Limits) -> Finding | None:
    """The fastest way between successive phone positions, when nobody travels so fast."""
    fastest: Finding | None = None
    for before, after in pairwise(sorted(places)):
        seconds = max((after.at - before.at).total_seconds(), 1.0)
        surely_m = _apart_m(before, after) - _error_m(before, limits) - _error_m(after, limits)
        speed_kmh = surely_m / seconds * 3.6
        if surely_m < limits.travel_m or speed_kmh <= limits.travel_kmh:
            continue
        if fastest is None or speed_kmh > fastest.facts["speed_kmh"]:
            facts = {
                "speed_kmh": round(speed_kmh),
                "apart_m": round(_apart_m(before, after)),
                "within_s": round(seconds),
            }
            fastest = Finding(Sign.IMPOSSIBLE_TRAVEL, facts, (Innocent.CELL_TOWERS, Innocent.PLANE))
    return fastest


def repeated(phone: Spot, earlier: Sequence[Spot], limits: Limits) -> Finding | None:
    """The very same position to the last decimal at several check-ins: receivers never agree so."""
    if not _fine(phone, limits):
        return None
    same = sum((it.lat, it.lon) == (phone.lat, phone.lon) for it in earlier)
    if same + 1 < limits.repeats:
        return None
    facts = {"times": same + 1, "of": len(earlier) + 1}
    return Finding(Sign.POSITION_REPEATED, facts, (Innocent.CACHED_POSITION,))


def same_minute(made: Sequence[datetime], limits: Limits) -> Finding | None:
    """Most check-ins within a few minutes of the day, whatever the day; `made` is of many days."""
    if len(made) < limits.minute_checkins:
        return None
    minutes = sorted(_minute(at) for at in made)
    wrapped = [*minutes, *(minute + DAY_MINUTES for minute in minutes)]
    best, first = max(
        (sum(start <= it < start + limits.minute_span for it in wrapped), -start)
        for start in minutes
    )
    if best < limits.minute_share * len(made):
        return None
    begins = -first
    facts = {
        "times": best,
        "of": len(made),
        "from": _clock(begins),
        "until": _clock(begins + limits.minute_span - 1),
    }
    return Finding(Sign.SAME_MINUTE, facts, (Innocent.REMINDER,))


def after_midnight(made: Sequence[datetime], limits: Limits) -> Finding | None:
    """Nearly every check-in just after midnight: the phone may then stay at home all day."""
    if len(made) < limits.midnight_checkins:
        return None
    times = sum(_minute(at) < limits.midnight_minutes for at in made)
    if times < limits.midnight_share * len(made):
        return None
    facts = {"times": times, "of": len(made), "minutes": limits.midnight_minutes}
    return Finding(Sign.AFTER_MIDNIGHT, facts, (Innocent.NIGHT_SHIFT, Innocent.REMINDER))


def seen_before(
    own_bits: int | None, others_bits: int | None, own_at: datetime | None, limits: Limits
) -> list[Finding]:
    """Pictures that came before: fewest bits between fingerprints, of this person and of others."""
    found = []
    if own_bits is not None and own_bits <= limits.same_picture_bits:
        facts = {"bits": own_bits, "at": own_at.isoformat() if own_at else None}
        innocent = (Innocent.SENT_TWICE, Innocent.SAME_PLACE)
        found.append(Finding(Sign.SEEN_BEFORE, facts, innocent))
    if others_bits is not None and others_bits <= limits.same_picture_bits:
        found.append(Finding(Sign.SEEN_OF_ANOTHER, {"bits": others_bits}, (Innocent.SAME_PLACE,)))
    return found


def one_phone(people: int, limits: Limits) -> Finding | None:
    """Several people checked in from one phone that each had bound as their own."""
    if people < limits.phone_people:
        return None
    return Finding(Sign.ONE_PHONE, {"people": people}, (Innocent.HOUSEHOLD,))


def many_tries(tries: int, limits: Limits) -> Finding | None:
    """So many tries with something new asked before the one that counted: one may have fitted."""
    if tries < limits.tries:
        return None
    innocent = (Innocent.BAD_LIGHT, Innocent.PHONE_TROUBLE)
    return Finding(Sign.MANY_TRIES, {"tries": tries}, innocent)


def late_pictures(prompt: Sequence[float], limits: Limits) -> Finding | None:
    """Pictures that came later than taken, as a habit: `prompt` are the shares that did not."""
    late = sum(share < limits.prompt_share for share in prompt)
    if late < limits.late_checkins or late < limits.late_share * len(prompt):
        return None
    return Finding(Sign.LATE_PICTURES, {"times": late, "of": len(prompt)}, (Innocent.SLOW_LINK,))


def _apart_m(one: Spot, other: Spot) -> float:
    """Metres between two places, on a plane: exact enough for a country of some error."""
    narrower = cos(radians((one.lat + other.lat) / 2))
    return hypot((one.lat - other.lat) * METRES, (one.lon - other.lon) * METRES * narrower)


def _error_m(spot: Spot, limits: Limits) -> float:
    """What a position may be off by: claims can be false, so never less than the least."""
    claimed = limits.unknown_error_m if spot.accuracy_m is None else spot.accuracy_m
    return max(claimed, limits.least_error_m)


def _fine(spot: Spot, limits: Limits) -> bool:
    """Whether a position is told so finely that it cannot agree by rounding."""
    rounded = (
        round(spot.lat, limits.repeat_decimals - 1),
        round(spot.lon, limits.repeat_decimals - 1),
    )
    return rounded != (spot.lat, spot.lon)


def _minute(at: datetime) -> int:
    local = at.astimezone(LEGAL_ZONE)
    return local.hour * 60 + local.minute


def _clock(minute: int) -> str:
    hours, minutes = divmod(minute % DAY_MINUTES, 60)
    return f"{time(hours, minutes):%H:%M}"
