"""`demo`: the whole service on this machine, with an invented county."""

from pathlib import Path

import click

from correction_service.demo import fleet as bracelets
from correction_service.demo import run
from correction_service.settings import Settings


@click.command()
@click.option("--port", default=8000, show_default=True, help="Of the pages, on 127.0.0.1.")
@click.option("--people", default=60, show_default=True, type=click.IntRange(10, 1000))
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, 1000),
    help="How many times faster people move; clocks are real.",
)
@click.option(
    "--data",
    default="data/demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of everything that the demo keeps.",
)
def demo(port: int, people: int, speed: float, data: Path) -> None:
    """Run everything on embedded parts until Ctrl-C."""
    run.run(data, port, people, speed)


@click.command(hidden=True)
@click.option("--speed", default=60.0, type=float)
@click.pass_obj
def fleet(settings: Settings, speed: float) -> None:
    """Publish the demo's simulated bracelets."""
    bracelets.run(settings, speed)
