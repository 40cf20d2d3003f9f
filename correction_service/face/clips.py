"""What a clip shows by moving, though nothing was asked: measured as in a check-in.

``relief`` is left out: a mouth that opens lengthens a face as a turn narrows it, and nobody was
asked to keep it shut.
"""

from collections.abc import Mapping, Sequence

from correction_service.face import evidence, gestures, screens
from correction_service.face.gates import gates
from correction_service.face.liveness import Cue, CueName, CueVerdict
from correction_service.face.looks import Portrait

_DEPTH = (CueName.PARALLAX, CueName.DEPTH, CueName.SURFACE)


def cues(portraits: Sequence[Portrait]) -> tuple[Cue, ...]:
    """Return what could be measured of the frames of one clip; nothing of a single picture."""
    if len(portraits) < 2:  # noqa: PLR2004 a picture does not move
        return ()
    measures = {
        **_turned(portraits),
        CueName.SCREEN: screens.evenness(portraits),
        CueName.SAME_FACE: evidence.same_face(portraits),
    }
    return tuple(
        cue for cue in evidence.weigh(measures, gates()) if measures.get(cue.name) is not None
    )


def deep(found: Sequence[Cue]) -> bool:
    """Whether a head turned, nothing flat or bent explains how, and nothing else is amiss."""
    verdicts = _verdicts(found)
    return not odd(found) and all(verdicts.get(name) is CueVerdict.FOR for name in _DEPTH)


def odd(found: Sequence[Cue]) -> bool:
    """Whether something is amiss whatever one picture looks like.

    A screen's wave of colours, another face, or a face that turned far enough and that a sheet
    explains all the same. A turn too small to tell is nothing amiss.
    """
    verdicts = _verdicts(found)
    turned = verdicts.get(CueName.PARALLAX) is CueVerdict.FOR
    return (
        verdicts.get(CueName.SCREEN, CueVerdict.FOR) is not CueVerdict.FOR
        or verdicts.get(CueName.SAME_FACE) is CueVerdict.AGAINST
        or (turned and verdicts.get(CueName.SURFACE) is not CueVerdict.FOR)
    )


def _turned(portraits: Sequence[Portrait]) -> Mapping[CueName, float | None]:
    """Measure a turn where two frames show it against two of a head held otherwise.

    Nobody says which frames look straight: the most frontal of which there are two.
    """
    least = gates().gestures
    for ahead in sorted(portraits, key=lambda it: -it.quality.rank):
        aside = [(it, abs(it.quality.turn - ahead.quality.turn)) for it in portraits]
        straight = [it for it, by in aside if by < least.turn / 2]
        turned = [it for it, by in aside if by >= least.turn]
        if min(len(straight), len(turned)) >= least.faces:
            rest = gestures.at_rest([gestures.posture(it) for it in straight])
            measured = evidence.depth(straight, turned, rest)
            return {name: measured[name] for name in _DEPTH}
    return {}


def _verdicts(found: Sequence[Cue]) -> dict[CueName, CueVerdict]:
    return {cue.name: cue.verdict for cue in found}
