import pytest

from correction_service.face.gates import gates
from correction_service.face.liveness import Frame
from correction_service.face.replays import motion, timing, unseen

FIGURES = gates().timing
ONE, TWO, THREE = (bytes([value] * 32) for value in (0b0101_0101, 0b0011_0011, 0b0000_1111))


def taken(*times: int, arrived_after_ms: int = 300) -> list[Frame]:
    return [Frame(b"", at_ms, arrived_ms=at_ms + arrived_after_ms) for at_ms in times]


def test_times_of_a_camera_can_be_true() -> None:
    assert timing(taken(700, 1033, 1400, 2600), FIGURES) == 1.0


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


def test_without_times_nothing_is_said_of_them() -> None:
    assert timing([Frame(b""), Frame(b"", 300)], FIGURES) is None


def test_a_frozen_or_looping_picture_is_no_motion() -> None:
    assert motion([ONE, TWO, THREE], 12) == 1.0
    assert motion([ONE, ONE, ONE], 12) == 0.0
    assert motion([ONE, TWO, ONE, TWO, ONE], 12) == 0.25
    assert motion([ONE], 12) is None


def test_pictures_of_an_earlier_check_in_are_known() -> None:
    assert unseen([ONE, TWO], [THREE], 12) == 1.0
    assert unseen([ONE, TWO], [THREE, TWO, b""], 12) == 0.5
    assert unseen([ONE, TWO], [], 12) == 1.0
    assert unseen([], [ONE], 12) is None
