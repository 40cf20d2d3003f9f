"""`device`, `gateway`, `boundary` and `ingest`: the hardware side of the service."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import ingest
from correction_service.audit import Actor
from correction_service.db import open_database
from correction_service.hardware import bracelets, couriers, errand_log, errands, gateways
from correction_service.hardware.errands import Wish
from correction_service.hardware.gateways import Account
from correction_service.settings import Settings
from correction_service.zones import boundaries
from devices.messages import CommandKind
from models.agency import Agency
from models.case import LEGAL_ZONE
from models.errors import NotFound

SHELL = Actor("system", "shell")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@contextmanager
def _writing(settings: Settings, via: str) -> Iterator[Session]:
    with closing(open_database(settings)) as database, database.transaction(SHELL, via) as session:
        yield session


@click.command("ingest")
@click.option(
    "--leave",
    is_flag=True,
    help="Give up this client id's place at the broker, store what was kept for it, and end.",
)
@click.pass_obj
def listen(settings: Settings, leave: bool) -> None:  # noqa: FBT001 (click passes its options so)
    """Listen to the gateways and store what they send, until SIGTERM."""
    ingest.run(settings, leave=leave)


@click.group()
def device() -> None:
    """Register bracelets and ask them for something."""


@device.command("import")
@click.argument("file", type=FILE)
@click.option("--gateway", help="Speaks for the bracelets whose line names no gateway.")
@click.pass_obj
def device_import(settings: Settings, file: Path, gateway: str | None) -> None:
    """Register the bracelets of FILE, a CSV of id, imei, model and gateway; all or none."""
    with _writing(settings, "device import") as session:
        report = bracelets.import_file(session, file.read_bytes(), gateway)
    for it in report.faults:
        click.echo(f"line {it.line}, {it.fault.field}: {it.fault}", err=True)
    if report.faults:
        raise click.ClickException(f"{len(report.faults)} faults, nothing was imported")
    click.echo(f"{report.added} registered, {report.unchanged} known already")


@device.command("command")
@click.argument("name")
@click.argument("kind", type=click.Choice(errands.ASKED, case_sensitive=False))
@click.argument("text", default="")
@click.option("--seconds", type=int, help="Between two positions, for `interval`.")
@click.option("--minutes", default=15, show_default=True, type=click.IntRange(1, 1440))
@click.pass_obj
def device_command(  # noqa: PLR0917 - click passes by name
    settings: Settings, name: str, kind: CommandKind, text: str, seconds: int | None, minutes: int
) -> None:
    """Ask the bracelet NAME to locate itself, vibrate, change its interval, or show TEXT."""
    now, lasts = datetime.now(UTC), timedelta(minutes=minutes)
    via, wish = "device command", Wish(kind, text, seconds)
    with closing(open_database(settings)) as database:
        with database.transaction(SHELL, via) as session:
            asked = errands.ask(session, name, wish, now=now, lasts=lasts)
        if not couriers.hand_over(database, settings, asked, SHELL, via):
            place = f"{settings.mqtt_host}:{settings.mqtt_port}"
            raise click.ClickException(f"the broker at {place} did not take it; ask again")
    click.echo(f"given to the broker; it expires in {minutes} minutes")


@device.command("commands")
@click.argument("name")
@click.pass_obj
def device_commands(settings: Settings, name: str) -> None:
    """List what the bracelet NAME was asked of late, and what came of it, newest first."""
    with closing(open_database(settings)) as database, database.reading() as session:
        for it in errand_log.latest(session, bracelets.named(session, name).id):
            moments = (it.asked_at, it.expires_at)
            asked, expires = (at.isoformat(timespec="seconds") for at in moments)
            click.echo(f"{asked}\t{it.kind}\t{it.state}\texpires {expires}")


@click.group()
def gateway() -> None:
    """Register gateways and write the broker's account files."""


@gateway.command("add")
@click.argument("name")
@click.option("--agency", help="Division code of its agency, where there are several.")
@click.pass_obj
def gateway_add(settings: Settings, name: str, agency: str | None) -> None:
    """Register the gateway NAME and print its secret, this once."""
    with _writing(settings, "gateway add") as session:
        query = select(Agency.id)
        found = session.scalars(query.where(Agency.division == agency) if agency else query).all()
        if len(found) != 1:
            raise NotFound("Name one agency by its division code: --agency.", field="agency")
        _, secret = gateways.add(session, found[0], name)
    click.echo(secret)


