"""`risk`: how the weights do on simulated people."""

import json

import click

from correction_service.risk import backtest as backtesting
from correction_service.risk import weighing

LEAST_DAYS = backtesting.FIRST_DAY + backtesting.AHEAD_DAYS + 1


@click.group()
def risk() -> None:
    """Look at the weights of the evidence."""


@risk.command()
@click.option("--days", type=click.IntRange(LEAST_DAYS, 1000), default=150, show_default=True)
@click.option("--people", type=click.IntRange(1, 200_000), default=3000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backtest(days: int, people: int, seed: int, *, as_json: bool) -> None:
    """Try the weights on simulated people, some of whom go; the weights are untrained."""
    weights = weighing.weights()
    found = backtesting.run(weights, people, days, seed).as_json()
    trained = {"weights": weights.version, "trained": weights.trained, "seed": seed}
    if as_json:
        click.echo(json.dumps(trained | found))
        return
    click.echo(f"weights {weights.version}, UNTRAINED; simulated people, seed {seed}")
    click.echo(f"{found['flags_per_100_people_a_day']:.2f} flags per 100 people a day")
    for most in backtesting.AT:
        click.echo(f"precision at {most}: {_share(found[f'precision_at_{most}'])}")
    for how in ("slowly", "at_once"):
        it = found[how]
        lead = "none" if it["median_days"] is None else f"{it['median_days']:.0f} days"
        before = _share(it["listed_before"])
        click.echo(f"went {how}: {it['went']}, listed before {before}, median lead {lead}")


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.0%}"
