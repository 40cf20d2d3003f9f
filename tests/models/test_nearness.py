"""Near adds up with the time that it lasts, apart takes away, and what may be either is nothing."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from models.nearness import Nearness, Sight, advance, apart_m, faded

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LAT, LON = 27.7, 106.9
METRE = 1 / 111_195.0  # degrees of latitude


def sight(minute: float, north_m: float = 0.0, error_m: float = 10.0) -> Sight:
    return Sight(START + minute * MINUTE, LAT + north_m * METRE, LON, error_m)


def after(*apart: float, every: float = 1.0, error_m: float = 10.0) -> Nearness | None:
    """What is known when two were this far apart, minute by minute."""
    known: Nearness | None = None
    for number, metres in enumerate(apart):
        at = number * every
        known = advance(known, sight(at, 0, error_m), sight(at, metres, error_m))
    return known


def together(known: Nearness | None) -> bool:
    return known is not None and known.together


def test_ten_minutes_near_each_other_are_together_and_nine_are_not() -> None:
    assert not together(after(*[20.0] * 10))
    known = after(*[20.0] * 11)
    assert known is not None
    assert (known.together, known.since) == (True, START)
    assert known.apart_m == pytest.approx(20, abs=0.1)


def test_passing_each_other_is_nothing() -> None:
    assert after(600, 300, 20, 20, 300, 600) is None


def test_a_bracelet_that_reports_each_five_minutes_is_together_as_soon() -> None:
    assert together(after(20, 20, 20, every=5))
    assert not together(after(20, 20, every=5))


def test_a_long_gap_counts_for_five_minutes_only() -> None:
    known = advance(None, sight(0), sight(0))
    known = advance(known, sight(25), sight(25))
    assert known is not None
    assert known.evidence == 5 * MINUTE


def test_one_wild_position_does_not_part_them() -> None:
    assert together(after(*[20.0] * 15, 800, *[20.0] * 3))


def test_who_has_gone_is_apart_ten_minutes_later_at_most() -> None:
    known = after(*[20.0] * 60)
    parted = [after(*[20.0] * 60, *[900.0] * many) for many in range(1, 11)]
    assert known is not None
    assert parted[8] is not None
    assert parted[9] is None


def test_what_may_be_either_says_nothing() -> None:
    doubtful = 50 + 1.5 * 14.2  # farther than one error, nearer than two
    assert after(*[doubtful] * 30) is None
    before = after(*[20.0] * 12)
    assert after(*[20.0] * 12, *[doubtful] * 5) == before


def test_coarse_positions_are_not_compared() -> None:
    assert after(*[20.0] * 30, error_m=110) is None


def test_sights_at_different_times_do_not_part_who_may_have_moved_in_between() -> None:
    known = after(*[20.0] * 12)
    assert known == advance(known, sight(11.5, 0), sight(13, 900))
    parted = advance(known, sight(12.9, 0), sight(13, 900))
    assert parted is not None
    assert known is not None
    assert parted.evidence < known.evidence


def test_the_same_sight_twice_is_one() -> None:
    first = advance(None, sight(0), sight(0))
    again = reduce(lambda known, _: advance(known, sight(0), sight(0)), range(30), first)
    assert again == first


def test_after_half_an_hour_without_evidence_nobody_can_tell() -> None:
    known = after(*[20.0] * 12)
    assert known is not None
    assert not faded(known, known.at + 30 * MINUTE)
    assert faded(known, known.at + 31 * MINUTE)


def test_metres_are_right_to_a_half_per_cent() -> None:
    east = Sight(START, LAT, LON + 0.01, 0)
    assert apart_m(sight(0), east) == pytest.approx(984.5, rel=0.005)
