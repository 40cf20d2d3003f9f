"""A movement is seen against the same head held straight."""

import pytest

from correction_service.face.actions import Action
from correction_service.face.aim import Aimer, Pose, seen
from correction_service.face.verifier import Busy

STRAIGHT = Pose(turn=0.05, pitch=0.55, size=0.30, eyes=0.30)
DONE = {
    Action.TURN_LEFT: Pose(0.45, 0.56, 0.29, 0.3),
    Action.TURN_RIGHT: Pose(-0.35, 0.56, 0.29, 0.3),
    Action.NOD: Pose(0.06, 0.70, 0.30, 0.2),
    Action.COME_CLOSER: Pose(0.05, 0.55, 0.40, 0.3),
}


@pytest.mark.parametrize("asked", list(Action))
def test_what_was_asked_is_seen_and_nothing_else(asked: Action) -> None:
    assert {action for action, pose in DONE.items() if seen(asked, pose, STRAIGHT)} == {asked}
    assert not seen(asked, STRAIGHT, STRAIGHT)


def test_a_lane_that_is_taken_says_so_instead_of_waiting() -> None:
    with pytest.raises(Busy):
        Aimer(0).look(b"")
