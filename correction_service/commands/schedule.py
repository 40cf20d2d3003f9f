"""`schedule`, `sweep`, `points`, `audit`: what happens by the clock, and the proof of the log."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy.exc import DBAPIError

from correction_service import audit_log, hours
from correction_service import schedule as process
from correction_service.assessment import months
from correction_service.audit_log import AuditReport
from correction_service.casework import sweep as sweeping
from correction_service.db import Database, open_database
from correction_service.settings import Settings

MOST_FAULTS = 20


class DatabaseAway(click.ClickException):
    """The database did not answer; its own words may hold values and stay out."""

    exit_code = 2


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    try:
        yield database
    except DBAPIError as error:
        kind = type(error).__name__
        msg = f"the database cannot be used ({kind}): is it there, and was `db upgrade` run?"
        raise DatabaseAway(msg) from None
    finally:
        database.close()


@click.command()
@click.pass_obj
def schedule(settings: Settings) -> None:
    """Seal, deliver, sweep and retain by the clock; a second copy stands by."""
    with _opened(settings) as database:
        process.main(database, settings)


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="A day that has begun; today.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def sweep(settings: Settings, day: datetime | None, *, as_json: bool) -> None:
    """Look for who may be slipping away; 1 when a record could not be swept."""
    now = datetime.now(UTC)
    with _opened(settings) as database:
        swept = day.date() if day else hours.local_day(now)
        result = sweeping.run(database, swept, now, settings)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    else:
        flags = ", ".join(f"{number} {kind}" for kind, number in sorted(result.flags.items()))
        click.echo(f"{result.day}: {flags}; {result.drafts} drafts; {result.passed} passed")
    for error in result.errors:
        click.echo("{part}, {subject}: {error}".format(**error), err=True)
    sys.exit(1 if result.errors else 0)


@click.group()
def audit() -> None:
    """Prove the audit log."""


@audit.command()
@click.pass_obj
def verify(settings: Settings) -> None:
    """Read the whole log again; 1 when something was changed, removed or moved."""
    with _opened(settings) as database, database.reading() as session:
        report = audit_log.verify(session)
    click.echo("\n".join(_words(report)))
    sys.exit(0 if report.ok else 1)


def _words(report: AuditReport) -> Iterator[str]:
    yield f"{report.size} records sealed, root {report.root.hex()}"
    for fault in report.faults[:MOST_FAULTS]:
        yield f"position {fault.position}: {fault.what}"
    if len(report.faults) > MOST_FAULTS:
        yield f"and {len(report.faults) - MOST_FAULTS} more"
    if report.unsealed:
        yield f"{report.unsealed} records not sealed yet, from id {report.first_unsealed}"
    yield "nothing was changed, removed or moved" if report.ok else "THE LOG WAS TAMPERED WITH"


@click.group()
def points() -> None:
    """See to the months of points."""


@points.command()
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="One that is over; the last one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def close(settings: Settings, month: datetime | None, *, as_json: bool) -> None:
    """Close a month of everybody's points; 1 when a case could not be closed."""
    now = datetime.now(UTC)
    first = month.date() if month else months.month_before(hours.local_day(now))
    with _opened(settings) as database:
        closed = months.run(database, first, now)
    said = closed.as_json()
    if as_json:
        click.echo(json.dumps(said))
    else:
        click.echo(
            "{month}: {first} closed, {corrected} corrected, {unchanged} stand".format(**said)
        )
    for error in closed.errors:
        click.echo("case {case}: {error}".format(**error), err=True)
    sys.exit(1 if closed.errors else 0)
