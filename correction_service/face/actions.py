"""What a person is asked to do before the camera, in an order nobody can know beforehand."""

import random
import secrets
from collections.abc import Collection, Sequence
from enum import StrEnum

ASKED = 3


class Action(StrEnum):
    """One thing to do. Left and right are the person's own, as if no mirror were there."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    NOD = "nod"
    COME_CLOSER = "come_closer"
    CLOSE_EYES = "close_eyes"


TURNS = (Action.TURN_LEFT, Action.TURN_RIGHT)


def possible(weights: Collection[str]) -> tuple[Action, ...]:
    """Return what can be told with these weights: shut eyes take a mesh, the rest five points."""
    return tuple(a for a in Action if a is not Action.CLOSE_EYES or "landmarks" in weights)


def draw(
    among: Sequence[Action], count: int = ASKED, rng: random.Random | None = None
) -> tuple[Action, ...]:
    """Draw ``count`` ≥ 1 actions, never the same twice in a row, at least one of them a turn.

    A turn is what shows that a face has depth, so no sequence goes without one.
    """
    dice = rng or secrets.SystemRandom()
    while True:
        drawn: list[Action] = []
        for _ in range(count):
            drawn.append(dice.choice([a for a in among if not drawn or a is not drawn[-1]]))
        if any(action in TURNS for action in drawn):
            return tuple(drawn)
