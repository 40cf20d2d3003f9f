"""Evidence adds up by families, fades, and needs two of them before it says anything."""

from dataclasses import replace

import numpy as np
import pytest

from models.risk_score import (
    BANDS,
    DAY_S,
    FAMILIES,
    Band,
    Facts,
    Family,
    Item,
    Scores,
    Weights,
    joined,
    score,
)

NOW_S = 20_000 * DAY_S
SOURCE = {"en": "test", "zh": "测试"}


def item(name: str, family: Family, points: float = 4.0) -> Item:
    return Item(name, family, points, 10.0, "register", (), SOURCE, "R")


ITEMS = {family.value: item(family.value, family) for family in Family}
WEIGHTS = Weights(
    version="test",
    trained=False,
    items=ITEMS,
    caps=dict.fromkeys(Family, 6.0),
    speaks_at=1.0,
    voices=2,
    amber=4.0,
    red=8.0,
    window_days=60,
    source=SOURCE,
    mark="R",
)


def fact(family: Family, days_ago: float, case: int = 1, ref: int = 1) -> Facts:
    return Facts(
        np.array([case]),
        np.array([list(ITEMS).index(family.value)]),
        np.array([NOW_S - days_ago * DAY_S]),
        np.array([ref]),
    )


def scored(*facts: Facts, weights: Weights = WEIGHTS) -> Scores:
    return score(joined(facts), weights, NOW_S)


def band(scores: Scores) -> Band:
    return BANDS[int(scores.band[0])]


def test_points_halve_with_every_half_life() -> None:
    for days, points in ((0, 4.0), (10, 2.0), (20, 1.0)):
        assert scored(fact(Family.DEVICE, days)).total == pytest.approx([points])


def test_one_family_alone_is_never_amber_however_much_it_says() -> None:
    loud = replace(WEIGHTS, caps=dict.fromkeys(Family, 100.0))
    storm = [fact(Family.DEVICE, day) for day in range(30)]
    scores = scored(*storm, weights=loud)
    assert scores.total[0] > loud.red
    assert band(scores) is Band.NONE


def test_two_families_that_speak_make_a_band() -> None:
    assert band(scored(fact(Family.DEVICE, 10), fact(Family.CHECK_INS, 10))) is Band.AMBER
    assert band(scored(fact(Family.DEVICE, 0), fact(Family.CHECK_INS, 0))) is Band.RED


def test_a_family_that_whispers_is_no_second_voice() -> None:
    assert band(scored(fact(Family.DEVICE, 0), fact(Family.CHECK_INS, 21))) is Band.NONE


def test_history_adds_points_and_is_no_second_voice() -> None:
    both = scored(fact(Family.DEVICE, 0), fact(Family.HISTORY, 0))
    assert both.total == pytest.approx([8.0])
    assert band(both) is Band.NONE


def test_a_storm_of_one_kind_counts_once_a_day() -> None:
    storm = [fact(Family.DEVICE, 0.1 + hour / 100, ref=hour) for hour in range(9)]
    assert scored(*storm).total == pytest.approx(scored(storm[0]).total)


def test_a_family_counts_up_to_its_cap() -> None:
    days = [fact(Family.DEVICE, day) for day in range(5)]
    assert scored(*days).families[0, FAMILIES.index(Family.DEVICE)] == 6.0


def test_what_is_yet_to_happen_weighs_nothing() -> None:
    assert scored(fact(Family.DEVICE, -1)).total == pytest.approx([0.0])


def test_people_are_scored_apart_from_each_other() -> None:
    scores = scored(fact(Family.DEVICE, 0, case=7), fact(Family.CHECK_INS, 0, case=3))
    assert scores.case.tolist() == [3, 7]
    assert scores.band.tolist() == [0, 0]


def test_nobody_without_facts_is_scored() -> None:
    assert len(scored().case) == 0
