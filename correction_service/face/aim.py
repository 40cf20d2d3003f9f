"""Advice while a person aims the camera: one small picture, looked at and forgotten.

It runs in a lane of its own in the calling process, so that however many aim, the workers that
judge are never taken by them; a full lane says so at once and the page goes on by the clock.
"""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from correction_service.face.actions import Action
from correction_service.face.gates import gates
from correction_service.face.verifier import Busy
from correction_service.face.words import Reason

if TYPE_CHECKING:
    from correction_service.face.eye import Eye

WAIT_S = 0.5  # for a lane; later the advice would be of a face that has moved on
RETRY_S = 3
# So much further than the judgement asks before the page goes on: its frames are other pictures.
MARGIN = 1.2
PITCH_SHARE = 0.7  # of a nod as the judgement measures it, squatter and lower faces included
# What is no fault of a face that does as it is asked, and keeps a face from being held straight.
MOVING = {Reason.TURNED_ASIDE, Reason.LOOKING_UP_OR_DOWN, Reason.HEAD_TILTED}


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is held: turn and pitch as in Quality, size as a share of the longer side.

    ``eyes`` is how far they are open, None where nobody looked or it cannot be told.
    """

    turn: float
    pitch: float
    size: float
    eyes: float | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """What to change, most basic first; where the face is, as shares of the picture; its pose."""

    reasons: tuple[Reason, ...]
    box: tuple[float, float, float, float] | None = None
    pose: Pose | None = None

    def shows(self, action: Action | None, straight: Pose) -> bool:
        """Whether what is asked is seen; with no action, a head held straight."""
        if self.pose is None:
            return False
        return (
            MOVING.isdisjoint(self.reasons) if action is None else seen(action, self.pose, straight)
        )


def seen(action: Action, pose: Pose, straight: Pose) -> bool:
    """Whether a head does what was asked, against the same head held straight.

    Never while nobody knows how it is held straight: a ``straight`` without size.
    """
    least, turned = gates().gestures, pose.turn - straight.turn
    return (
        straight.size > 0
        and {
            Action.TURN_LEFT: turned >= MARGIN * least.turn,
            Action.TURN_RIGHT: turned <= -MARGIN * least.turn,
            Action.NOD: pose.pitch - straight.pitch >= MARGIN * PITCH_SHARE * least.nod,
            Action.COME_CLOSER: pose.size >= (1 + MARGIN * least.closer) * straight.size,
            Action.CLOSE_EYES: _shut(pose.eyes, straight.eyes, least.shut / MARGIN),
        }[action]
    )


def _shut(eyes: float | None, own: float | None, most: float) -> bool:
    return eyes is not None and own is not None and eyes <= most * own


class Aimer:
    """Looks at up to ``lanes`` pictures at once; the models are loaded when first needed."""

    def __init__(self, lanes: int) -> None:
        self._free: queue.SimpleQueue[Eye | None] = queue.SimpleQueue()
        for _ in range(lanes):
            self._free.put(None)

    def look(self, data: bytes, action: Action | None = None) -> Aim:
        """Judge one picture; while an ``action`` is asked, doing it is no fault.

        Raises Busy when every lane is taken, and at once where there is none.
        """
        with self._lane() as eye:
            return eye.look(data, action)

    @contextmanager
    def _lane(self) -> "Iterator[Eye]":
        try:
            eye = self._free.get(timeout=WAIT_S)
        except queue.Empty:
            raise Busy(RETRY_S) from None
        try:
            eye = eye or _opened()
            yield eye
        finally:
            self._free.put(eye)


def _opened() -> "Eye":
    from correction_service.face.eye import Eye  # noqa: PLC0415 no models before somebody aims

    return Eye()
