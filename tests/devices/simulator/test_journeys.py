"""Simulated days do what they are labelled with, and nothing else."""

import numpy as np
import pytest
import shapely

from devices.simulator import journeys
from devices.simulator.journeys import Days
from devices.simulator.multitude import Floats

COUNT, STEPS = 300, 1440
SQUARE = shapely.box(-15_000, -15_000, 15_000, 15_000)


def minutes(days: Days) -> tuple[Floats, Floats]:
    moments_s = np.tile(np.arange(STEPS)[:, None] * 60.0, (1, len(days.home)))
    return days.at(moments_s)


def test_people_at_home_leave_by_half_and_come_back() -> None:
    away_m = np.hypot(*minutes(journeys.at_home(np.random.default_rng(1), COUNT)))
    left = away_m.max(axis=0) > 0
    assert left.mean() == pytest.approx(0.5, abs=0.1)
    assert away_m.max(axis=0)[left].min() > 550
    assert away_m[0].max() == away_m[-1].max() == 0
    away_minutes = (away_m > 200).sum(axis=0)[left]
    assert away_minutes.min() >= 28
    assert away_minutes.max() < 220


def test_passers_keep_away_but_for_those_who_enter() -> None:
    radius_m = 500
    days = journeys.passing_by(np.random.default_rng(1), COUNT, radius_m)
    away_m = np.hypot(*minutes(days)).min(axis=0)
    entering = days.trips[1].who
    assert entering.mean() == pytest.approx(0.25, abs=0.08)
    assert away_m[entering].max() < radius_m
    assert away_m[~entering].min() >= radius_m + 300
    assert np.median(away_m[~entering]) < radius_m + 2500


def test_commuters_stay_in_their_county_but_for_those_who_cross_its_border() -> None:
    days = journeys.in_county(np.random.default_rng(1), COUNT, SQUARE)
    north, east = minutes(days)
    outside = ~shapely.contains_xy(SQUARE, north, east)
    crossing = days.trips[1].who
    assert outside.any(axis=0).tolist() == crossing.tolist()
    assert outside.sum(axis=0)[crossing].min() >= 28
    assert (np.hypot(north - north[0], east - east[0]).max(axis=0) > 300).mean() > 0.9
    assert not outside[-1].any()


def test_half_of_a_county_lives_near_its_border() -> None:
    home = journeys.in_county(np.random.default_rng(1), COUNT, SQUARE).home
    border_m = shapely.distance(shapely.boundary(SQUARE), shapely.points(home))
    assert border_m.min() >= 100
    assert 0.5 <= np.mean(border_m <= 2000) < 0.75


def test_nobody_moves_faster_than_a_car() -> None:
    north, east = minutes(journeys.passing_by(np.random.default_rng(2), COUNT, 500))
    speed_mps = np.hypot(np.diff(north, axis=0), np.diff(east, axis=0)) / 60
    assert speed_mps.max() <= 15.001
