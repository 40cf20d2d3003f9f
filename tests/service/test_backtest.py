"""The weights are tried on simulated people: repeatably, and with what it was measured on said."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from correction_service.cli import cli
from correction_service.risk import backtest, weighing
from correction_service.risk.backtest import Backtest, Flag
from devices.simulator.lives import NEVER, Going, live

PROVING = 4  # a seed that nothing was chosen on


@pytest.fixture(scope="module")
def tried() -> Backtest:
    return backtest.run(weighing.weights(), 1200, 120, PROVING)


def test_the_list_stays_short_enough_to_be_read(tried: Backtest) -> None:
    assert 0 < tried.a_day <= 1.0  # flags per 100 people a day


def test_who_loosens_first_is_listed_a_day_before_or_more(tried: Backtest) -> None:
    lead = tried.lead(Going.SLOWLY)
    assert lead["went"] is not None
    assert lead["went"] >= 5
    assert lead["median_days"] is not None
    assert lead["median_days"] >= 1


def test_the_heaviest_flags_are_right_more_often_than_all(tried: Backtest) -> None:
    top, whole = tried.precision(10), tried.precision()
    assert top is not None
    assert whole is not None
    assert top > whole


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    runs = [backtest.run(weighing.weights(), 100, 70, seed) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0].flags != runs[2].flags


def test_precision_and_lead_count_what_they_say() -> None:
    flags = [Flag(1, 50, 9.0, red=True, gone_in=3), Flag(2, 50, 5.0, red=False, gone_in=None)]
    found = Backtest(100, 10, flags, {Going.SLOWLY: [3, None], Going.AT_ONCE: [-1]})
    assert (found.precision(1), found.precision()) == (1.0, 0.5)
    assert found.a_day == pytest.approx(0.2)
    assert found.lead()["listed_before"] == pytest.approx(1 / 3)
    assert found.lead(Going.AT_ONCE)["listed_before"] == 0.0


def test_ordinary_movement_is_as_odd_as_it_was_measured_of_ordinary_people() -> None:
    lives = live(np.random.default_rng(1), 400, 100, worn_share=1.0, gone_share=0.0)
    assert set(lives.gone.tolist()) == {NEVER}
    weights = weighing.weights()
    facts = backtest.facts_of(lives, weights)
    days = 400 * (100 - 28)
    for name, of_100_days in (("new_place", 4.5), ("other_night", 4.2), ("unusually_far", 3.6)):
        seen = (facts.item == weights.names.index(name)).sum()
        assert 100 * seen / days == pytest.approx(of_100_days, abs=1.2), name


def test_the_command_says_that_the_weights_are_untrained() -> None:
    asked = ["risk", "backtest", "--people", "60", "--days", "60"]
    assert "UNTRAINED" in CliRunner().invoke(cli, asked).output
    told = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).output)
    assert told["trained"] is False
    assert told["people"] == 60
