"""`agency` and `office`: who supervises, and what stands under whom."""

import re
from contextlib import closing

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.commands.database import SHELL
from correction_service.db import open_database
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.errors import Invalid, NotFound

RANKS = list(AgencyLevel)  # county, city, province: a parent stands higher
DIVISION_DIGITS = 6
NUMBER = re.compile(r"\+?[0-9][0-9 -]{1,30}")
LAT, LON = click.FloatRange(-90, 90), click.FloatRange(-180, 180)


@click.group()
def agency() -> None:
    """Add and list community corrections agencies."""


@agency.command("add")
@click.argument("name")
@click.option("--division", required=True, help="GB/T 2260 code, six digits.")
@click.option("--level", type=click.Choice([level.value for level in RANKS]), required=True)
@click.option("--parent", help="The agency above it, by name.")
@click.pass_obj
def agency_add(
    settings: Settings, name: str, division: str, level: str, parent: str | None
) -> None:
    """Add an agency; whoever works at its parent sees its cases."""
    with (
        closing(open_database(settings)) as database,
        database.transaction(SHELL, "agency add") as session,
    ):
        add(session, name, division, AgencyLevel(level), parent)


def add(
    session: Session, name: str, division: str, level: AgencyLevel, parent: str | None = None
) -> Agency:
    """Add an agency; `Invalid` names what is wrong with it or with its place in the tree."""
    if session.scalar(select(Agency.id).where(Agency.name == name)) is not None:
        raise Invalid("There is such an agency already.", field="name")
    if len(division) != DIVISION_DIGITS or not (division.isascii() and division.isdigit()):
        raise Invalid("A division's code has six digits.", field="division")
    above = named(session, parent) if parent else None
    if above is not None and RANKS.index(above.level) <= RANKS.index(level):
        raise Invalid("A parent stands higher: a city above counties.", field="parent")
    made = Agency(name=name, division=division, level=level, parent=above)
    session.add(made)
    session.flush()
    return made


def named(session: Session, name: str) -> Agency:
    """Return the agency of a name."""
    found = session.scalar(select(Agency).where(Agency.name == name))
    if found is None:
        raise NotFound("There is no such agency; `agency list` names them.", field="agency")
    return found


@agency.command("list")
@click.pass_obj
def agency_list(settings: Settings) -> None:
    """List the agencies: division, level, name, the one above, offices."""
    with closing(open_database(settings)) as database, database.reading() as session:
        for each in session.scalars(select(Agency).order_by(Agency.division, Agency.id)):
            above = each.parent.name if each.parent else "-"
            row = (each.division, each.level.value, each.name, above, len(each.offices))
            click.echo("\t".join(map(str, row)))


@click.group()
def office() -> None:
    """Add judicial offices."""


@office.command("add")
@click.argument("name")
@click.option("--agency", "of", required=True, help="The agency's name.")
@click.option("--lat", type=LAT, help="Where it stands, WGS-84 degrees.")
@click.option("--lon", type=LON, help="Where it stands, WGS-84 degrees.")
@click.option("--phone", help="The number that people call.")
@click.pass_obj
def office_add(  # noqa: PLR0917 - click gives them by name
    settings: Settings,
    name: str,
    of: str,
    lat: float | None,
    lon: float | None,
    phone: str | None,
) -> None:
    """Add an office to an agency, with its place on the map or without."""
    if (lat is None) != (lon is None):
        raise click.UsageError("--lat and --lon go together")
    with (
        closing(open_database(settings)) as database,
        database.transaction(SHELL, "office add") as session,
    ):
        home = named(session, of)
        if any(each.name == name for each in home.offices):
            raise Invalid("This agency has such an office already.", field="name")
        number = dialled(phone) if phone else None
        session.add(Office(name=name, agency=home, lat=lat, lon=lon, phone=number))


@office.command("phone")
@click.argument("name")
@click.argument("number")
@click.option("--agency", "of", required=True, help="The agency's name.")
@click.pass_obj
def office_phone(settings: Settings, name: str, number: str, of: str) -> None:
    """Set the number that people call at an office; the phone page shows it."""
    with (
        closing(open_database(settings)) as database,
        database.transaction(SHELL, "office phone") as session,
    ):
        here = [each for each in named(session, of).offices if each.name == name]
        if not here:
            raise NotFound("This agency has no such office.", field="name")
        here[0].phone = dialled(number)


def dialled(number: str) -> str:
    """Return a number as it is dialled; `Invalid` for what is none."""
    if not NUMBER.fullmatch(number.strip()):
        raise Invalid("Write a phone number in digits, like 0851-28000000.", field="phone")
    return number.strip()
