"""`zones`: what the zone engine makes of recorded fixes."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
import msgspec

from correction_service.tracking import fix_files
from correction_service.zones import zone_replays
from correction_service.zones.zone_replays import MARGIN_M, Told
from correction_service.zones.zones import MADE_BY_HAND, WITH_HOURS
from models import drawing
from models.area import GeoJson, as_geojson, curfew_hours
from models.errors import Invalid
from models.rule import RULE, Rule
from models.rules import checked
from models.zone import ZoneKind

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.group()
def zones() -> None:
    """Try zones on recorded fixes."""


@zones.command("replay")
@click.argument("file", metavar="FIXES.csv", type=FILE)
@click.option("--zone", type=FILE, required=True, help="GeoJSON in WGS-84, longitude first.")
@click.option("--kind", type=click.Choice(MADE_BY_HAND, case_sensitive=False), required=True)
@click.option("--hours", help="Of a curfew or a place to be at, by China's clock: 22:00-06:00.")
@click.option("--margin", "margin_m", default=MARGIN_M, show_default=True, help="Metres.",
              type=click.FloatRange(0, 1000))  # fmt: skip
@click.option("--rule", "figures", type=FILE, help="Other figures of the rule: JSON, by name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def replay(  # noqa: PLR0917 - click passes by name
    file: Path,
    zone: Path,
    kind: ZoneKind,
    hours: str | None,
    margin_m: float,
    figures: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Say what the live service would have decided on the fixes of FIXES.csv.

    Columns: device, time, received, lat, lon, accuracy_m, source. Each change of state is dated by
    the device's clock and decided when the service could know it; late rows count from then on.
    """
    if hours and kind not in WITH_HOURS:
        raise click.BadParameter("only a curfew or a place has hours", param_hint="--hours")
    try:
        if hours:
            curfew_hours(hours)
        geometry, rule = _geometry(zone), _rule(figures)
        fixes = fix_files.read(file)
    except Invalid as error:
        hint = "--hours" if error.field == "hours" else "--zone"
        raise click.BadParameter(str(error), param_hint=hint) from error
    except fix_files.Unreadable as error:
        raise click.BadParameter(str(error), param_hint="FIXES.csv") from error
    found = zone_replays.replay(zone_replays.drawn(kind, hours, margin_m), geometry, fixes, rule)
    for told in found.told:
        click.echo(_line(told, as_json=as_json))
    if found.refused:
        click.echo(f"{found.refused} rows are of a time after they were received", err=True)


def _rule(file: Path | None) -> Rule:
    """The rule with the figures of a file, the others as they are; without one the engine's."""
    if file is None:
        return RULE
    try:
        return checked(msgspec.json.decode(file.read_bytes(), type=dict[str, float]))
    except msgspec.MsgspecError as error:
        wanted = 'an object like {"decided": 6.5} is wanted'
        raise click.BadParameter(f"{wanted}: {error}", param_hint="--rule") from error
    except Invalid as error:
        said = f"{error.field}: {error}"
        raise click.BadParameter(said, param_hint="--rule") from error


def _geometry(file: Path) -> GeoJson:
    """The zone of a file, anywhere on earth; swapped degrees are refused where they show."""
    try:
        shape = drawing.read(json.loads(file.read_bytes()), drawing.MOST_CORNERS_OF_A_DIVISION)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--zone") from error
    drawing.check_size(shape)
    if not drawing.in_china(shape) and drawing.in_china(drawing.swapped(shape)):
        drawing.check_place(shape, "geometry")
    return as_geojson(shape)


def _line(told: Told, *, as_json: bool) -> str:
    words = {
        name: _utc(it) if isinstance(it, datetime) else str(it) for name, it in asdict(told).items()
    }
    return json.dumps(words, ensure_ascii=False) if as_json else "\t".join(words.values())


def _utc(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
