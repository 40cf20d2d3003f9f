"""Writing measured error rates of the face check into the service's record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from correction_service.commands.database import SHELL
from correction_service.db import open_database
from correction_service.presence import measurements
from correction_service.presence.measurements import Figure
from correction_service.settings import Settings

RECORD = click.option("--record", is_flag=True, help="Write the rates into the service's record.")
WriteDown = Callable[[list[Figure], str, str], None]


@contextmanager
def opened(settings: Settings, *, record: bool) -> Iterator[WriteDown]:
    """Open the record before anything is measured: an hour's work is not lost for a wrong key.

    What is yielded takes figures, the name of the set and the models' version; it writes nothing
    unless ``record`` is asked for.
    """
    database = open_database(settings) if record else None

    def write_down(figures: list[Figure], source: str, model_version: str) -> None:
        if database is None:
            return
        with database.transaction(SHELL, "face") as session:
            made = measurements.record(
                session,
                figures,
                source=source,
                model_version=model_version,
                recorded_by=SHELL.id,
                now=datetime.now(UTC),
            )
            click.echo(f"{len(made)} figures written down", err=True)

    try:
        yield write_down
    finally:
        if database is not None:
            database.close()
