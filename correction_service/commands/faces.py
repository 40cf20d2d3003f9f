"""`face`: compare two photos, measure and calibrate on labelled ones."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from correction_service.commands.liveness import liveness, models
from correction_service.commands.recognisers import explained, load
from correction_service.commands.recording import RECORD, opened
from correction_service.commands.reembed import re_embed
from correction_service.face.groups import read as read_groups
from correction_service.face.thresholds import MATCH_FMR, check
from correction_service.presence.measurements import Figure
from correction_service.settings import Settings
from models.face import Compared, ErrorRate

if TYPE_CHECKING:
    from correction_service.face.calibrate import Fit
    from correction_service.face.gallery import Gallery
    from correction_service.face.rates import Counted
    from correction_service.face.recogniser import Recogniser

PHOTO = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
WRITTEN = click.Path(dir_okay=False, path_type=Path)
TOLD_EVERY_S = 5.0
SOURCE = click.option("--source", help="Name of the set of photos; else DIR's name.")


@click.group()
def face() -> None:
    """Compare faces and measure how well that goes."""


face.add_command(liveness)
face.add_command(models)
face.add_command(re_embed)


@face.command()
@click.argument("a", type=PHOTO)
@click.argument("b", type=PHOTO)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_obj
def compare(settings: Settings, a: Path, b: Path, *, as_json: bool) -> None:
    """Say whether photos A and B show the same person."""
    with explained():
        verdict = load(settings).compare(a.read_bytes(), b.read_bytes())
    if as_json:
        answer = {
            "outcome": verdict.outcome,
            "score": verdict.score,
            "threshold": verdict.threshold,
            "faces": verdict.faces,
            "reasons": verdict.reasons,
        }
        click.echo(json.dumps(answer))
        return
    click.echo(f"{verdict.outcome}  {verdict.words.en}")
    if verdict.score is not None:
        click.echo(f"score {verdict.score:.3f}, a match from {verdict.threshold:.2f}")


@face.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--templates", type=click.IntRange(min=1), help="Enrol the mean of N photos.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@RECORD
@SOURCE
@click.pass_obj
def evaluate(
    settings: Settings,
    folder: Path,
    *,
    templates: int | None,
    record: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Measure error rates on DIR/<identity>/<image>."""
    from correction_service.face import evaluate as measure  # noqa: PLC0415 - it loads OpenCV

    with explained(), opened(settings, record=record) as write_down:
        recogniser = load(settings)
        thresholds = recogniser.thresholds
        gallery = _gallery(folder, recogniser)
        if templates:
            match, compared = thresholds.template.match, Compared.TEMPLATE
            found = measure.templates(gallery, templates, match)
            found |= _enrolments(folder, recogniser, templates)
        else:
            match, compared = thresholds.pair.match, Compared.PAIR
            found = measure.pairs(gallery, match)
        _print(found, as_json=as_json)
        if record:
            rates = measure.counts(gallery, templates, match)
            figures = _figures(rates, compared, gallery.people, match)
            write_down(figures, source or folder.resolve().name, recogniser.model_version)


@face.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--write", type=WRITTEN, help="Write the thresholds here, as TOML.")
@click.option("--groups", type=PHOTO, help="CSV of identity,group: rates of each group too.")
@RECORD
@SOURCE
@click.option(
    "--fmr", type=click.FloatRange(1e-6, 1e-2), help="Share of strangers accepted; 0.0005."
)
@click.option("--floor", type=float, help="No threshold below this one.")
@click.pass_obj
def calibrate(
    settings: Settings,
    folder: Path,
    *,
    write: Path | None,
    groups: Path | None,
    record: bool,
    source: str | None,
    fmr: float | None,
    floor: float | None,
    as_json: bool,
) -> None:
    """Fit the thresholds to DIR/<identity>/<image>: photos of one's own people and cameras."""
    from correction_service.face import calibrate as fitting  # noqa: PLC0415 - it loads OpenCV

    if write:
        _check_target(write, fmr or MATCH_FMR)
    with explained(), opened(settings, record=record) as write_down:
        labels = read_groups(groups) if groups else {}
        recogniser = load(settings)
        gallery = _gallery(folder, recogniser)
        rate = fmr or MATCH_FMR
        fits = {
            "pair": fitting.pair(gallery, rate, floor),
            "template": fitting.template(gallery, rate, floor),
        }
        found = {
            "model_version": recogniser.model_version,
            "source": source or folder.resolve().name,
            "photos": len(gallery.identity),
            "failed_to_enrol": gallery.failed_to_enrol,
            **{name: fit.report for name, fit in fits.items()},
        }
        if labels:
            found["groups"] = fitting.groups(gallery, labels, _match(fits["pair"], recogniser))
        _print(found, as_json=as_json)
        if write:
            made = fitting.calibration(
                gallery,
                fits,
                model_version=recogniser.model_version,
                source=str(found["source"]),
                measured=datetime.now(UTC).date(),
            )
            check(made, write.name)
            write.write_text(fitting.to_toml(made), encoding="utf-8")
        if record:
            figures = [it for name, fit in fits.items() for it in _fitted(Compared(name), fit)]
            write_down(figures, str(found["source"]), recogniser.model_version)


