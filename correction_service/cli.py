"""The command `correction-service`: every way to run or tend the service from a shell."""

import sys
from importlib import import_module
from pathlib import Path

import click
from pydantic import ValidationError

from correction_service import settings as configuration
from correction_service import telemetry
from models.errors import DomainError

_AT = "correction_service.commands."
COMMANDS = {
    "demo": _AT + "demo:demo",
    "fleet": _AT + "demo:fleet",
    "web": _AT + "serve:web",
    "ingest": _AT + "devices:listen",
    "schedule": _AT + "schedule:schedule",
    "sweep": _AT + "schedule:sweep",
    "points": _AT + "schedule:points",
    "audit": _AT + "schedule:audit",
    "evidence": _AT + "evidence:evidence",
    "risk": _AT + "risk:risk",
    "db": _AT + "database:db",
    "keys": _AT + "database:keys",
    "user": _AT + "database:user",
    "agency": _AT + "agencies:agency",
    "office": _AT + "agencies:office",
    "person": _AT + "persons:person",
    "device": _AT + "devices:device",
    "gateway": _AT + "devices:gateway",
    "boundary": _AT + "devices:boundary",
    "zones": _AT + "zones:zones",
    "face": _AT + "faces:face",
}


class Street(click.Group):
    """Imports a command's module when it is called: ingest starts without loading the pages."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None when there is none of the name."""
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        found: click.Command | None = getattr(import_module(module), name) if module else None
        return found


@click.group(cls=Street, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--secrets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="CORRECTION_SECRETS_DIR",
    help="Folder of secret files, each named like its setting (correction_key_ring).",
)
@click.pass_context
def cli(context: click.Context, secrets: Path | None) -> None:
    """Run and tend a community corrections service."""
    telemetry.configure()
    context.obj = configuration.load(secrets)


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
