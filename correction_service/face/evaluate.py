"""How well does the face check do on labelled photos? DIR/<identity>/<image>.

Figures follow ISO/IEC 19795-1: FMR the share of impostor comparisons accepted, FNMR the share of
genuine ones refused, EER where both are equal. A photo without a usable face is a failure to enrol
and takes part in no comparison.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from correction_service.face.decide import fuse
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Embedding, unit
from correction_service.face.thresholds import Threshold, thresholds

FMRS = (0.01, 0.001)
SPLITS = 20
Floats = NDArray[np.floating]
Metrics = dict[str, float]


class DatasetError(ValueError):
    """The folder holds nothing that can be evaluated; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Embeddings of a folder: (n, 128) each, the identity's number of each row, and the cost."""

    sface: Floats
    dlib: Floats
    identity: NDArray[np.intp]
    failed_to_enrol: int
    ms_per_image: float


def read(folder: Path, recogniser: Recogniser) -> Gallery:
    """Embed every photo of DIR/<identity>/<image>; the largest face is taken for the person's."""
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    photos = [(i, path) for i, person in enumerate(people) for path in _files(person)]
    if len(people) <= 1 or not photos:
        raise DatasetError(f"{folder} must hold a folder of photos for each of two or more people")
    started = time.process_time()
    found = [(i, _embedded(path, recogniser)) for i, path in photos]
    ms_per_image = 1000 * (time.process_time() - started) / len(photos)
    seen = [(i, embedding) for i, embedding in found if embedding is not None]
    return Gallery(
        sface=np.array([e.sface for _, e in seen]).reshape(-1, 128),
        dlib=np.array([e.dlib for _, e in seen]).reshape(-1, 128),
        identity=np.array([i for i, _ in seen], dtype=np.intp),
        failed_to_enrol=len(photos) - len(seen),
        ms_per_image=ms_per_image,
    )


def pairs(gallery: Gallery) -> dict[str, object]:
    """Compare every photo with every other one."""
    scores = _scores(gallery.sface, gallery.dlib, gallery.sface, gallery.dlib)
    upper = np.triu_indices(len(scores), 1)
    same = (gallery.identity[:, None] == gallery.identity)[upper]
    values = scores[upper]
    genuine, impostor = _both(values[same], values[~same])
    return {
        "pairs": len(values),
        "genuine_pairs": len(genuine),
        "impostor_pairs": len(impostor),
        "threshold": thresholds().pair.match,
        **_nested(metrics(genuine, impostor, thresholds().pair)),
        **_cost(gallery),
    }


def templates(gallery: Gallery, photos: int, splits: int = SPLITS) -> dict[str, object]:
    """Compare templates of ``photos`` photos with all others, over seeded random splits.

    Figures are means over the splits; ``intervals`` holds their 2.5 and 97.5 percentiles. People
    with too few photos to enrol take part as impostors only.
    """
    rounds = [_split(gallery, photos, np.random.default_rng(seed)) for seed in range(splits)]
    measured = [metrics(genuine, impostor, thresholds().template) for genuine, impostor in rounds]
    mean = {key: float(np.mean([m[key] for m in measured])) for key in measured[0]}
    spread = {
        key: np.percentile([m[key] for m in measured], [2.5, 97.5]).tolist() for key in measured[0]
    }
    genuine, impostor = rounds[0]
    return {
        "templates": photos,
        "splits": splits,
        "pairs": len(genuine) + len(impostor),
        "genuine_pairs": len(genuine),
        "impostor_pairs": len(impostor),
        "threshold": thresholds().template.match,
        **_nested(mean),
        "intervals": _nested(spread),
        **_cost(gallery),
    }


def metrics(genuine: Floats, impostor: Floats, threshold: Threshold) -> Metrics:
    """Return EER, FNMR at each of FMRS, and both rates at the threshold in force.

    FNMR at an FMR is taken at the lowest threshold whose FMR on these scores is at most that: with
    fewer than 1 / FMR impostor scores, where none is accepted.
    """
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    at = np.concatenate([impostor, genuine, [np.inf]])
    fmr = 1 - np.searchsorted(impostor, at) / len(impostor)
    fnmr = np.searchsorted(genuine, at) / len(genuine)
    crossing = np.argmin(np.abs(fmr - fnmr))
    found = {f"fnmr_at_fmr.{rate:g}": float(fnmr[fmr <= rate].min()) for rate in FMRS}
    return {
        "eer": float((fmr[crossing] + fnmr[crossing]) / 2),
        **found,
        "fmr_at_threshold": float((impostor >= threshold.match).mean()),
        "fnmr_at_threshold": float((genuine < threshold.match).mean()),
    }


def _split(gallery: Gallery, photos: int, dice: np.random.Generator) -> tuple[Floats, Floats]:
    """Enrol ``photos`` random photos of each person; return genuine and impostor scores."""
    chosen = {}
    for person in np.unique(gallery.identity):
        own = dice.permutation(np.flatnonzero(gallery.identity == person))
        if len(own) > photos:
            chosen[int(person)] = own[:photos]
    if not chosen:
        raise DatasetError(f"nobody has more than {photos} usable photos: fewer for --templates?")
    probes = np.setdiff1d(np.arange(len(gallery.identity)), np.concatenate([*chosen.values()]))
    sface = np.array([unit(gallery.sface[rows].mean(axis=0)) for rows in chosen.values()])
    dlib = np.array([gallery.dlib[rows].mean(axis=0) for rows in chosen.values()])
    scores = _scores(sface, dlib, gallery.sface[probes], gallery.dlib[probes])
    same = np.array([*chosen])[:, None] == gallery.identity[probes]
    return _both(scores[same], scores[~same])


def _scores(sface: Floats, dlib: Floats, other_sface: Floats, other_dlib: Floats) -> Floats:
    """Return fused scores (n, m) of two galleries, without an (n, m, 128) array."""
    squares = (dlib**2).sum(axis=1)[:, None] + (other_dlib**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares - 2 * dlib @ other_dlib.T, 0))
    return fuse(sface @ other_sface.T, distance)


def _both(genuine: Floats, impostor: Floats) -> tuple[Floats, Floats]:
    if not len(genuine) or not len(impostor):
        raise DatasetError("needs usable photos of two people, two or more of one of them")
    return genuine, impostor


def _files(person: Path) -> Iterable[Path]:
    return sorted(p for p in person.iterdir() if p.is_file() and not p.name.startswith("."))


def _embedded(path: Path, recogniser: Recogniser) -> Embedding | None:
    look = recogniser.look(path.read_bytes(), thresholds().compare)
    return recogniser.embed(look.portrait) if look.portrait else None


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Turn ``fnmr_at_fmr.0.01`` into a table of its own."""
    name = "fnmr_at_fmr."
    rates = {key.removeprefix(name): value for key, value in flat.items() if key.startswith(name)}
    rest = {key: value for key, value in flat.items() if not key.startswith(name)}
    return {**rest, name.rstrip("."): rates}


def _cost(gallery: Gallery) -> dict[str, object]:
    return {"failed_to_enrol": gallery.failed_to_enrol, "ms_per_image": gallery.ms_per_image}
