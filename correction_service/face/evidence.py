"""Add up what speaks for a living face and what against."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from correction_service.face import gestures, parallax, replays, screens
from correction_service.face.actions import TURNS, Action
from correction_service.face.gates import Gates, Scale
from correction_service.face.gestures import Posture
from correction_service.face.liveness import Cue, CueName, CueVerdict, Frame, Liveness
from correction_service.face.looks import Look, Portrait
from correction_service.face.words import Reason

Measures = Mapping[CueName, float | None]
_ADVICE = {
    CueName.ACTIONS: Reason.ACTION_NOT_SEEN,
    CueName.PARALLAX: Reason.TURN_FURTHER,
    CueName.DEPTH: Reason.TURN_FURTHER,
    CueName.SURFACE: Reason.TURN_FURTHER,
    CueName.RELIEF: Reason.TURN_FURTHER,
    CueName.PASSIVE: Reason.LIVENESS_UNCLEAR,
    CueName.SCREEN: Reason.LIVENESS_UNCLEAR,
    CueName.SAME_FACE: Reason.FACE_CHANGED,
    CueName.ALONE: Reason.MANY_FACES,
    CueName.TIMING: Reason.NOT_TAKEN_NOW,
    CueName.MOTION: Reason.NOT_TAKEN_NOW,
    CueName.UNSEEN: Reason.NOT_TAKEN_NOW,
    CueName.PROMPT: Reason.NOT_TAKEN_NOW,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A burst that was looked at: frames and looks side by side, and what was asked."""

    frames: Sequence[Frame]
    looks: Sequence[Look] = field(repr=False)
    actions: Sequence[Action]

    def portraits(self, *steps: int | None) -> list[Portrait]:
        """Return the faces in the frames of these steps; of all frames without any."""
        return [
            look.portrait
            for frame, look in zip(self.frames, self.looks, strict=True)
            if look.portrait and (not steps or frame.action in steps)
        ]


def measured(
    taken: Taken, passive: Sequence[float], earlier: Collection[bytes], figures: Gates
) -> Measures:
    """Return every cue's measure, None where it could not be taken.

    ``passive`` are the scores of the best frames, 1 for skin, 0 for paper and screens.
    """
    prints = [look.fingerprint for look in taken.looks if look.fingerprint]
    return {
        **_moved(taken, figures),
        CueName.PASSIVE: median(passive) if passive else None,
        CueName.SCREEN: screens.evenness(taken.portraits()),
        CueName.SAME_FACE: same_face(taken.portraits()),
        CueName.ALONE: _alone(taken.looks),
        CueName.TIMING: replays.timing(taken.frames, figures.timing),
        CueName.MOTION: replays.motion(prints, figures.frozen_bits),
        CueName.UNSEEN: replays.unseen(prints, earlier, figures.same_bits),
        CueName.PROMPT: replays.prompt(taken.frames, figures.timing.prompt_ms),
    }


def weigh(measures: Measures, figures: Gates) -> tuple[Cue, ...]:
    """Turn measures into cues, in the order of the figures' table."""
    return tuple(_cue(name, measures.get(name), row) for name, row in figures.scales.items())


def judge(cues: Sequence[Cue], figures: Gates) -> Liveness:
    """Decide by the sum, and by the cues without which nobody is called live.

    *Not live* needs evidence of an attack; whatever is merely missing ends in *cannot tell*.
    """
    total = sum(cue.contribution for cue in cues)
    if total <= figures.not_live:
        return Liveness.NOT_LIVE
    convinced = total >= figures.live and all(_carries(cue, figures) for cue in cues)
    return Liveness.LIVE if convinced else Liveness.CANNOT_TELL


def reasons(cues: Sequence[Cue], liveness: Liveness, figures: Gates) -> tuple[Reason, ...]:
    """Say what would help, or what was found; nothing of a face that is live."""
    if liveness is Liveness.LIVE:
        return ()
    if liveness is Liveness.NOT_LIVE:
        return (Reason.PICTURE_OF_A_PICTURE,)
    lacking = [cue.name for cue in cues if not _carries(cue, figures)]
    return tuple(dict.fromkeys(_ADVICE[name] for name in lacking)) or (Reason.LIVENESS_UNCLEAR,)


def _carries(cue: Cue, figures: Gates) -> bool:
    """Whether a cue lets a face be called live."""
    if figures.scales[cue.name].needed:
        return cue.verdict is CueVerdict.FOR
    return cue.verdict is not CueVerdict.AGAINST


def _cue(name: CueName, value: float | None, scale: Scale) -> Cue:
    if value is not None and value >= scale.good:
        return Cue(name, value, scale.for_, CueVerdict.FOR)
    if value is not None and value <= scale.bad:
        return Cue(name, value, -scale.against, CueVerdict.AGAINST)
    return Cue(name, value, 0.0, CueVerdict.NEUTRAL)


def _moved(taken: Taken, figures: Gates) -> dict[CueName, float | None]:
    """Measure what was done, against the person's own frames looking straight."""
    straight = taken.portraits(None)
    if not straight:
        return {}
    still = [gestures.posture(portrait) for portrait in straight]
    rest = gestures.at_rest(still)
    done = [gestures.steady(rest, still, figures.gestures)]
    for i, action in enumerate(taken.actions):
        step = [gestures.posture(portrait) for portrait in taken.portraits(i)]
        done.append(gestures.seen(action, rest, step, figures.gestures))
    as_asked = replays.in_order(taken.frames, len(taken.actions), figures.gestures.frames)
    share = sum(done) / len(done) if as_asked else 0.0
    turns = [i for i, action in enumerate(taken.actions) if action in TURNS]
    turned = taken.portraits(*turns) if turns else []
    return {CueName.ACTIONS: share, **depth(straight, turned, rest)}


def depth(
    straight: Sequence[Portrait], turned: Sequence[Portrait], rest: Posture
) -> dict[CueName, float | None]:
    """Measure turns of a head that is at ``rest`` in the frames looking straight.

    Two frames must agree, since in one the points may have slipped.
    """
    postures = [gestures.posture(portrait) for portrait in turned]
    best = max(straight, key=lambda portrait: portrait.quality.rank)
    points = gestures.posture(best).points
    return {
        CueName.PARALLAX: parallax.second([abs(now.turn - rest.turn) for now in postures]),
        CueName.DEPTH: parallax.second(
            [parallax.residual(rest.points, now.points) for now in postures]
        ),
        CueName.SURFACE: parallax.second(
            [
                parallax.surface(best.image, points, portrait.image, now.points)
                for portrait, now in zip(turned, postures, strict=True)
            ]
        ),
        CueName.RELIEF: parallax.second([gestures.stood_out(rest, now) for now in postures]),
    }


def same_face(portraits: Sequence[Portrait]) -> float | None:
    """Return how like the best frame the least like it is (SFace cosine)."""
    if len(portraits) < 2:  # noqa: PLR2004 one face is like itself
        return None
    best = max(portraits, key=lambda portrait: portrait.quality.rank)
    return min(float(best.sface @ portrait.sface) for portrait in portraits)


def _alone(looks: Sequence[Look]) -> float | None:
    seen = [look.faces for look in looks if look.faces]
    return sum(faces == 1 for faces in seen) / len(seen) if seen else None
