"""`db`, `keys` and `user`: the database, its keys and the accounts."""

import secrets

import click
from alembic import command
from sqlalchemy import select

from correction_service import accounts
from correction_service.audit import Actor
from correction_service.db import alembic_config, open_database, upgrade
from correction_service.proof import signing
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.errors import NotFound
from models.keys import KeyRing
from models.person import Person
from models.user import Role, User

SHELL = Actor("system", "shell")


@click.group()
def db() -> None:
    """Bring the database to a revision, or say where it is."""


@db.command("upgrade")
@click.argument("revision", default="head")
@click.pass_obj
def db_upgrade(settings: Settings, revision: str) -> None:
    """Bring the tables up to REVISION."""
    upgrade(settings.database_url.get_secret_value(), revision)


@db.command("downgrade")
@click.argument("revision")
@click.confirmation_option(prompt="Tables and what is in them may go. Continue?")
@click.pass_obj
def db_downgrade(settings: Settings, revision: str) -> None:
    """Take the tables back to REVISION."""
    command.downgrade(alembic_config(settings.database_url.get_secret_value()), revision)


@db.command("current")
@click.pass_obj
def db_current(settings: Settings) -> None:
    """Say which revision the database has."""
    command.current(alembic_config(settings.database_url.get_secret_value()))


@click.group()
def keys() -> None:
    """Make and turn the keys that seal what is secret."""


@keys.command("new")
def keys_new() -> None:
    """Print a fresh key ring, for a secret file of mode 0600."""
    click.echo(KeyRing.generate().dumps())


@keys.command("signing")
def keys_signing() -> None:
    """Print a fresh signing key, for a secret file; its public part, to publish, goes to stderr."""
    fresh = signing.fresh()
    click.echo(fresh)
    click.echo(f"public: {signing.public(signing.read(fresh))}", err=True)


@keys.command("turn")
@click.argument("name")
@click.pass_obj
def keys_turn(settings: Settings, name: str) -> None:
    """Print the ring with a new key NAME in use; then set it and run `keys rewrap`."""
    if settings.key_ring is None:
        raise click.UsageError("CORRECTION_KEY_RING is not set")
    click.echo(KeyRing.loads(settings.key_ring.get_secret_value()).rotated(name).dumps())


@keys.command("rewrap")
@click.pass_obj
def keys_rewrap(settings: Settings) -> None:
    """Wrap every person's data key under the key in use."""
    database = open_database(settings)
    with database.transaction(SHELL, "keys rewrap") as session:
        people = session.scalars(select(Person).where(Person.wrapped_key.is_not(None))).all()
        for person in people:
            person.rewrap(database.ring)
    click.echo(f"{len(people)} data keys are now under {database.ring.current}")


@click.group()
def user() -> None:
    """Add, reset and list console accounts."""


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="As shown on pages.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--agency", required=True, help="The agency's name; made when new.")
@click.option("--division", help="GB/T 2260 code of a new agency.")
@click.option("--office", help="The judicial office's name; made when new.")
@click.pass_obj
def user_add(  # noqa: PLR0917 - click passes each option
    settings: Settings,
    username: str,
    name: str,
    role: str,
    agency: str,
    division: str | None,
    office: str | None,
) -> None:
    """Add an account and print its one-time password."""
    password = secrets.token_urlsafe(12)
    with open_database(settings).transaction(SHELL, "user add") as session:
        home = session.scalar(select(Agency).where(Agency.name == agency))
        if home is None:
            if division is None:
                raise NotFound("There is no such agency; --division makes it.", field="agency")
            home = Agency(name=agency, level=AgencyLevel.COUNTY, division=division)
            session.add(home)
        seat = next((each for each in home.offices if each.name == office), None)
        if office and seat is None:
            seat = Office(name=office, agency=home)
            session.add(seat)
        accounts.add(
            session,
            username=username,
            name=name,
            role=Role(role),
            agency=home,
            office=seat,
            password=password,
        )
    click.echo(f"{username} {password}")


@user.command("reset")
@click.argument("username")
@click.pass_obj
def user_reset(settings: Settings, username: str) -> None:
    """Print a new one-time password and end the account's sessions."""
    with open_database(settings).transaction(SHELL, "user reset") as session:
        click.echo(f"{username} {accounts.reset(session, username)}")


@user.command("list")
@click.pass_obj
def user_list(settings: Settings) -> None:
    """List the accounts."""
    with open_database(settings).reading() as session:
        for each in session.scalars(select(User).order_by(User.username)):
            seat = each.office.name if each.office else each.agency.name
            closed = "" if each.active else "\tclosed"
            click.echo(f"{each.username}\t{each.role.value}\t{seat}{closed}")
