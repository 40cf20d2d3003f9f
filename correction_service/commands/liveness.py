"""`face liveness` and `face models`: living or not, and the models by which faces are judged."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from correction_service.commands.recording import RECORD, opened
from correction_service.face import rates, weights
from correction_service.face.weights import Weight, WeightsError
from correction_service.face.words import Reason
from correction_service.presence.measurements import Figure
from correction_service.settings import Settings
from models.face import Compared, ErrorRate

if TYPE_CHECKING:
    from correction_service.face.passive import Finding, Watcher

ANYTHING = click.Path(path_type=Path)
SAYS = {True: "live", False: "not live", None: "cannot tell"}
TRUTH = {"live": ErrorRate.BPCER, "attack": ErrorRate.APCER}
NOTHING_SEEN = {Reason.NOT_FOUND, Reason.UNREADABLE, Reason.NO_FRAMES, Reason.TRUNCATED}


@click.command()
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=ANYTHING)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--truth", type=click.Choice([*TRUTH]), help="What every PATH shows: count errors.")
@RECORD
@click.option("--source", help="Name of the set of pictures.")
@click.pass_context
def liveness(
    context: click.Context,
    paths: tuple[Path, ...],
    *,
    truth: str | None,
    record: bool,
    source: str | None,
    as_json: bool,
) -> None:
    """Say of each PATH (a photo, a folder of frames or a video) whether it shows a living face.

    Of folders and videos the cues of a check-in are told as far as they can be measured.
    What cannot be read or told is said of each path; exit code 2 when one does not exist.
    """
    if record and not (truth and source):
        raise click.UsageError("--record needs --truth live or attack, and a --source.")
    with opened(context.ensure_object(Settings), record=record) as write_down:
        watcher = _watcher()
        found = []
        for path in paths:
            found.append(watcher.judge(path))
            click.echo((_as_json if as_json else _as_text)(path, found[-1]))
        if truth:
            figures = _counted(found, TRUTH[truth])
            write_down(figures, source or "", watcher.model_version)
    if not all(path.exists() for path in paths):
        context.exit(2)


def _watcher() -> "Watcher":
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # we say ourselves what is wrong with a file
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    from correction_service.face.passive import Watcher  # noqa: PLC0415 - it loads OpenCV

    try:
        return Watcher()
    except WeightsError as error:
        raise click.UsageError(str(error)) from error


def _counted(found: Sequence["Finding"], kind: ErrorRate) -> list[Figure]:
    """Count attacks called live (APCER), or living faces called attacks (BPCER; ISO/IEC 30107-3).

    What could not be told is no error of either kind; files that show nothing are no trials.
    """
    trials = [it for it in found if not NOTHING_SEEN.intersection(it.reasons)]
    if not trials:
        return []
    wrong = kind is ErrorRate.APCER
    rate = rates.wilson(sum(it.live is wrong for it in trials), len(trials))
    untold = sum(it.live is None for it in trials)
    low, high = (f"{100 * end:.1f}" for end in rate.interval)
    click.echo(
        f"{kind.upper()} {rate.errors} of {rate.trials} (95 %: {low} to {high} %), "
        f"cannot tell {untold}",
        err=True,
    )
    of = (kind, Compared.PRESENTATION, rate.errors, rate.trials, rate.interval)
    return [Figure(*of, untold=untold)]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def models(context: click.Context, *, as_json: bool) -> None:
    """List the models with their packages and licences, and check that each is the one expected.

    Exit code 1 when one is missing or altered.
    """
    try:
        listed = weights.listed(context.ensure_object(Settings).face_embedder)
    except WeightsError as error:
        raise click.UsageError(str(error)) from error
    rows = [_model(name, row) for name, row in listed.items()]
    for row in rows:
        click.echo(json.dumps(row) if as_json else _line(row))
    if any(row["fault"] for row in rows):
        context.exit(1)


def _model(name: str, row: Weight) -> dict[str, object]:
    try:
        weights.locate({name: row})
    except WeightsError as error:
        return {"model": name, **asdict(row), "fault": str(error)}
    return {"model": name, **asdict(row), "fault": None}


def _line(row: Mapping[str, object]) -> str:
    return "  ".join(
        (
            f"{row['model']:16}",
            f"{row['package']:26}",
            f"{row['licence']:10}",
            f"{str(row['sha256'])[:12]}…",
            str(row["fault"] or "as expected"),
        )
    )


def _as_json(path: Path, found: "Finding") -> str:
    told = {"path": str(path), "live": found.live, "score": found.score, "reasons": found.reasons}
    cues = {it.name: {"value": it.value, "verdict": it.verdict} for it in found.cues}
    return json.dumps(told | ({"cues": cues} if cues else {}))


def _as_text(path: Path, found: "Finding") -> str:
    score = "" if found.score is None else f"  score {found.score:.3f}"
    advice = "".join(f"\n  {reason.words.en}" for reason in found.reasons)
    cues = "".join(f"\n  {it.name:10} {it.value:6.3f}  {it.verdict}" for it in found.cues)
    return f"{click.format_filename(path)}  {SAYS[found.live]}{score}{advice}{cues}"
