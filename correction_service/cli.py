"""The command `correction-service`: every way to run or tend the service from a shell."""

import sys
from pathlib import Path

import click
import structlog
from pydantic import ValidationError

from correction_service import settings as configuration
from correction_service.commands import database, demo, devices, persons, schedule, serve
from correction_service.face.cli import face
from models.errors import DomainError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="CORRECTION_SECRETS_DIR",
    help="Folder of secret files, each named like its setting (correction_key_ring).",
)
@click.pass_context
def cli(context: click.Context, secrets: Path | None) -> None:
    """Run and tend a community corrections service."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    context.obj = configuration.load(secrets)


COMMANDS = (
    demo.demo,
    demo.fleet,
    serve.web,
    devices.listen,
    schedule.schedule,
    schedule.sweep,
    schedule.audit,
    database.db,
    database.keys,
    database.user,
    persons.person,
    devices.device,
    devices.gateway,
    devices.boundary,
    face,
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run a command; a refusal is one line and exit code 2, never a traceback."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            click.echo(f"CORRECTION_{name}: {fault['msg']}", err=True)
        sys.exit(2)
    except (DomainError, ValueError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
