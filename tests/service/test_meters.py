"""Meters: percentiles are near the truth, and a minute is the difference of two moments."""

from datetime import timedelta

import numpy as np
import pytest

from correction_service.tracking.meters import SECONDS, Meters, Spread
from devices.mqtt import Traffic
from tests.county import NOW


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_percentile_is_within_the_width_of_an_edge(share: float) -> None:
    values = np.random.default_rng(7).lognormal(-3, 1, 20_000)
    spread = Spread.over(SECONDS)
    spread.add_all(values)
    assert spread.quantile(share) == pytest.approx(np.quantile(values, share), rel=0.07)


def test_nothing_has_no_percentile_and_what_is_beyond_the_edges_has_the_last() -> None:
    spread = Spread.over(SECONDS)
    assert spread.quantile(0.5) is None
    spread.add(1e9)
    assert spread.quantile(0.5) == SECONDS[-1]


def test_a_transaction_is_counted_once_in_everything() -> None:
    meters = Meters(Traffic(waiting=7))
    received = [NOW + timedelta(milliseconds=number) for number in range(1000)]
    began, ended = NOW + timedelta(seconds=1), NOW + timedelta(seconds=1.25)
    meters.transaction(
        received,
        began,
        ended,
        committed=998,
        duplicates=3,
        late=2,
        rejected={"bad_lat": 2},
    )
    tally = meters.read()
    assert (tally.messages, tally.batches, tally.committed) == (1000, 1, 998)
    assert (tally.duplicates, tally.late, tally.rejected) == (3, 2, {"bad_lat": 2})
    assert tally.committed_at == ended
    assert tally.commit.quantile(1) == pytest.approx(0.25)
    lags = [(ended - at).total_seconds() for at in received]
    assert tally.lag.counts.sum() == 1000
    assert tally.lag.total == pytest.approx(sum(lags))
    assert (meters.take_queue_max(), meters.take_queue_max()) == (7, 0)


def test_what_was_read_does_not_change_and_differences_hold_what_came_since() -> None:
    meters = Meters()
    meters.transaction([NOW], NOW, NOW, committed=1, rejected={})
    before = meters.read()
    later = NOW + timedelta(seconds=2)
    meters.transaction([NOW, NOW], NOW, later, committed=0, rejected={"not_json": 2})
    came = meters.read().minus(before)
    assert (before.messages, came.messages, came.committed, came.committed_at) == (1, 2, 0, None)
    assert came.rejected == {"not_json": 2}
    assert came.lag.quantile(0.5) == pytest.approx(2, rel=0.13)
