"""No attack gets in, and whoever is there in person does: real models, rendered scenes."""

from collections.abc import Sequence

import numpy as np
import pytest

from correction_service.face.liveness import Liveness
from correction_service.face.looks import Look, Portrait
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Embedding
from correction_service.face.thresholds import Limits
from correction_service.face.verdict import Outcome, Verdict
from tests.face.attacks import bursts
from tests.face.attacks.__main__ import PROVING, Person, accepted, enrolled
from tests.face.attacks.bursts import Burst, Cast
from tests.faces import FacePhotos

CERTAIN = {"replayed", "frozen"}  # where a picture betrays itself whoever holds it
SEEDS = range(PROVING, PROVING + 3)
SITTINGS, POOR_SITTINGS = 6, 2  # of nine sequences each: what is drawn once is judged often
MOST_FAILED = 0.05


class Remembering(Recogniser):
    """Looks at every picture once, in however many sequences it is shown."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        super().__init__()
        self._looks: dict[bytes, Look] = {}
        self._embedded: dict[bytes, Embedding] = {}

    def forget(self) -> None:
        """Let go of the pictures, which fill memory."""
        self._looks.clear()
        self._embedded.clear()

    def look(self, data: bytes, limits: Limits) -> Look:
        if data not in self._looks:
            self._looks[data] = super().look(data, limits)
        return self._looks[data]

    def embed(self, portrait: Portrait) -> Embedding:
        key = portrait.sface.tobytes()
        if key not in self._embedded:
            self._embedded[key] = super().embed(portrait)
        return self._embedded[key]


@pytest.fixture(scope="module")
def models() -> Remembering:
    return Remembering()


@pytest.fixture
def remembering(models: Remembering) -> Remembering:
    models.forget()
    return models


@pytest.fixture(scope="module")
def people(recogniser: Recogniser, face_photos: FacePhotos) -> list[Person]:
    found = [enrolled(recogniser, who) for who in (face_photos.person, [face_photos.stranger])]
    return [person for person in found if person]


@pytest.fixture(scope="module")
def cast(people: Sequence[Person]) -> Cast:
    return Cast(people[0].likeness, people[1].likeness)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_attack_gets_in(
    remembering: Remembering, people: Sequence[Person], cast: Cast, seed: int
) -> None:
    verdicts = {
        name: judged(remembering, people[0], attack(cast, np.random.default_rng(seed)))
        for name, attack in bursts.ATTACKS.items()
    }
    assert [name for name, verdict in verdicts.items() if accepted(verdict)] == []
    assert {verdicts[name].liveness for name in CERTAIN} == {Liveness.NOT_LIVE}
    assert verdicts["stranger"].outcome is Outcome.NO_MATCH
    assert verdicts["stranger"].liveness is not Liveness.NOT_LIVE


def test_who_is_there_in_person_gets_in_within_two_tries(
    remembering: Remembering, people: Sequence[Person]
) -> None:
    tries = [sat(remembering, people, seed, poor=False) for seed in range(SITTINGS)]
    again = [*tries[2:], *tries[:2]]  # the same person at another sitting
    twice = [
        accepted(first) or accepted(second)
        for one, other in zip(tries, again, strict=True)
        for first, second in zip(one, other, strict=True)
    ]
    assert twice.count(False) <= MOST_FAILED * len(twice)


def test_nobody_is_taken_for_a_picture_for_a_poor_camera_and_all_are_advised(
    remembering: Remembering, people: Sequence[Person]
) -> None:
    tries = [sat(remembering, people, seed, poor=True) for seed in range(POOR_SITTINGS)]
    verdicts = [verdict for each in tries for verdict in each]
    assert Liveness.NOT_LIVE not in {verdict.liveness for verdict in verdicts}
    assert all(verdict.reasons for verdict in verdicts if not accepted(verdict))


def sat(
    recogniser: Remembering, people: Sequence[Person], seed: int, *, poor: bool
) -> list[Verdict]:
    """Return what came of every sequence of one sitting; the people take turns."""
    one, other = people[seed % 2], people[1 - seed % 2]
    dice = np.random.default_rng([PROVING, seed])
    whole = bursts.sitting(Cast(one.likeness, other.likeness), dice, poor=poor)
    recogniser.forget()
    return [judged(recogniser, one, each) for each in bursts.sequences(whole)]


def judged(recogniser: Recogniser, person: Person, burst: Burst) -> Verdict:
    return recogniser.judge(person.template, burst.frames, burst.actions, burst.earlier)
