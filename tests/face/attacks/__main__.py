"""``python -m tests.face.attacks``: many check-ins, honest and not, and how each kind ended.

A person is *in* when a living face was seen and it matched; an honest person tries twice. Seeds
from 1000 on prove; those below were used while the figures of ``gates.toml`` were chosen.
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from correction_service.face.actions import Action
from correction_service.face.images import decode
from correction_service.face.liveness import Liveness
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Template
from correction_service.face.verdict import Outcome, Verdict
from tests.face.attacks import bursts, heads
from tests.face.attacks.bursts import Burst, Cast, Dice
from tests.face.attacks.heads import Likeness
from tests.faces import fetched, variant

PROVING = 1000
HONEST = ["honest", "honest_poor"]
if Action.CLOSE_EYES in bursts.POSSIBLE:
    HONEST += ["honest_eyes", "honest_poor_eyes"]  # closing the eyes is among what is asked


@dataclass(frozen=True)
class Person:
    """Somebody who is enrolled."""

    likeness: Likeness
    template: Template


def accepted(verdict: Verdict) -> bool:
    """Whether somebody is in."""
    return verdict.liveness is Liveness.LIVE and verdict.outcome is Outcome.MATCH


def enrolled(recogniser: Recogniser, photos: Sequence[Path]) -> Person | None:
    """Enrol from photos, or from one and what other light and another side make of it."""
    shown = photos[-1]
    given = [photo.read_bytes() for photo in photos]
    if len(given) == 1:
        given += [variant(shown, flip=True), variant(shown, angle_deg=4, brightness=0.8)]
    template = recogniser.enrol(given).template
    return Person(heads.likeness(decode(shown.read_bytes())), template) if template else None


def main() -> None:
    """Print a table: kind, tried, in, live, cannot tell, not live; and what a check-in costs."""
    options = _options()
    recogniser = Recogniser()
    photos = fetched()
    shown = [[*photos.person], [photos.stranger], *([path] for path in options.faces)]
    people = [person for each in shown if (person := enrolled(recogniser, each))]
    print(f"{len(people)} people, {options.tries} of each kind, seed {options.seed}")  # noqa: T201
    print(f"{'kind':16}{'tried':>6}{'in':>6}{'live':>6}{'cannot':>8}{'not':>6}")  # noqa: T201
    kinds = options.kinds or [*HONEST, *bursts.ATTACKS, *bursts.STAGED]
    costs: list[float] = []
    for kind in kinds:
        ends: Counter[str] = Counter()
        for i in range(options.tries):
            dice = np.random.default_rng([options.seed + i, *kind.encode()])
            for verdict in _tried(recogniser, people, kind, dice, costs):
                ends[verdict.liveness] += 1
                ends["in"] += accepted(verdict)
            ends["tried"] += 1
        row = "".join(f"{ends[name]:>6}" for name in ("tried", "in", "live"))
        print(f"{kind:16}{row}{ends['cannot_tell']:>8}{ends['not_live']:>6}", flush=True)  # noqa: T201
    print(f"CPU a check-in: median {np.median(costs):.2f} s, most {max(costs):.2f} s")  # noqa: T201


def _tried(
    recogniser: Recogniser, people: Sequence[Person], kind: str, dice: Dice, costs: list[float]
) -> list[Verdict]:
    """Return what came of one attempt, of two where an honest person fails the first."""
    one, other = (people[i] for i in dice.permutation(len(people))[:2])
    cast = Cast(one.likeness, other.likeness)
    verdicts: list[Verdict] = []
    for _ in range(2 if kind.startswith("honest") else 1):
        burst = _burst(kind, cast, dice)
        started = time.process_time()
        verdicts.append(recogniser.judge(one.template, burst.frames, burst.actions, burst.earlier))
        costs.append(time.process_time() - started)
        if accepted(verdicts[-1]):
            break
    return verdicts


def _burst(kind: str, cast: Cast, dice: Dice) -> Burst:
    if kind.startswith("honest"):
        with_ = Action.CLOSE_EYES if "eyes" in kind else None
        return bursts.genuine(cast, dice, poor="poor" in kind, with_=with_)
    return (bursts.ATTACKS | bursts.STAGED)[kind](cast, dice)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.face.attacks", description=__doc__)
    parser.add_argument("--tries", type=int, default=20, help="check-ins of each kind")
    parser.add_argument("--seed", type=int, default=PROVING)
    parser.add_argument("--kinds", nargs="*", help="only these")
    parser.add_argument(
        "--faces", nargs="*", type=Path, default=[], help="portraits, one of each further person"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
