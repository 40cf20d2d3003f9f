"""`face.*`: whole check-ins, against face_recognition as it is shipped, each in its own process.

A check-in is what the phone page sends: three pictures of 480 × 640 straight ahead and three of
each of three actions, of a head turned in space. It is judged with everything there is, against the
prints of a month of earlier check-ins too. As shipped, `face_encodings` and `compare_faces` are
called on each picture.
"""

import csv
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from correction_service.face.images import decode
from correction_service.face.liveness import Liveness
from correction_service.face.template import Embedding, Template
from correction_service.face.verdict import Outcome
from correction_service.face.verifier import Verifier
from correction_service.face.worker import Worker
from tests.benchmarks.figure import Figure
from tests.benchmarks.processes import memory_mb
from tests.face.attacks.bursts import Burst, Cast, genuine
from tests.face.attacks.heads import likeness
from tests.faces import fetched

SEED = 1002
PRINT_BYTES = 32
EARLIER = 30 * 12  # prints, of a month with a check-in a day
ROUNDS = 3  # of each in turn, so that a machine that slows down slows all
CALLS = 2  # check-ins a worker and round
TIMEOUT_S = 120.0
SHIPPED = "face_recognition.face_encodings + compare_faces"
_ours: list[Any] = []
_theirs: list[Any] = []


@dataclass(frozen=True)
class Cost:
    """What one check-in took of its process, and what the process holds."""

    cpu_ms: float
    memory_mb: float


def measure() -> Iterator[Figure]:
    """Measure what a check-in costs and how many go through, and who is told right."""
    photos = fetched()
    known, given = photos.person[1].read_bytes(), [it.read_bytes() for it in photos.person]
    burst = _burst(photos.person[-1])
    pictures = [frame.data for frame in burst.frames]
    ours, theirs = Worker(load_ours), Worker(load_shipped)
    try:
        template = ours.run(TIMEOUT_S, enrol, given)
        mine = _median([ours.run(TIMEOUT_S, judge, template, burst) for _ in range(ROUNDS + 1)])
        shipped = _median([theirs.run(TIMEOUT_S, compare, known, pictures) for _ in range(ROUNDS)])
        yield _cost("face.checkin", mine, shipped, 1)
        yield _cost("face.frame", mine, shipped, len(pictures))
        held = mine.memory_mb, shipped.memory_mb
        yield Figure("face.memory", held[0], "MB", SHIPPED, held[1], held[1] / held[0])
        yield from _rates(template, burst, lambda: theirs.run(TIMEOUT_S, compare, known, pictures))
        yield from _told_right(ours, theirs)
    finally:
        ours.stop()
        theirs.stop()


def _burst(photo: Path) -> Burst:
    """Somebody alive who does what is asked, and what is kept of their earlier check-ins."""
    dice = np.random.default_rng(SEED)
    person = likeness(decode(photo.read_bytes()))
    earlier = tuple(dice.bytes(PRINT_BYTES) for _ in range(EARLIER))
    return replace(genuine(Cast(person, person), dice), earlier=earlier)


def _cost(name: str, mine: Cost, shipped: Cost, parts: int) -> Figure:
    value, baseline = mine.cpu_ms / parts, shipped.cpu_ms / parts
    return Figure(name, value, "CPU ms", SHIPPED, baseline, baseline / value)


