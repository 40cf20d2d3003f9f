"""No attack gets in, and whoever is there in person does: real models, rendered scenes."""

import numpy as np
import pytest

from correction_service.face.liveness import Liveness
from correction_service.face.recogniser import Recogniser
from correction_service.face.verdict import Outcome
from tests.face.attacks import bursts
from tests.face.attacks.__main__ import PROVING, Person, accepted, enrolled
from tests.face.attacks.bursts import Cast
from tests.faces import FacePhotos

CERTAIN = {"replayed", "frozen"}  # where a picture betrays itself whoever holds it


@pytest.fixture(scope="module")
def person(recogniser: Recogniser, face_photos: FacePhotos) -> Person:
    found = enrolled(recogniser, face_photos.person)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cast(recogniser: Recogniser, person: Person, face_photos: FacePhotos) -> Cast:
    other = enrolled(recogniser, [face_photos.stranger])
    assert other is not None
    return Cast(person.likeness, other.likeness)


@pytest.mark.parametrize("attack", sorted(bursts.ATTACKS))
def test_no_attack_gets_in(recogniser: Recogniser, person: Person, cast: Cast, attack: str) -> None:
    dice = np.random.default_rng([PROVING, *attack.encode()])
    burst = bursts.ATTACKS[attack](cast, dice)
    verdict = recogniser.judge(person.template, burst.frames, burst.actions, burst.earlier)
    assert not accepted(verdict)
    if attack in CERTAIN:
        assert verdict.liveness is Liveness.NOT_LIVE


@pytest.mark.parametrize("poor", [False, True])
def test_who_is_there_in_person_gets_in_within_two_tries(
    recogniser: Recogniser, person: Person, cast: Cast, *, poor: bool
) -> None:
    dice = np.random.default_rng(PROVING)
    tries = (bursts.genuine(cast, dice, poor=poor) for _ in range(2))
    verdicts = (recogniser.judge(person.template, each.frames, each.actions) for each in tries)
    assert any(accepted(verdict) for verdict in verdicts)


def test_a_living_stranger_is_alive_and_does_not_match(
    recogniser: Recogniser, person: Person, cast: Cast
) -> None:
    dice = np.random.default_rng(PROVING)
    burst = bursts.stranger(cast, dice)
    verdict = recogniser.judge(person.template, burst.frames, burst.actions)
    assert verdict.outcome is Outcome.NO_MATCH
    assert verdict.liveness is not Liveness.NOT_LIVE
