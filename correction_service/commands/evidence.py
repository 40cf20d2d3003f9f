"""`evidence`: a pack that verifies without us, and heads of the log for a witness."""

import json
import sys
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import click

from correction_service import sealer
from correction_service.audit import Actor
from correction_service.db import open_database
from correction_service.proof import heads, packs, signing, verifier
from correction_service.settings import Settings

SHELL = Actor("system", "shell")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def evidence() -> None:
    """Give evidence that verifies without this service."""


@evidence.command("export")
@click.option("--incident", "incident_id", type=int, required=True, help="Its number.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.pass_obj
def export(settings: Settings, incident_id: int, out: Path) -> None:
    """Write the evidence about an incident, with proofs and a verifier; the look is logged."""
    key, database, now = signing.load(settings), open_database(settings), datetime.now(UTC)
    with database.transaction(SHELL, "evidence export") as session:
        sealer.seal(session, now)
    with database.transaction(SHELL, "evidence export") as session:
        packs.export(session, incident_id, key, now, out)
    database.close()
    click.echo(f"{out} signed by {signing.public(key)}")


@evidence.command("verify")
@click.argument("pack", type=FILE)
@click.option("--key", help="The public key that the service has published, in hex.")
def verify(pack: Path, key: str | None) -> None:
    """Check a pack, as the verify.py inside it does; 1 when a byte was changed."""
    try:
        known = bytes.fromhex(key) if key else None
    except ValueError:
        raise click.BadParameter("64 hexadecimal digits", param_hint="--key") from None
    try:
        with zipfile.ZipFile(pack) as opened:
            faults = list(verifier.check(opened, known))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        faults = [f"cannot be read: {type(error).__name__}"]
    for fault in faults:
        click.echo(fault, err=True)
    click.echo("NOT as it was made" if faults else "as it was made")
    sys.exit(1 if faults else 0)


@evidence.command("head")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="A folder.")
@click.pass_obj
def head(settings: Settings, into: Path | None) -> None:
    """Print the signed head of the log, or write it into a witness's folder."""
    key, database = signing.load(settings), open_database(settings)
    with database.reading() as session:
        if into is None:
            click.echo(json.dumps(heads.newest(session, key)))
        else:
            written = heads.export(session, key, into)
            click.echo(written or "the newest head is there already")
    database.close()


@evidence.command("check")
@click.argument("head_file", metavar="HEAD", type=FILE)
@click.pass_obj
def check(settings: Settings, head_file: Path) -> None:
    """Compare an earlier head that a witness kept with the log; 1 when the log was rewritten."""
    try:
        earlier = json.loads(head_file.read_text())
    except ValueError:
        raise click.BadParameter("not JSON", param_hint="HEAD") from None
    database = open_database(settings)
    with database.reading() as session:
        holds = heads.still_holds(session, earlier)
    database.close()
    click.echo("the log began as this head says" if holds else "THE LOG IS ANOTHER ONE")
    sys.exit(0 if holds else 1)
