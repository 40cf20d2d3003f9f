"""`person`: enrol people from a file; erase again, after a restore, who was erased."""

import csv
import io
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.commands.database import SHELL
from correction_service.db import open_database
from correction_service.enforcement import deletions, destructions
from correction_service.people import imports
from correction_service.settings import Settings
from correction_service.sheets import table_of
from models.agency import Agency, AgencyLevel
from models.errors import Invalid, NotFound, Refused


@click.group()
def person() -> None:
    """Enrol people; erase them again after a restore."""


@person.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agency", help="The county agency's name; needed when there are several.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the faults here, as CSV.",
)
@click.pass_obj
def person_import(settings: Settings, file: Path, agency: str | None, report: Path | None) -> None:
    """Enrol everyone in FILE (CSV or XLSX), or nobody, and say what is wrong row by row."""
    table = table_of(file.read_bytes())
    try:
        with (
            closing(open_database(settings)) as database,
            database.transaction(SHELL, "person import") as session,
        ):
            offices = _agency(session, agency).offices
            made = imports.enrol_all(session, offices, table, datetime.now(UTC))
    except imports.ImportRefused as refusal:
        if report is not None:
            report.write_bytes(imports.report(refusal.faults))
        for line in imports.lines(refusal.faults):
            click.echo("\t".join(map(str, line)), err=True)
        raise
    click.echo(f"{len(made)} enrolled: {made[0].number} … {made[-1].number}")


@person.command("erase-again")
@click.argument("receipts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def person_erase_again(settings: Settings, receipts: Path) -> None:
    """Erase again whom RECEIPTS, the console's CSV of deletions, says were; for a restored copy."""
    rows = csv.DictReader(io.StringIO(receipts.read_text(encoding="utf-8-sig")))
    if not set(destructions.NAMED) <= set(rows.fieldnames or ()):
        raise Invalid("This is not the CSV of what was deleted.", field="receipts")
    files = {row["case"]: row for row in rows if row["name"] == deletions.FILE}
    erased = 0
    with closing(open_database(settings)) as database:
        for number, row in files.items():
            try:
                with database.transaction(SHELL, "person erase-again") as session:
                    erased += destructions.again(session, settings, row, datetime.now(UTC))
            except (NotFound, Refused) as refusal:
                click.echo(f"{number}: {refusal}", err=True)
    click.echo(f"{len(files)} in the receipts, {erased} erased again")


def _agency(session: Session, name: str | None) -> Agency:
    counties = select(Agency).where(Agency.level == AgencyLevel.COUNTY)
    found = session.scalars(counties.where(Agency.name == name) if name else counties).all()
    if len(found) != 1:
        raise Invalid("Name one county agency with --agency.", field="agency")
    return found[0]
