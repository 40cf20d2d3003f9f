import random
from itertools import pairwise

import pytest

from correction_service.face.actions import TURNS, Action, draw, possible

ANYWHERE = tuple(action for action in Action if action is not Action.CLOSE_EYES)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_sequence_has_a_turn_and_no_action_twice_in_a_row(count: int) -> None:
    for seed in range(300):
        drawn = draw(tuple(Action), count, random.Random(seed))  # noqa: S311 a seed makes the test repeatable
        assert len(drawn) == count
        assert any(action in TURNS for action in drawn)
        assert all(one is not next_ for one, next_ in pairwise(drawn))


@pytest.mark.parametrize("among", [tuple(Action), ANYWHERE])
def test_what_is_possible_is_asked_sooner_or_later_in_every_place_and_nothing_else(
    among: tuple[Action, ...],
) -> None:
    drawn = [draw(among) for _ in range(600)]
    for place in range(3):
        assert {sequence[place] for sequence in drawn} == set(among)


def test_shut_eyes_are_possible_only_with_the_mesh() -> None:
    assert possible({"yunet", "sface", "landmarks"}) == tuple(Action)
    assert possible({"yunet", "sface"}) == ANYWHERE
