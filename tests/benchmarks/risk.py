"""`risk.*`: the untrained weights on simulated people, beside a list that one family is enough for.

The seeds are apart from those that the simulated people were made up on; the weights were chosen
before any run and not changed since.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from correction_service.risk import backtest, weighing
from correction_service.risk.backtest import AT, Backtest
from devices.simulator.lives import Going
from models.risk_score import Weights
from tests.benchmarks.figure import Figure

PROVING_SEEDS = range(101, 106)
PEOPLE, DAYS = 4000, 180
ALONE = "one family is enough"
TOP = 100


def measure() -> Iterator[Figure]:
    """Run both over the same people; what a page needs stands in the details of the first."""
    weights = weighing.weights()
    ours = _runs(weights)
    alone = _runs(replace(weights, voices=1))
    right, theirs = _precision(ours, TOP), _precision(alone, TOP)
    details = {"ours": _told(ours), "alone": _told(alone), "weights": weights.version}
    yield Figure(f"risk.precision{TOP}", right, "share", ALONE, theirs, right / theirs, details)
    flags, more = (sum(it.a_day for it in runs) / len(runs) for runs in (ours, alone))
    yield Figure("risk.flags", flags, "per 100 people a day", ALONE, more, more / flags)
    lead, theirs = (_lead(runs, Going.SLOWLY) for runs in (ours, alone))
    yield Figure("risk.lead", lead, "days, median", ALONE, theirs, lead / theirs)


def _runs(weights: Weights) -> Sequence[Backtest]:
    return [backtest.run(weights, PEOPLE, DAYS, seed) for seed in PROVING_SEEDS]


def _precision(runs: Sequence[Backtest], most: int | None) -> float:
    """The mean over runs."""
    return sum(it.precision(most) or 0.0 for it in runs) / len(runs)


def _lead(runs: Sequence[Backtest], going: Going) -> float:
    """The median of days before, of those listed before."""
    days = sorted(it for run in runs for it in run.first[going] if it is not None and it > 0)
    return float(days[len(days) // 2]) if days else 0.0


def _told(runs: Sequence[Backtest]) -> dict[str, object]:
    return {
        "people": sum(it.people for it in runs),
        "days": runs[0].days,
        "flags": sum(len(it.flags) for it in runs),
        "a_day": sum(it.a_day for it in runs) / len(runs),
        "precision": {str(most): _precision(runs, most) for most in AT}
        | {"all": _precision(runs, None)},
        "lead": {going.value: _days(runs, going) for going in Going},
    }


def _days(runs: Sequence[Backtest], going: Going) -> dict[str, int]:
    """How many were first listed so many days before; "after" they went, or "never"."""
    first = [it for run in runs for it in run.first[going]]
    words = ("never" if it is None else str(it) if it > 0 else "after" for it in first)
    return dict(Counter(words))
