"""How far eyes are open, looked at only where closing them was asked: it takes 10 ms a face."""

from collections.abc import Sequence
from dataclasses import replace

from correction_service.face.actions import Action
from correction_service.face.landmarks import Landmarker
from correction_service.face.liveness import Frame
from correction_service.face.looks import Look

OWN = 2  # of the frames looking straight, the best: how far the person's own eyes open


def closing(frames: Sequence[Frame], actions: Sequence[Action]) -> list[int]:
    """Return the places of the frames for which the person was asked to close their eyes."""
    steps = {i for i, action in enumerate(actions) if action is Action.CLOSE_EYES}
    return [i for i, frame in enumerate(frames) if frame.action in steps]


def read(
    landmarker: Landmarker | None,
    frames: Sequence[Frame],
    looks: Sequence[Look],
    actions: Sequence[Action],
) -> list[Look]:
    """Return the looks, those that tell whether the eyes were closed with how far they are open."""
    closed = closing(frames, actions)
    if landmarker is None or not closed:
        return list(looks)
    read_at = {*closed, *_straight(frames, looks)}
    return [_read(landmarker, look) if i in read_at else look for i, look in enumerate(looks)]


def _straight(frames: Sequence[Frame], looks: Sequence[Look]) -> list[int]:
    ranks = {
        i: look.portrait.quality.rank
        for i, (frame, look) in enumerate(zip(frames, looks, strict=True))
        if frame.action is None and look.portrait
    }
    return sorted(ranks, key=lambda i: -ranks[i])[:OWN]


def _read(landmarker: Landmarker, look: Look) -> Look:
    portrait = look.portrait
    mesh = landmarker.find(portrait.image, portrait.face) if portrait else None
    if portrait is None or mesh is None:
        return look
    return replace(look, portrait=replace(portrait, eyes=mesh.eyes_open))
