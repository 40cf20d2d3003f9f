"""What a check-in shows beside the face: each rule with what it finds and what it leaves alone."""

from datetime import datetime, timedelta

import pytest

from models import checkin_evidence as evidence
from models.checkin_evidence import Innocent, Limits, Sign, Spot
from tests.county import NOW

LIMITS = Limits(
    bracelet_within_minutes=10,
    bracelet_apart_m=500,
    least_error_m=200,
    unknown_error_m=1000,
    travel_kmh=350,
    travel_m=5000,
    repeats=3,
    repeat_decimals=5,
    minute_span=5,
    minute_checkins=8,
    minute_share=0.8,
    midnight_minutes=30,
    midnight_checkins=5,
    midnight_share=0.8,
    same_picture_bits=20,
    phone_people=2,
    tries=5,
    late_checkins=5,
    late_share=0.8,
    prompt_share=0.9,
)
LAT, LON = 27.712345, 106.923456
KM = 1000 / 111_195


def spot(minutes: float = 0, *, north_km: float = 0, accuracy_m: float | None = 20) -> Spot:
    return Spot(NOW + timedelta(minutes=minutes), LAT + north_km * KM, LON, accuracy_m, "gnss")


def days(hour: int, *minutes: int) -> list[datetime]:
    """One check-in a day at these minutes past an hour of China, which is eight ahead."""
    midnight = datetime.fromisoformat("2026-11-01T00:00:00+08:00")
    return [
        midnight + timedelta(days=day, hours=hour, minutes=minute)
        for day, minute in enumerate(minutes)
    ]


def test_a_bracelet_far_from_the_phone_is_told_with_age_and_error() -> None:
    found = evidence.bracelet(spot(), [spot(-8), spot(3, north_km=2)], LIMITS)
    assert found is not None
    assert found.sign is Sign.BRACELET_ELSEWHERE
    assert found.facts == {"apart_m": 2000, "error_m": 400, "age_s": 180, "source": "gnss"}
    assert Innocent.PHONE_LEFT in found.innocent


@pytest.mark.parametrize(("north_km", "accuracy_m"), [(0.85, 20), (1.9, 1300), (2.0, None)])
def test_what_both_errors_may_explain_is_near(north_km: float, accuracy_m: float | None) -> None:
    found = evidence.bracelet(
        spot(),
        [spot(1, north_km=north_km, accuracy_m=accuracy_m)],
        LIMITS._replace(unknown_error_m=1500),
    )
    assert found is not None
    assert (found.sign, found.innocent) == (Sign.BRACELET_NEAR, ())


def test_a_fix_of_another_time_tells_nothing_of_the_bracelet() -> None:
    assert evidence.bracelet(spot(), [spot(11, north_km=9)], LIMITS) is None


def test_a_way_that_no_train_makes_is_impossible_and_one_by_car_is_not() -> None:
    found = evidence.travel([spot(60, north_km=900), spot()], LIMITS)
    assert found is not None
    assert (found.sign, found.facts["apart_m"], found.facts["within_s"]) == (
        Sign.IMPOSSIBLE_TRAVEL,
        900_000,
        3600,
    )
    assert Innocent.PLANE in found.innocent
    assert evidence.travel([spot(), spot(60, north_km=100)], LIMITS) is None
    assert evidence.travel([spot(), spot(0.1, north_km=5)], LIMITS) is None  # towers explain it


def test_the_very_same_position_three_times_is_told() -> None:
    again = [spot(-60), spot(-120), spot(-180, north_km=0.1)]
    found = evidence.repeated(spot(), again, LIMITS)
    assert found is not None
    assert found.facts == {"times": 3, "of": 4}
    assert evidence.repeated(spot(), again[1:], LIMITS) is None


def test_positions_rounded_by_the_phone_may_well_agree() -> None:
    coarse = [Spot(NOW, 27.71, 106.92, None)] * 5
    assert evidence.repeated(coarse[0], coarse, LIMITS) is None


def test_the_same_few_minutes_on_most_days_are_told() -> None:
    found = evidence.same_minute(days(8, 1, 2, 0, 1, 2, 1, 0, 40), LIMITS)
    assert found is not None
    assert found.facts == {"times": 7, "of": 8, "from": "08:00", "until": "08:04"}


def test_minutes_around_midnight_are_one_run() -> None:
    found = evidence.same_minute(days(0, -2, 1, -1, 0, 1, -2, 0, 1), LIMITS)
    assert found is not None
    assert (found.facts["times"], found.facts["from"]) == (8, "23:58")


@pytest.mark.parametrize("minutes", [(1, 2, 0, 1, 2, 1, 0), (1, 9, 22, 35, 47, 3, 58, 13)])
def test_few_check_ins_and_ordinary_mornings_are_no_pattern(minutes: tuple[int, ...]) -> None:
    assert evidence.same_minute(days(8, *minutes), LIMITS) is None


def test_only_after_midnight_is_told_and_an_evening_habit_is_not() -> None:
    found = evidence.after_midnight(days(0, 1, 1, 3, 12, 400), LIMITS)
    assert found is not None
    assert (found.facts["times"], found.facts["of"]) == (4, 5)
    assert Innocent.NIGHT_SHIFT in found.innocent
    assert evidence.after_midnight(days(23, 1, 1, 3, 12, 40), LIMITS) is None
    assert evidence.after_midnight(days(0, 1, 1, 3, 1), LIMITS) is None


def test_a_picture_that_came_before_says_whose_it_was() -> None:
    both = evidence.seen_before(4, 20, NOW, LIMITS)
    assert [it.sign for it in both] == [Sign.SEEN_BEFORE, Sign.SEEN_OF_ANOTHER]
    assert both[0].facts == {"bits": 4, "at": NOW.isoformat()}
    assert evidence.seen_before(21, None, None, LIMITS) == []


def test_a_phone_that_several_call_their_own_is_told() -> None:
    assert evidence.one_phone(1, LIMITS) is None
    found = evidence.one_phone(3, LIMITS)
    assert found is not None
    assert (found.sign, found.facts, found.innocent) == (
        Sign.ONE_PHONE,
        {"people": 3},
        (Innocent.HOUSEHOLD,),
    )


def test_tries_are_a_sign_from_five_on() -> None:
    assert evidence.many_tries(4, LIMITS) is None
    found = evidence.many_tries(5, LIMITS)
    assert found is not None
    assert (found.sign, found.facts) == (Sign.MANY_TRIES, {"tries": 5})
    assert Innocent.BAD_LIGHT in found.innocent


@pytest.mark.parametrize(
    ("prompt", "times"),
    [
        ([0.0] * 4, None),  # too few
        ([0.0] * 4 + [1.0, 0.8], 5),
        ([0.5] * 5 + [0.9, 1.0], None),  # seven, of which five are no habit
    ],
)
def test_late_pictures_are_a_sign_as_a_habit_only(prompt: list[float], times: int | None) -> None:
    found = evidence.late_pictures(prompt, LIMITS)
    assert (found and found.facts["times"]) == times
    assert found is None or found.innocent == (Innocent.SLOW_LINK,)