def _median(costs: Sequence[Cost]) -> Cost:
    return sorted(costs, key=lambda it: it.cpu_ms)[len(costs) // 2]


def _rates(template: Template, burst: Burst, shipped: Callable[[], object]) -> Iterator[Figure]:
    """Check-ins a second through one worker and through two, and as shipped in one process."""
    seen: dict[int, list[float]] = {0: [], 1: [], 2: []}
    asked = (burst.frames, burst.actions, burst.earlier)
    with (
        Verifier(workers=1, timeout_s=TIMEOUT_S) as one,
        Verifier(workers=2, timeout_s=TIMEOUT_S) as two,
    ):
        one.warm()
        two.warm()
        for _ in range(ROUNDS):
            seen[0].append(_a_second(shipped, 1))
            for workers, verifier in ((1, one), (2, two)):
                judged = partial(verifier.judge, template, *asked)
                seen[workers].append(_a_second(judged, workers))
    baseline = median(seen[0])
    for name, workers in (("face.rate.x1", 1), ("face.rate", 2)):
        value = median(seen[workers])
        yield Figure(name, value, "check-ins/s", SHIPPED, baseline, value / baseline)


def _a_second(work: Callable[[], object], threads: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(lambda _: work(), range(CALLS * threads)))
    return len(done) / (time.perf_counter() - began)


def _told_right(ours: Worker, theirs: Worker) -> Iterator[Figure]:
    """How labelled pairs of photos are told, where FACES names a folder that has them.

    Strangers taken for one person and one person taken for strangers are told apart as well: in
    one share of both, the more frequent kind of pair hides how the other is told.
    """
    folder = Path(os.environ.get("FACES", "")) / "labelled"
    if not (folder / "pairs.csv").is_file():
        sys.stderr.write(
            "face: accuracy was not measured: FACES names no folder with labelled/pairs.csv\n"
        )
        return
    with (folder / "pairs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Decision"] in {"Yes", "No"}]
    pairs = [(row["file_x"], row["file_y"], row["Decision"] == "Yes") for row in rows]
    said = ours.run(10 * TIMEOUT_S, likes, folder, pairs)
    theirs_said = theirs.run(10 * TIMEOUT_S, shipped_likes, folder, pairs)
    value, baseline = _right(pairs, said), _right(pairs, theirs_said)
    yield Figure("face.right", value, "%", SHIPPED, baseline, value / baseline)
    for name, same in (("face.false_match", False), ("face.false_non_match", True)):
        value, baseline = _wrong(pairs, said, same=same), _wrong(pairs, theirs_said, same=same)
        ratio = (100 - value) / (100 - baseline)  # of what was told right: an error may be none
        yield Figure(name, value, "%", SHIPPED, baseline, ratio)


Pairs = Sequence[tuple[str, str, bool]]


def _right(pairs: Pairs, said: Sequence[bool]) -> float:
    return 100 * sum(it == same for it, (_, _, same) in zip(said, pairs, strict=True)) / len(pairs)


def _wrong(pairs: Pairs, said: Sequence[bool], *, same: bool) -> float:
    """Share of the pairs of one person, or of two, that were told wrong."""
    of = [it for it, (_, _, truth) in zip(said, pairs, strict=True) if truth == same]
    return 100 * sum(it != same for it in of) / len(of)


# What follows runs inside the processes that are measured.
def load_ours() -> None:
    from correction_service.face.recogniser import Recogniser  # noqa: PLC0415 - where it is used

    _ours[:] = [Recogniser()]


def load_shipped() -> None:
    import face_recognition  # noqa: PLC0415 - with its own models and none of our changes

    _theirs[:] = [face_recognition]


def enrol(photos: list[bytes]) -> Template:
    template: Template | None = _ours[0].enrol(photos).template
    assert template is not None
    return template


def judge(template: Template, burst: Burst) -> Cost:
    began = time.process_time()
    verdict = _ours[0].judge(template, burst.frames, burst.actions, burst.earlier)
    spent = time.process_time() - began
    assert (verdict.outcome, verdict.liveness) == (Outcome.MATCH, Liveness.LIVE)
    return Cost(1000 * spent, memory_mb(os.getpid()))


def compare(known: bytes, pictures: list[bytes]) -> Cost:
    library = _theirs[0]
    (enrolled,) = library.face_encodings(library.load_image_file(BytesIO(known)))
    began = time.process_time()
    for picture in pictures:
        for found in library.face_encodings(library.load_image_file(BytesIO(picture))):
            assert library.compare_faces([enrolled], found)[0]
    return Cost(1000 * (time.process_time() - began), memory_mb(os.getpid()))


def likes(folder: Path, pairs: Pairs) -> list[bool]:
    """What we make of pairs of photos, each embedded once."""
    from correction_service.face.decide import score  # noqa: PLC0415 - where it is used
    from correction_service.face.thresholds import thresholds  # noqa: PLC0415 - as above

    limits, match = thresholds().compare, _ours[0].thresholds.pair.match
    seen: dict[str, Embedding | None] = {}
    for name in {name for pair in pairs for name in pair[:2]}:
        look = _ours[0].look((folder / name).read_bytes(), limits)
        seen[name] = _ours[0].embed(look.portrait) if look.portrait else None
    found = []
    for a, b, _ in pairs:
        one, other = seen[a], seen[b]
        found.append(one is not None and other is not None and score(one, other) >= match)
    return found


def shipped_likes(folder: Path, pairs: Pairs) -> list[bool]:
    """What the library makes of them, at the tolerance it comes with."""
    library, seen = _theirs[0], {}
    for name in {name for pair in pairs for name in pair[:2]}:
        found = library.face_encodings(library.load_image_file(folder / name))
        seen[name] = found[0] if found else None
    return [
        seen[a] is not None
        and seen[b] is not None
        and bool(library.compare_faces([seen[a]], seen[b])[0])
        for a, b, _ in pairs
    ]
