import random
from itertools import pairwise

import pytest

from correction_service.face.actions import TURNS, Action, draw


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_sequence_has_a_turn_and_no_action_twice_in_a_row(count: int) -> None:
    for seed in range(300):
        drawn = draw(count, random.Random(seed))  # noqa: S311 a seed makes the test repeatable
        assert len(drawn) == count
        assert any(action in TURNS for action in drawn)
        assert all(one is not next_ for one, next_ in pairwise(drawn))


def test_every_action_is_asked_sooner_or_later_in_every_place() -> None:
    drawn = [draw() for _ in range(600)]
    for place in range(3):
        assert {sequence[place] for sequence in drawn} == set(Action)
