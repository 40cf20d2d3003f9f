"""Run the face check in processes of its own, so that the web stays live.

dlib holds the GIL and a pool forked after OpenCV was used hangs: workers are spawned, each takes
one call at a time, and a call that takes too long costs one worker and nobody else's call.
"""

import math
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import structlog

from correction_service.face import weights
from correction_service.face.actions import Action
from correction_service.face.images import MAX_MEGAPIXELS
from correction_service.face.liveness import Frame
from correction_service.face.template import Template
from correction_service.face.thresholds import in_force
from correction_service.face.verdict import (
    Assessment,
    EnrolmentOutcome,
    EnrolmentVerdict,
    Outcome,
    Verdict,
)
from correction_service.face.words import Reason
from correction_service.face.worker import Worker

if TYPE_CHECKING:
    from correction_service.face.recogniser import Recogniser

Result = TypeVar("Result")
log = structlog.get_logger(__name__)


class Busy(RuntimeError):
    """All workers are taken and the queue is full; try again after ``retry_after_s`` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the face check is busy; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Verifier:
    """The face check for many threads: ``workers`` processes and a queue of ``queue_length``.

    A worker takes two seconds to start and 280 MB. ``timeout_s`` bounds one call, waiting apart.
    Every method blocks its thread, raises Busy, and turns any failure of ours into FAULT.
    ``calls_in_hand`` counts those running and waiting.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        queue_length: int = 8,
        timeout_s: float = 20.0,
        max_megapixels: float = MAX_MEGAPIXELS,
        weights_folder: Path | None = None,
        calibration: Path | None = None,
        own_embedder: Path | None = None,
    ) -> None:
        self._folder, self._calibration = weights_folder, calibration
        self._own_embedder = own_embedder
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._limit = workers + queue_length
        self.calls_in_hand = 0
        self._workers = [
            Worker(_load, weights_folder, max_megapixels, calibration, own_embedder)
            for _ in range(workers)
        ]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._waiting_s = (workers + queue_length) * timeout_s / workers
        self._mean_call_s = 1.0

    def judge(
        self,
        template: Template,
        frames: Sequence[Frame],
        actions: Sequence[Action] = (),
        earlier: Collection[bytes] = (),
    ) -> Verdict:
        """Compare the frames of a burst with a template, and tell whether a living face was there.

        See :meth:`correction_service.face.recogniser.Recogniser.judge`.
        """
        fault = Verdict(Outcome.FAULT, self.model_version, reasons=(Reason.SYSTEM_FAULT,))
        return self._call(fault, _judge, template, list(frames), tuple(actions), list(earlier))

    def compare(self, one: bytes, other: bytes) -> Verdict:
        """Compare two photos."""
        fault = Verdict(Outcome.FAULT, self.model_version, reasons=(Reason.SYSTEM_FAULT,))
        return self._call(fault, _compare, one, other)

    def enrol(self, photos: Sequence[bytes]) -> EnrolmentVerdict:
        """Make a template of three or more photos."""
        fault = EnrolmentVerdict(
            EnrolmentOutcome.FAULT, self.model_version, reasons=(Reason.SYSTEM_FAULT,)
        )
        return self._call(fault, _enrol, list(photos))

    def assess(self, photo: bytes) -> Assessment:
        """Advise on a photo meant for enrolment."""
        return self._call(Assessment((Reason.SYSTEM_FAULT,)), _assess, photo)

    @cached_property
    def model_version(self) -> str:
        """Name the weights in force."""
        return weights.model_version(weights.listed(self._own_embedder))

    def warm(self) -> None:
        """Check weights and calibration and start every worker now.

        Raises WeightsError, ThresholdsError, WorkerDied or WorkerFailed. Without it the first call
        of each worker pays the two seconds.
        """
        weights.locate(weights.listed(self._own_embedder), self._folder)
        in_force(self._calibration, self.model_version)
        with self._all_workers() as workers:
            for worker in workers:
                worker.start()

    def close(self) -> None:
        """Stop the workers after the calls in hand."""
        with self._all_workers() as workers:
            for worker in workers:
                worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, fault: Result, work: Callable[..., Result], *args: object) -> Result:
        with self._place(), self._worker() as worker:
            started = time.monotonic()
            try:
                return worker.run(self._timeout_s, work, *args)
            except Exception as error:  # noqa: BLE001 a fault of ours is never the person's
                # Not log.exception: a rendered traceback may show locals, the face itself.
                log.error("face.fault", work=work.__name__, error=repr(error))  # noqa: TRY400
                return fault
            finally:
                self._mean_call_s += 0.2 * (time.monotonic() - started - self._mean_call_s)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self.calls_in_hand >= self._limit:
                raise Busy(self._until_done_s())
            self.calls_in_hand += 1
        try:
            yield
        finally:
            with self._lock:
                self.calls_in_hand -= 1

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        try:
            worker = self._idle.get(timeout=self._waiting_s)
        except queue.Empty:
            raise Busy(self._until_done_s()) from None
        try:
            yield worker
        finally:
            self._idle.put(worker)

    @contextmanager
    def _all_workers(self) -> Iterator[Sequence[Worker]]:
        """Hold every worker, each once its call is done."""
        held = [self._idle.get() for _ in self._workers]
        try:
            yield held
        finally:
            for worker in held:
                self._idle.put(worker)

    def _until_done_s(self) -> int:
        """Return how long the calls now in hand will take, at the pace of the last ones."""
        rounds = math.ceil(self.calls_in_hand / len(self._workers))
        return max(1, math.ceil(rounds * self._mean_call_s))


# What follows runs inside a worker.
_recogniser: "list[Recogniser]" = []


def _load(
    folder: Path | None,
    max_megapixels: float,
    calibration: Path | None,
    own_embedder: Path | None,
) -> None:
    from correction_service.face.recogniser import (  # noqa: PLC0415 no models in the web process
        Recogniser,
    )

    _recogniser[:] = [Recogniser(folder, max_megapixels, calibration, own_embedder)]


def _judge(
    template: Template, frames: list[Frame], actions: tuple[Action, ...], earlier: list[bytes]
) -> Verdict:
    return _recogniser[0].judge(template, frames, actions, earlier)


def _compare(one: bytes, other: bytes) -> Verdict:
    return _recogniser[0].compare(one, other)


def _enrol(photos: list[bytes]) -> EnrolmentVerdict:
    return _recogniser[0].enrol(photos)


def _assess(photo: bytes) -> Assessment:
    return _recogniser[0].assess(photo)
