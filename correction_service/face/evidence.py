"""Add up what speaks for a living face and what against."""

from collections.abc import Collection, Mapping, Sequence

from correction_service.face import replays
from correction_service.face.gates import Gates, Scale, gates
from correction_service.face.liveness import Cue, CueName, CueVerdict, Frame, Liveness
from correction_service.face.looks import Look


def measured(
    frames: Sequence[Frame], looks: Sequence[Look], earlier: Collection[bytes]
) -> dict[CueName, float | None]:
    """Return every cue's measure, None where it could not be taken."""
    figures, prints = gates(), [look.fingerprint for look in looks if look.fingerprint]
    return {
        CueName.TIMING: replays.timing(frames, figures.timing),
        CueName.MOTION: replays.motion(prints, figures.same_bits),
        CueName.UNSEEN: replays.unseen(prints, earlier, figures.same_bits),
    }


def weigh(measures: Mapping[CueName, float | None], figures: Gates) -> tuple[Cue, ...]:
    """Turn measures into cues, in the order of the figures' table."""
    return tuple(_cue(name, measures.get(name), row) for name, row in figures.scales.items())


def judge(cues: Sequence[Cue], figures: Gates) -> Liveness:
    """Decide by the sum, and by the cues without which nobody is called live.

    *Not live* needs evidence of an attack; whatever is merely missing ends in *cannot tell*.
    """
    total = sum(cue.contribution for cue in cues)
    if total <= figures.not_live:
        return Liveness.NOT_LIVE
    lacking = any(
        cue.verdict is CueVerdict.AGAINST
        or (figures.scales[cue.name].needed and cue.verdict is not CueVerdict.FOR)
        for cue in cues
    )
    return Liveness.CANNOT_TELL if lacking or total < figures.live else Liveness.LIVE


def _cue(name: CueName, value: float | None, scale: Scale) -> Cue:
    if value is not None and value >= scale.good:
        return Cue(name, value, scale.for_, CueVerdict.FOR)
    if value is not None and value <= scale.bad:
        return Cue(name, value, -scale.against, CueVerdict.AGAINST)
    return Cue(name, value, 0.0, CueVerdict.NEUTRAL)