@gateway.command("rotate")
@click.argument("name")
@click.pass_obj
def gateway_rotate(settings: Settings, name: str) -> None:
    """Give the gateway NAME a new secret and print it, this once."""
    with _writing(settings, "gateway rotate") as session:
        secret = gateways.rotate(session, name)
    click.echo(secret)


@gateway.command("close")
@click.argument("name")
@click.pass_obj
def gateway_close(settings: Settings, name: str) -> None:
    """Hear the gateway NAME no longer; write its broker's `files` afterwards."""
    with _writing(settings, "gateway close") as session:
        gateways.close(session, name)


@gateway.command("open")
@click.argument("name")
@click.pass_obj
def gateway_open(settings: Settings, name: str) -> None:
    """Hear the closed gateway NAME again; write its broker's `files` afterwards."""
    with _writing(settings, "gateway open") as session:
        gateways.reopen(session, name)


@gateway.command("list")
@click.pass_obj
def gateway_list(settings: Settings) -> None:
    """List the gateways and when each was last heard."""
    with closing(open_database(settings)) as database, database.reading() as session:
        for it in gateways.every(session):
            state = {True: "online", False: "offline", None: "unknown"}[it.online]
            heard = it.heard_at.isoformat(timespec="seconds") if it.heard_at else "never"
            click.echo(f"{it.name}\t{state if it.active else 'inactive'}\t{heard}")


@gateway.command("files")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def gateway_files(settings: Settings, folder: Path) -> None:
    """Write mosquitto's `passwords` and `acl` into FOLDER; then have the broker reload them."""
    if not settings.mqtt_username or settings.mqtt_password is None:
        raise click.UsageError("CORRECTION_MQTT_USERNAME and CORRECTION_MQTT_PASSWORD are not set")
    service = Account(settings.mqtt_username, settings.mqtt_password.get_secret_value())
    asker = _asker(settings)
    with closing(open_database(settings)) as database, database.reading() as session:
        passwords = gateways.password_file(session, service, *([asker] if asker else []))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("passwords", passwords), ("acl", gateways.acl_file(service, asker))):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")


def _asker(settings: Settings) -> Account | None:
    name, secret = settings.mqtt_command_username, settings.mqtt_command_password
    if bool(name) != bool(secret):
        raise click.UsageError("CORRECTION_MQTT_COMMAND_USERNAME and _PASSWORD are set together")
    return Account(name, secret.get_secret_value()) if name and secret else None


@click.group()
def boundary() -> None:
    """Take in outlines of divisions."""


@boundary.command("import")
@click.argument("file", type=FILE, required=False)
@click.option("--division", help="Six-digit code (GB/T 2260) of the outline.")
@click.option("--name", help="What the division is called, where FILE does not say.")
@click.pass_obj
def boundary_import(
    settings: Settings, file: Path | None, division: str | None, name: str | None
) -> None:
    """Take in the outline in FILE (GeoJSON, WGS-84), or the built-in one of --division CODE.

    A Feature may say its code and name itself, in its properties `code` and `name`.
    """
    today = datetime.now(UTC).astimezone(LEGAL_ZONE).date()
    with _writing(settings, "boundary import") as session:
        if file is None:
            if division is None:
                raise click.UsageError("name a FILE or a --division")
            taken = boundaries.import_division(session, division, today)
        else:
            geojson, said = _read(file)
            code = division or said.get("code", "")
            taken = boundaries.import_boundary(
                session,
                code,
                geojson,
                name=name or said.get("name", code),
                source=file.name,
                valid_from=today,
            )
    click.echo(f"{taken.code} {taken.name} holds from {taken.valid_from}")


def _read(file: Path) -> tuple[object, dict[str, str]]:
    """The GeoJSON of a file, and what a Feature says of itself."""
    try:
        geojson = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise click.BadParameter(f"{file.name} is not JSON in UTF-8") from None
    properties = geojson.get("properties") if isinstance(geojson, dict) else None
    said = properties if isinstance(properties, dict) else {}
    return geojson, {key: str(said[key]) for key in ("code", "name") if said.get(key)}
