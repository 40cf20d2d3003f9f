"""Were these pictures taken now? Their times, their order, and whether they were seen before."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from correction_service.face.fingerprints import distances
from correction_service.face.gates import Timing
from correction_service.face.liveness import Frame


def timing(frames: Sequence[Frame], figures: Timing) -> float | None:
    """Return the share of frames whose times can be true; None without times.

    A picture taken before the challenge, after it arrived, or out of step with its neighbours
    cannot be what it says.
    """
    times = [frame.at_ms for frame in frames if frame.at_ms is not None]
    if len(times) < len(frames) or not frames:
        return None
    steps = [
        figures.shortest_gap_ms <= later - sooner <= figures.longest_gap_ms
        for sooner, later in pairwise(times)
    ]
    true = [
        in_step and at_ms >= 0 and at_ms <= _latest(frame, at_ms, figures)
        for frame, at_ms, in_step in zip(frames, times, [True, *steps], strict=True)
    ]
    return sum(true) / len(true)


def _latest(frame: Frame, at_ms: int, figures: Timing) -> int:
    """Return when the frame can have been taken at the latest."""
    return at_ms if frame.arrived_ms is None else frame.arrived_ms + figures.drift_ms


def prompt(frames: Sequence[Frame], prompt_ms: int) -> float | None:
    """Return the share of frames that arrived soon after they were taken; None without times."""
    late_ms = [
        frame.arrived_ms - frame.at_ms
        for frame in frames
        if frame.arrived_ms is not None and frame.at_ms is not None
    ]
    if len(late_ms) < len(frames) or not frames:
        return None
    return sum(late <= prompt_ms for late in late_ms) / len(late_ms)


def in_order(frames: Sequence[Frame], actions: int, least: int) -> bool:
    """Tell whether every step is there, with ``least`` frames, in the order asked: straight first.

    Which step a frame shows is the sender's word. Were the order not asked as well, one film with
    every movement in it would do for all that can be drawn. That the frames are given in the order
    of their times, ``timing`` says.
    """
    steps = [-1 if frame.action is None else frame.action for frame in frames]
    counts = [steps.count(step) for step in range(-1, actions)]
    return steps == sorted(steps) and min(counts) >= least and sum(counts) == len(steps)


def motion(prints: Sequence[bytes], frozen_bits: int) -> float | None:
    """Return the share of pictures unlike all before them in the burst; None for fewer than two."""
    if len(prints) < 2:  # noqa: PLR2004 one picture cannot repeat another
        return None
    apart = distances(prints, prints) + 1000 * np.triu(np.ones((len(prints), len(prints)), int))
    return float((apart[1:].min(axis=1) > frozen_bits).mean())


def unseen(prints: Sequence[bytes], earlier: Collection[bytes], same_bits: int) -> float | None:
    """Return the share of pictures that no earlier check-in sent; None without pictures."""
    if not prints:
        return None
    known = [other for other in earlier if other]
    if not known:
        return 1.0
    return float((distances(prints, known).min(axis=1) > same_bits).mean())
