"""How well does the face check do on labelled photos? DIR/<identity>/<image>.

What cannot be measured is null: without two photos of one person no genuine comparison is made,
without two people no impostor one.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from correction_service.face.decide import fuse
from correction_service.face.gallery import DatasetError, Floats, Gallery
from correction_service.face.rates import Counted, Scores, counted, curve
from correction_service.face.template import unit

FMRS = (0.01, 0.001)
SPLITS = 20
Metrics = dict[str, float | None]


def pairs(gallery: Gallery, match: float) -> dict[str, object]:
    """Compare every photo with every other one; ``match`` is the threshold in force."""
    scores = pair_scores(gallery)
    return {
        **_counts(scores),
        "threshold": match,
        **_nested(metrics(scores.genuine.values, scores.impostor.values, match)),
        **_cost(gallery),
        "notes": _notes(scores),
    }


def templates(
    gallery: Gallery, photos: int, match: float, splits: int = SPLITS
) -> dict[str, object]:
    """Compare templates of ``photos`` photos with all others, over seeded random splits.

    Figures are means over the splits; ``intervals`` holds their 2.5 and 97.5 percentiles. People
    with too few photos to enrol take part as impostors only.
    """
    rounds = [template_scores(gallery, photos, seed) for seed in range(splits)]
    found = [metrics(it.genuine.values, it.impostor.values, match) for it in rounds]
    told = {key: [it[key] for it in found] for key in found[0]}
    return {
        "templates": photos,
        "splits": splits,
        **_counts(rounds[0]),
        "threshold": match,
        **_nested({key: _mean(values) for key, values in told.items()}),
        "intervals": _nested({key: _spread(values) for key, values in told.items()}),
        **_cost(gallery),
        "notes": _notes(rounds[0]),
    }


def counts(
    gallery: Gallery, photos: int | None, match: float, splits: int = SPLITS
) -> Sequence[Counted]:
    """Return FMR and FNMR at a threshold, of pairs or of templates, with intervals over people."""
    if photos is None:
        return counted(pair_scores(gallery), match) or ()
    rounds = [template_scores(gallery, photos, seed) for seed in range(splits)]
    return counted(Scores.of(rounds), match, splits) or ()


def metrics(genuine: Floats, impostor: Floats, match: float) -> Metrics:
    """Return EER, FNMR at each of FMRS, and both rates at the threshold in force.

    FNMR at an FMR is taken at the lowest threshold whose FMR on these scores is at most that: with
    fewer than 1 / FMR impostor scores, where none is accepted.
    """
    both = curve(genuine, impostor) if len(genuine) and len(impostor) else None
    return {
        "eer": both.eer() if both else None,
        **{f"fnmr_at_fmr.{rate:g}": both.fnmr_at(rate) if both else None for rate in FMRS},
        "fmr_at_threshold": float((impostor >= match).mean()) if len(impostor) else None,
        "fnmr_at_threshold": float((genuine < match).mean()) if len(genuine) else None,
    }


def pair_scores(gallery: Gallery) -> Scores:
    """Score every photo against every later one."""
    rows = range(len(gallery.identity))
    values = [
        _scores(gallery.sface[[i]], gallery.dlib[[i]], gallery, slice(i + 1, None))[0] for i in rows
    ]
    one, other = np.triu_indices(len(rows), 1)
    between = np.stack([gallery.identity[one], gallery.identity[other]], axis=1)
    return Scores(np.concatenate([np.empty(0), *values]), between)


def template_scores(gallery: Gallery, photos: int, seed: int) -> Scores:
    """Enrol ``photos`` random photos of each person; score the templates against all others."""
    dice = np.random.default_rng(seed)
    chosen = {}
    for person in np.unique(gallery.identity):
        own = dice.permutation(np.flatnonzero(gallery.identity == person))
        if len(own) > photos:
            chosen[int(person)] = own[:photos]
    if not chosen:
        raise DatasetError(f"nobody has more than {photos} usable photos to enrol and to compare")
    probes = np.setdiff1d(np.arange(len(gallery.identity)), np.concatenate([*chosen.values()]))
    sface = np.array([unit(gallery.sface[rows].mean(axis=0)) for rows in chosen.values()])
    dlib = np.array([gallery.dlib[rows].mean(axis=0) for rows in chosen.values()])
    enrolled = np.repeat([*chosen], len(probes))
    between = np.stack([enrolled, np.tile(gallery.identity[probes], len(chosen))], axis=1)
    return Scores(_scores(sface, dlib, gallery, probes).ravel(), between)


def _scores(sface: Floats, dlib: Floats, others: Gallery, rows: slice | Floats) -> Floats:
    """Return fused scores (n, m) against rows of a gallery, without an (n, m, 128) array."""
    other = others.dlib[rows]
    squares = (dlib**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares - 2 * dlib @ other.T, 0))
    return fuse(sface @ others.sface[rows].T, distance)


def _counts(scores: Scores) -> dict[str, object]:
    genuine, impostor = len(scores.genuine.values), len(scores.impostor.values)
    return {
        "pairs": genuine + impostor,
        "genuine_pairs": genuine,
        "impostor_pairs": impostor,
    }


def _notes(scores: Scores) -> list[str]:
    """Say what the figures cannot bear."""
    genuine, impostor = len(scores.genuine.values), len(scores.impostor.values)
    notes = []
    if not genuine:
        notes.append("no two usable photos of one person: FNMR and EER are not known")
    if not impostor:
        notes.append("no usable photos of two people: FMR and EER are not known")
    if 0 < impostor * min(FMRS) < 1:
        notes.append(
            f"{impostor} impostor comparisons cannot show an FMR of {min(FMRS):g}: "
            "the FNMR beside it is where none of them is accepted"
        )
    return notes


def _mean(values: Sequence[float | None]) -> float | None:
    known = [it for it in values if it is not None]
    return float(np.mean(known)) if known else None


def _spread(values: Sequence[float | None]) -> list[float] | None:
    known = [it for it in values if it is not None]
    return [float(it) for it in np.percentile(known, [2.5, 97.5])] if known else None


def _nested(flat: Mapping[str, object]) -> dict[str, object]:
    """Turn ``fnmr_at_fmr.0.01`` into a table of its own."""
    name = "fnmr_at_fmr."
    rates = {key.removeprefix(name): value for key, value in flat.items() if key.startswith(name)}
    rest = {key: value for key, value in flat.items() if not key.startswith(name)}
    return {**rest, name.rstrip("."): rates}


def _cost(gallery: Gallery) -> dict[str, object]:
    return {"failed_to_enrol": gallery.failed_to_enrol, "ms_per_image": gallery.ms_per_image}
