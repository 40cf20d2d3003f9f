"""The words of what liveness was told by, and of what a check-in shows beside the face."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from correction_service.face.liveness import CueName, CueVerdict
from correction_service.locale import chosen
from correction_service.presence import checkin_evidence
from correction_service.presence.checkin_evidence import Basis
from correction_service.web.console import sentences, words
from models.checkin_evidence import Finding, Innocent, Sign

HALF, FULL = 50.0, 6.0  # of a bar; the weight that fills it: no cue weighs more
CUES = {
    CueName.ACTIONS: _l("The actions asked were made, each in its time"),
    CueName.PARALLAX: _l("The nose moved between the eyes over the turn, as on a head"),
    CueName.DEPTH: _l("The turn showed depth, which no flat picture has"),
    CueName.SURFACE: _l("No flat or bent sheet explains the nose of the turned face"),
    CueName.RELIEF: _l("The nose moved further than the face became narrow"),
    CueName.PASSIVE: _l("Skin and light look like a face, not like paper or a screen"),
    CueName.SCREEN: _l("No coloured wave lies over face and surroundings, as over a filmed screen"),
    CueName.SAME_FACE: _l("One and the same face in every picture"),
    CueName.ALONE: _l("One face alone in every picture"),
    CueName.TIMING: _l("The times of the pictures can be true"),
    CueName.MOTION: _l("Each picture differs from the one before"),
    CueName.UNSEEN: _l("The pictures are new: no earlier check-in sent them"),
    CueName.PROMPT: _l("The pictures arrived as they were taken, not later"),
}
SAYS = {
    CueVerdict.FOR: _l("speaks for a living face"),
    CueVerdict.NEUTRAL: _l("says nothing"),
    CueVerdict.AGAINST: _l("speaks against it"),
}
SIGNS = {
    Sign.BRACELET_ELSEWHERE: _l(
        "The bracelet was %(apart)s from the phone (error of both: %(error)s), found by %(source)s "
        "%(age)s before or after."
    ),
    Sign.BRACELET_NEAR: _l(
        "The bracelet was by the phone: %(apart)s apart, error of both %(error)s, found by "
        "%(source)s %(age)s before or after."
    ),
    Sign.IMPOSSIBLE_TRAVEL: _l(
        "The phone would have travelled %(apart)s in %(within)s: %(speed_kmh)s km/h, errors "
        "allowed for."
    ),
    Sign.POSITION_REPEATED: _l(
        "The very same position, to the last digit, at %(times)s of %(of)s check-ins."
    ),
    Sign.SAME_MINUTE: _l(
        "Always the same minutes: %(times)s of %(of)s days between %(from)s and %(until)s."
    ),
    Sign.AFTER_MIDNIGHT: _l(
        "Mostly in the first %(minutes)s minutes after midnight: %(times)s of %(of)s days."
    ),
    Sign.SEEN_BEFORE: _l(
        "A picture that this person sent before, on %(at)s: %(bits)s of 256 bits differ."
    ),
    Sign.SEEN_OF_ANOTHER: _l(
        "A picture that came with another person's check-in: %(bits)s of 256 bits differ."
    ),
    Sign.ONE_PHONE: _l("%(people)s people checked in from this phone, each as the owner."),
    Sign.MANY_TRIES: _l("%(tries)s tries before this one on the same day."),
    Sign.LATE_PICTURES: _l("Pictures came later than taken at %(times)s of %(of)s check-ins."),
}


class Bar(NamedTuple):
    """A cue as it is drawn: what it looked at, what it says, a bar right for and left against."""

    label: str
    says: str
    verdict: str
    begins: float
    length: float


def cue(stored: Mapping[str, Any]) -> Bar:
    """Draw a cue as a check-in keeps it; one that is looked at no more is named by its code."""
    label, verdict = CUES.get(stored["name"], stored["name"]), CueVerdict(stored["verdict"])
    weight = min(max(stored["contribution"] / FULL, -1.0), 1.0) * HALF
    unmeasured = stored["value"] is None
    says = gettext("could not be measured") if unmeasured else SAYS[verdict]
    begins = HALF + min(weight, 0.0)
    return Bar(str(label), str(says), verdict.value, round(begins, 1), round(abs(weight), 1))


def sign(finding: Finding) -> str:
    """Say what was found, with its figures."""
    facts = {_place(name): _said(name, value) for name, value in finding.facts.items()}
    return str(SIGNS[finding.sign]) % facts


def _place(name: str) -> str:
    """The sentence's place for a figure that is said with its unit."""
    return name.removesuffix("_m").removesuffix("_s")


def _said(name: str, value: Any) -> object:  # noqa: ANN401 - a figure of any kind
    if name in {"apart_m", "error_m"}:
        return sentences.distance(value)
    if name in {"age_s", "within_s"}:
        return sentences.lasting(timedelta(seconds=value))
    if name == "source":
        return words.source(value) if value else gettext("unknown")
    return sentences.clock(value) if name == "at" else value


def perhaps(innocent: Innocent) -> str:
    """Say an innocent explanation."""
    return sentences.innocent(innocent.value)


def basis(finding: Finding) -> list[tuple[Basis, str]]:
    """The figures that decided, each with why it is what it is."""
    return [(it, getattr(it, chosen())) for it in checkin_evidence.rests_on(finding)]
