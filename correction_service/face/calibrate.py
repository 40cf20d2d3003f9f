"""From labelled photos to thresholds, with what can and what cannot be known from them.

A threshold stands where strangers reach it as often as its target says. How often they do is
counted where there are impostor comparisons enough, extrapolated from the shape of their tail
where there are fewer, and not said at all where there are too few: see docs/adr/0025.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from correction_service.face.evaluate import FMRS, SPLITS, pair_scores, template_scores
from correction_service.face.gallery import DatasetError, Gallery
from correction_service.face.rates import (
    Curve,
    Resampled,
    Scores,
    counted,
    curve,
    extrapolated,
    interval,
)
from correction_service.face.thresholds import (
    FEWEST_PEOPLE,
    MATCH_FMR,
    Basis,
    Calibration,
    Threshold,
    fewest_impostors,
)

UNCERTAIN_FMR = 1e-2  # a score that fewer than one stranger in a hundred reaches is worth a look
ENROLLED = 3
COUNTED = 30  # expected errors from which a rate is known to within a third (the rule of 30)
SURE = 0.8  # other people than those measured must be held to the target as well
ROC_FMRS = (0.1, 0.03, 0.01, 0.003, 0.001, 5e-4)
DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Fit:
    """What one kind of comparison gave: the report, and a threshold or the reason why not."""

    report: dict[str, object]
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Scores, those of one look among them, and the rates of as many draws of the people."""

    scores: Scores
    impostors: int
    genuine: int
    whole: Curve
    draws: list[Curve]
    people: int


def pair(gallery: Gallery, fmr: float = MATCH_FMR, floor: float | None = None) -> Fit:
    """Fit the threshold of two single photos."""
    return _fit([pair_scores(gallery)], fmr, floor)


def template(
    gallery: Gallery,
    fmr: float = MATCH_FMR,
    floor: float | None = None,
    *,
    enrolled: int = ENROLLED,
    splits: int = SPLITS,
) -> Fit:
    """Fit the threshold of a template of ``enrolled`` photos against one, over random splits."""
    try:
        looks = [template_scores(gallery, enrolled, seed) for seed in range(splits)]
    except DatasetError as error:
        return Fit({"refused": str(error)})
    return _fit(looks, fmr, floor)


def calibration(
    gallery: Gallery, fits: Mapping[str, Fit], *, model_version: str, source: str, measured: date
) -> Calibration:
    """Join what was fitted; raise DatasetError with the reasons where a threshold is missing."""
    missing = [f"{name}: {it.report['refused']}" for name, it in fits.items() if not it.threshold]
    if missing:
        raise DatasetError("no thresholds are written. " + "; ".join(missing))
    thresholds = {name: it.threshold for name, it in fits.items() if it.threshold}
    return Calibration(
        model_version=model_version,
        source=source,
        measured=measured,
        photos=len(gallery.identity),
        enrolled=ENROLLED,
        **thresholds,
    )


def groups(gallery: Gallery, labels: Mapping[str, str], match: float) -> dict[str, object]:
    """Return the rates of pairs within each group at a threshold, with intervals over people."""
    found: dict[str, object] = {}
    for name in sorted(set(labels.values())):
        members = [i for i, who in enumerate(gallery.names) if labels.get(who) == name]
        scores = pair_scores(gallery.of(np.array(members, dtype=np.intp)))
        found[name] = {"people": len(np.unique(scores.between)), **_rates(scores, match)}
    return found