def _match(fit: "Fit", recogniser: "Recogniser") -> float:
    """Return the threshold just fitted, or the one in force where none was."""
    return fit.threshold.match if fit.threshold else recogniser.thresholds.pair.match


def _check_target(file: Path, fmr: float) -> None:
    """Refuse before an hour of measuring what could not be written, or not be loaded after."""
    if fmr > MATCH_FMR:
        raise click.UsageError(
            f"No calibration is in force that lets more strangers pass than {MATCH_FMR:g}: give "
            f"--fmr {MATCH_FMR:g} or less, or leave --write out to see the rates alone."
        )
    folder = file.absolute().parent
    if not folder.is_dir():
        raise click.UsageError(f"--write: there is no folder {folder}. Make it first.")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise click.UsageError(f"--write: {file} may not be written. Give another place.")


def _fitted(compared: Compared, fit: "Fit") -> list[Figure]:
    """Return the rates at a fitted threshold; none where none was fitted."""
    it = fit.threshold
    if it is None:
        return []
    counts = (
        (ErrorRate.FMR, it.fmr, it.impostors, it.fmr_interval),
        (ErrorRate.FNMR, it.fnmr, it.genuine, it.fnmr_interval),
    )
    return [
        Figure(kind, compared, round(rate * trials), trials, interval, it.people, it.match)
        for kind, rate, trials, interval in counts
    ]


def _figures(
    rates: "Sequence[Counted]", compared: Compared, people: int, match: float
) -> list[Figure]:
    """Return FMR and FNMR as they are written down."""
    return [
        Figure(kind, compared, it.errors, it.trials, it.interval, people, match)
        for kind, it in zip((ErrorRate.FMR, ErrorRate.FNMR), rates, strict=False)
    ]


def _gallery(folder: Path, recogniser: "Recogniser") -> "Gallery":
    """Read a folder, and tell on stderr how far that is and what could not be used."""
    from correction_service.face import gallery  # noqa: PLC0415 - it loads OpenCV

    found = gallery.read(folder, recogniser, _telling())
    for reason, count in found.failures.most_common():
        click.echo(f"{count} not usable: {reason}", err=True)
    return found


def _enrolments(folder: Path, recogniser: "Recogniser", photos: int) -> dict[str, object]:
    """Count whom the real enrolment refuses, of those with enough photos to be tried."""
    from correction_service.face import gallery  # noqa: PLC0415 - it loads OpenCV
    from correction_service.face.verdict import EnrolmentOutcome  # noqa: PLC0415 - as above

    outcomes = gallery.enrolments(folder, recogniser, photos)
    refused = outcomes[EnrolmentOutcome.REFUSED]
    return {"enrolments": outcomes.total(), "refused_by_enrolment": refused}


def _telling() -> Callable[[int, int], None]:
    told_at = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TOLD_EVERY_S:
            told_at = time.monotonic()
            click.echo(f"{done} of {of} photos", err=True)

    return tell


def _print(found: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _table(found)


def _table(found: Mapping[str, object], indent: str = "") -> None:
    for name, value in found.items():
        if isinstance(value, Mapping):
            click.echo(f"{indent}{name}")
            _table(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            click.echo(f"{indent}{name}")
            for row in value:
                click.echo(f"{indent}  " + "  ".join(f"{k} {_said(v)}" for k, v in row.items()))
        else:
            click.echo(f"{indent}{name:20} {_said(value)}")


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.5f}"
    if isinstance(value, (list, tuple)):
        return " – ".join(_said(it) for it in value)
    return str(value)
