import pytest

from correction_service.face.gates import gates
from correction_service.face.liveness import Frame
from correction_service.face.replays import in_order, motion, prompt, timing, unseen

FIGURES = gates().timing
EACH = gates().gestures.frames
FROZEN, SAME = gates().frozen_bits, gates().same_bits
ONE, TWO, THREE = (bytes([value] * 32) for value in (0b0101_0101, 0b0011_0011, 0b0000_1111))


def bits(count: int) -> bytes:
    """A picture as far from ONE as it has these many bits changed."""
    mask = (1 << count) - 1
    return (int.from_bytes(ONE) ^ mask).to_bytes(32)


def taken(*times: int, arrived_after_ms: int = 300) -> list[Frame]:
    return [Frame(b"", at_ms, arrived_ms=at_ms + arrived_after_ms) for at_ms in times]


def test_times_of_a_camera_can_be_true() -> None:
    assert timing(taken(700, 1033, 1400, 2600), FIGURES) == 1.0


def test_a_page_that_was_reloaded_between_two_steps_is_no_contradiction() -> None:
    assert timing(taken(700, 1033, 1400, 42_000, 42_330, 42_700), FIGURES) == 1.0


@pytest.mark.parametrize(
    "frames",
    [
        taken(-900, 300),  # before the challenge
        taken(900, 300),  # backwards
        taken(900, 901),  # faster than a camera
        taken(900, 90_000),  # a break in which anything can be made
        taken(9000, 9400, arrived_after_ms=-4000),  # after it arrived
    ],
)
def test_times_that_cannot_be_true_are_counted(frames: list[Frame]) -> None:
    found = timing(frames, FIGURES)
    assert found is not None
    assert found <= 0.5


def test_what_arrives_late_is_counted() -> None:
    soon, late = taken(700, 1000), taken(1400, 1800, arrived_after_ms=FIGURES.prompt_ms + 1)
    assert prompt([*soon, *late], FIGURES.prompt_ms) == 0.5
    assert prompt([*soon, Frame(b"", 1400)], FIGURES.prompt_ms) is None
    assert prompt([], FIGURES.prompt_ms) is None


def test_without_times_nothing_is_said_of_them() -> None:
    assert timing([Frame(b""), Frame(b"", 300)], FIGURES) is None


def steps(*actions: int | None, each: int = EACH) -> list[Frame]:
    return [Frame(b"", action=action) for action in actions for _ in range(each)]


def test_steps_follow_one_another_as_asked_the_straight_one_first() -> None:
    assert in_order(steps(None, 0, 1, 2), 3, EACH)


@pytest.mark.parametrize(
    "frames",
    [
        steps(None, 1, 0, 2),  # a film of other actions, each called by what it shows
        steps(0, None, 1, 2),
        steps(None, 0, 1, 2, None),
        steps(None, 0, 1, 0, 2),  # a step gone back to
        steps(None, 0, 2),
        steps(0, 1, 2),
        steps(None, 0, 1, 2, 3),
        steps(None, 0, 1, 2, each=EACH - 1),
        steps(None, 0, 1, 2)[:-1],
        [],
    ],
)
def test_steps_out_of_order_left_out_or_too_short_are_not_what_was_asked(
    frames: list[Frame],
) -> None:
    assert not in_order(frames, 3, EACH)


def test_a_frozen_or_looping_picture_is_no_motion() -> None:
    assert motion([ONE, TWO, THREE], FROZEN) == 1.0
    assert motion([ONE, ONE, bits(FROZEN)], FROZEN) == 0.0
    assert motion([ONE, bits(FROZEN + 1)], FROZEN) == 1.0
    assert motion([ONE, TWO, ONE, TWO, ONE], FROZEN) == 0.25
    assert motion([ONE], FROZEN) is None


def test_pictures_of_an_earlier_check_in_are_known() -> None:
    assert unseen([ONE, TWO], [THREE], SAME) == 1.0
    assert unseen([ONE, TWO], [THREE, TWO, b""], SAME) == 0.5
    assert unseen([ONE, bits(SAME + 1)], [bits(2 * SAME + 2)], SAME) == 1.0
    assert unseen([ONE], [bits(SAME)], SAME) == 0.0
    assert unseen([ONE, TWO], [], SAME) == 1.0
    assert unseen([], [ONE], SAME) is None