def to_toml(made: Calibration) -> str:
    """Write a calibration as ``thresholds.read`` reads it."""
    top = asdict(made)
    tables = {name: top.pop(name) for name in ("pair", "template")}
    lines = [f"{name} = {_toml(value)}" for name, value in top.items()]
    for table, values in tables.items():
        lines += ["", f"[{table}]", *(f"{name} = {_toml(it)}" for name, it in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def _fit(looks: list[Scores], fmr: float, floor: float | None) -> Fit:
    """Fit to the scores of one or several splits of the same people."""
    scores = Scores.of(looks)
    people = len(np.unique(scores.between))
    genuine, impostors = (len(it.values) for it in (looks[0].genuine, looks[0].impostor))
    counts = {"people": people, "genuine_pairs": genuine, "impostor_pairs": impostors}
    if not genuine or not impostors:
        why = "two photos of one person and photos of two people are needed"
        return Fit({**counts, "refused": why})
    resampled = Resampled(scores)
    whole = curve(scores.genuine.values, scores.impostor.values)
    drawn = Drawn(scores, impostors, genuine, whole, resampled.curves(), people)
    report = {**counts, **_report(drawn)}
    refused = _refused(drawn, fmr)
    if refused:
        return Fit({**report, "refused": refused})
    fitted = _threshold(drawn, fmr, floor)
    return Fit({**report, "threshold": asdict(fitted)}, fitted)


def _refused(drawn: Drawn, fmr: float) -> str | None:
    """Say why these data support no threshold at this rate."""
    if drawn.people < FEWEST_PEOPLE:
        return f"{drawn.people} people; {FEWEST_PEOPLE} or more are needed"
    needed = fewest_impostors(fmr)
    if drawn.impostors < needed:
        return f"{drawn.impostors} impostor comparisons; FMR {fmr:g} needs {needed} or more"
    return None


def _threshold(drawn: Drawn, fmr: float, floor: float | None) -> Threshold:
    """Place both thresholds; the match so that SURE of the draws of people keep the target."""
    basis = Basis.COUNTED if drawn.impostors * fmr >= COUNTED else Basis.EXTRAPOLATED
    found = float(np.quantile([it.threshold(fmr) for it in drawn.draws], SURE))
    if basis is Basis.EXTRAPOLATED:
        found = max(found, extrapolated(drawn.scores.impostor.values, fmr))
    if floor is not None and found < floor:
        found, basis = floor, Basis.FLOOR
    match = _up(found)
    rates = drawn.whole.rates(match)
    return Threshold(
        match=match,
        uncertain=min(match, _up(drawn.whole.threshold(UNCERTAIN_FMR))),
        basis=basis,
        fmr_target=fmr,
        fmr=_short(rates[0]),
        fmr_interval=_pair(interval(drawn.draws, lambda it: it.rates(match)[0])),
        fnmr=_short(rates[1]),
        fnmr_interval=_pair(interval(drawn.draws, lambda it: it.rates(match)[1])),
        people=drawn.people,
        genuine=drawn.genuine,
        impostors=drawn.impostors,
    )


def _report(drawn: Drawn) -> dict[str, object]:
    """Return EER, FNMR at each FMR and the ROC, with intervals; nothing rarer than one in all."""
    seen = [rate for rate in ROC_FMRS if rate * drawn.impostors >= 1]
    at = {f"{rate:g}": drawn.whole.fnmr_at(rate) for rate in FMRS if rate in seen}
    spread = {f"{r:g}": interval(drawn.draws, lambda it, r=r: it.fnmr_at(r)) for r in seen}  # type: ignore[misc]
    return {
        "eer": drawn.whole.eer(),
        "fnmr_at_fmr": at,
        "intervals": {
            "eer": interval(drawn.draws, Curve.eer),
            "fnmr_at_fmr": {name: spread[name] for name in at},
        },
        "roc": [
            {
                "fmr": rate,
                "threshold": drawn.whole.threshold(rate),
                "fnmr": drawn.whole.fnmr_at(rate),
                "fnmr_interval": spread[f"{rate:g}"],
            }
            for rate in seen
        ],
    }


def _rates(scores: Scores, match: float) -> dict[str, object]:
    found: dict[str, object] = {
        "genuine_pairs": len(scores.genuine.values),
        "impostor_pairs": len(scores.impostor.values),
    }
    for name, rate in zip(("fmr", "fnmr"), counted(scores, match) or (), strict=False):
        found[name] = rate.errors / rate.trials
        found[f"{name}_interval"] = list(rate.interval)
    return found


def _up(score: float) -> float:
    """Round up, so that the rate at the rounded threshold is not above the target."""
    return float(math.ceil(score * 10**DECIMALS) / 10**DECIMALS)


def _short(rate: float) -> float:
    return float(f"{rate:.3g}")


def _pair(ends: list[float]) -> tuple[float, float]:
    return _short(ends[0]), _short(ends[1])
