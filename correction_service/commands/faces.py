"""``correction-service face``: compare two photos, measure on labelled ones."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

PHOTO = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


@click.group()
def face() -> None:
    """Compare faces and measure how well that goes."""


@face.command()
@click.argument("a", type=PHOTO)
@click.argument("b", type=PHOTO)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
def compare(a: Path, b: Path, *, as_json: bool) -> None:
    """Say whether photos A and B show the same person."""
    from correction_service.face.recogniser import (  # noqa: PLC0415 a second to load the models
        Recogniser,
    )

    verdict = Recogniser().compare(a.read_bytes(), b.read_bytes())
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
def evaluate(folder: Path, templates: int | None, *, as_json: bool) -> None:
    """Measure error rates on DIR/<identity>/<image>."""
    from correction_service.face import evaluate as measure  # noqa: PLC0415 as above
    from correction_service.face.recogniser import Recogniser  # noqa: PLC0415 as above

    try:
        gallery = measure.read(folder, Recogniser())
        found = measure.templates(gallery, templates) if templates else measure.pairs(gallery)
    except measure.DatasetError as error:
        raise click.BadParameter(str(error), param_hint="DIR") from error
    if as_json:
        click.echo(json.dumps(found))
        return
    _table(found)


def _table(found: Mapping[str, object], indent: str = "") -> None:
    for name, value in found.items():
        if isinstance(value, Mapping):
            click.echo(f"{indent}{name}")
            _table(value, indent + "  ")
        elif isinstance(value, float):
            click.echo(f"{indent}{name:20} {value:.5f}")
        else:
            click.echo(f"{indent}{name:20} {value}")
