"""Who moves how and when: an asked sequence as somebody follows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from correction_service.face.actions import Action

STEP = 3  # pictures, as the page takes them


@dataclass(frozen=True)
class Moment:
    """One picture's instant: times as a phone would send them, and the posture then."""

    at_ms: int
    arrived_ms: int
    action: int | None = None
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    closer: float = 1.0
    right: float = 0.0
    down: float = 0.0
    moved_px: float = 0.0
    shut: float = 0.0


@dataclass(frozen=True)
class Habit:
    """How somebody moves: how far they turn (degrees), nod, come closer; how late they react."""

    turn_deg: float = 30.0
    nod_deg: float = 17.0
    closer: float = 1.35
    sway: float = 0.03
    late: float = 0.2
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0

    @classmethod
    def drawn(cls, dice: np.random.Generator) -> "Habit":
        """Draw somebody."""
        return cls(
            turn_deg=dice.uniform(22, 42),
            nod_deg=dice.uniform(12, 24),
            closer=dice.uniform(1.25, 1.5),
            sway=dice.uniform(0.01, 0.06),
            late=dice.uniform(0.0, 0.4),
            yaw_deg=dice.normal(0, 4),
            pitch_deg=dice.normal(0, 4),
        )


def followed(
    actions: Sequence[Action], habit: Habit, dice: np.random.Generator
) -> tuple[Moment, ...]:
    """Return the moments of somebody who looks straight, then does what is asked."""
    asked: list[int | None] = [None] * STEP
    asked += [i for i in range(len(actions)) for _ in range(STEP)]
    at_ms, moments, upload_ms = dice.uniform(600, 1500), [], dice.uniform(60, 600)
    for place, step in enumerate(asked):
        at_ms += dice.uniform(280, 420) + (dice.uniform(300, 900) if _begins(asked, place) else 0)
        arrived_ms = at_ms + upload_ms * dice.uniform(0.8, 1.6)
        still = resting(Moment(round(at_ms), round(arrived_ms), step), habit, dice)
        part = place % STEP
        moments.append(still if step is None else _doing(still, actions[step], part, habit, dice))
    return tuple(moments)


def resting(moment: Moment, habit: Habit, dice: np.random.Generator) -> Moment:
    """Return the moment with the posture of somebody who looks straight, never quite still."""
    return replace(
        moment,
        yaw_deg=habit.yaw_deg + dice.normal(0, 1.5),
        pitch_deg=habit.pitch_deg + dice.normal(0, 1.5),
        roll_deg=dice.normal(0, 1.5),
        right=dice.normal(0, habit.sway),
        down=dice.normal(0, habit.sway),
        moved_px=dice.uniform(0, 1.5),
    )


def _begins(asked: Sequence[int | None], place: int) -> bool:
    return place > 0 and asked[place] != asked[place - 1]


def _doing(
    still: Moment, action: Action, part: int, habit: Habit, dice: np.random.Generator
) -> Moment:
    """Add the movement: late in the first picture of a step, whole in one of the others."""
    much = (1 - habit.late, 1.0, dice.uniform(0.75, 1.0))[part] * dice.uniform(0.9, 1.05)
    blurred = dice.uniform(1, 4) if part == 0 else dice.uniform(0, 2)
    return doing(replace(still, moved_px=blurred), action, much, habit)


def doing(still: Moment, action: Action, much: float, habit: Habit) -> Moment:
    """Return the moment with as ``much`` of the movement as given, 1 being all of it."""
    match action:
        case Action.TURN_LEFT:
            return replace(still, yaw_deg=still.yaw_deg + much * habit.turn_deg)
        case Action.TURN_RIGHT:
            return replace(still, yaw_deg=still.yaw_deg - much * habit.turn_deg)
        case Action.NOD:
            return replace(still, pitch_deg=still.pitch_deg + much * habit.nod_deg)
        case Action.COME_CLOSER:
            return replace(still, closer=1 + much * (habit.closer - 1))
        case Action.CLOSE_EYES:
            return replace(still, shut=min(much, 1.0))
