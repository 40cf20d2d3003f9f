"""Run the face check in processes of its own, so that the web stays live.

dlib holds the GIL and a pool forked after OpenCV was used hangs: workers are spawned, each takes
one call at a time, and a call that takes too long costs one worker and nobody else's call.
"""

import math
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cached_property
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import structlog

from correction_service.face import weights
from correction_service.face.actions import Action
from correction_service.face.images import MAX_MEGAPIXELS
from correction_service.face.liveness import Frame
from correction_service.face.template import Template
from correction_service.face.verdict import (
    Assessment,
    EnrolmentOutcome,
    EnrolmentVerdict,
    Outcome,
    Verdict,
)
from correction_service.face.words import Reason

if TYPE_CHECKING:
    from correction_service.face.recogniser import Recogniser

Result = TypeVar("Result")
START_TIMEOUT_S = 60.0
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
    ) -> None:
        self._folder = weights_folder
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._limit = workers + queue_length
        self.calls_in_hand = 0
        self._workers = [_Worker(weights_folder, max_megapixels) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
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
        return weights.model_version(weights.listed())

    def warm(self) -> None:
        """Check the weights and start every worker now; raises WeightsError or BrokenProcessPool.

        Without it the first call of each worker pays the two seconds.
        """
        weights.locate(weights.listed(), self._folder)
        held = [self._idle.get() for _ in self._workers]
        try:
            for worker in held:
                worker.start()
        finally:
            for worker in held:
                self._idle.put(worker)

    def close(self) -> None:
        """Stop the workers after the calls in hand."""
        for worker in self._workers:
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
                log.error(  # noqa: TRY400 a rendered traceback may show locals: the face itself
                    "face.fault", work=work.__name__, error=repr(error), trace=str(error.__cause__)
                )
                return fault
            finally:
                self._mean_call_s += 0.2 * (time.monotonic() - started - self._mean_call_s)

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._lock:
            if self.calls_in_hand >= self._limit:
                raise Busy(max(1, math.ceil(self._mean_call_s)))
            self.calls_in_hand += 1
        try:
            yield
        finally:
            with self._lock:
                self.calls_in_hand -= 1

    @contextmanager
    def _worker(self) -> "Iterator[_Worker]":
        try:
            worker = self._idle.get(timeout=self._waiting_s)
        except queue.Empty:
            raise Busy(math.ceil(self._timeout_s)) from None
        try:
            yield worker
        finally:
            self._idle.put(worker)


class _Worker:
    """One spawned process, held by one caller at a time, replaced when it dies or hangs."""

    def __init__(self, folder: Path | None, max_megapixels: float) -> None:
        self._made_with = (folder, max_megapixels)
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> ProcessPoolExecutor:
        """Return the running process, started if need be."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=_load, initargs=self._made_with
            )
            self._pool.submit(os.getpid).result(timeout=START_TIMEOUT_S)
        return self._pool

    def run(self, timeout_s: float, work: Callable[..., Result], *args: object) -> Result:
        """Do one call, twice if the process was found dead; raise TimeoutError if it hangs."""
        try:
            return self._once(timeout_s, work, *args)
        except BrokenProcessPool:
            log.warning("face.worker_died")
            return self._once(timeout_s, work, *args)

    def stop(self) -> None:
        """End the process; the next call starts another."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _kill(self) -> None:
        if self._pool is not None:
            # Python 3.14 has kill_workers() for this.
            for process in list(self._pool._processes.values()):  # noqa: SLF001 see above
                process.kill()

    def _once(self, timeout_s: float, work: Callable[..., Result], *args: object) -> Result:
        try:
            return self.start().submit(work, *args).result(timeout=timeout_s)
        except TimeoutError:
            self._kill()
            self.stop()
            raise
        except BrokenProcessPool:
            self.stop()
            raise


# What follows runs inside a worker.
_recogniser: "list[Recogniser]" = []


def _load(folder: Path | None, max_megapixels: float) -> None:
    from correction_service.face.recogniser import (  # noqa: PLC0415 no models in the web process
        Recogniser,
    )

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; we are told
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _recogniser[:] = [Recogniser(folder, max_megapixels)]


def _end_with_parent() -> None:
    """Leave no orphan holding 280 MB when the web process is killed."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


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
