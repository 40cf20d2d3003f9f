"""One spawned process that does calls through a pipe, one at a time, for one caller at a time.

A ``ProcessPoolExecutor`` of one would do the same, but for how it ends: a worker that dies while a
capture larger than the pipe's buffer is on its way leaves the pool's feeder thread writing to a
pipe that nobody reads, and its shutdown waits for that thread. Here the caller writes, and a timer
that ends the process also ends the write.
"""

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple, TypeVar

import structlog

Result = TypeVar("Result")
Pipe = connection.Connection
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
log = structlog.get_logger(__name__)


class WorkerDied(RuntimeError):
    """The process ended in the middle of a call, or before it began."""


class WorkerFailed(RuntimeError):
    """The work raised; the message holds its error and traceback, never a value it worked on."""


class _Running(NamedTuple):
    process: SpawnProcess
    pipe: Pipe


class Worker:
    """A process that called ``load(*made_with)`` first, replaced when it dies or hangs."""

    def __init__(self, load: Callable[..., None], *made_with: object) -> None:
        self._load, self._made_with = load, made_with
        self._running: _Running | None = None

    def start(self) -> None:
        """Start the process if it does not run; raise WorkerFailed when it cannot load."""
        if self._running is not None:
            return
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=_serve, args=(theirs, self._load, self._made_with), daemon=True
        )
        process.start()
        theirs.close()  # or its end would stay open here, and its death never show
        self._running = _Running(process, ours)
        try:
            self._exchange(START_TIMEOUT_S)
        except WorkerFailed:
            self.stop()
            raise

    def run(self, timeout_s: float, work: Callable[..., Result], *args: object) -> Result:
        """Do one call, twice if the process was found dead; raise TimeoutError if it hangs."""
        try:
            return self._once(timeout_s, work, *args)
        except WorkerDied:
            log.warning("face.worker_died")
            return self._once(timeout_s, work, *args)

    def stop(self) -> None:
        """End the process; the next call starts another."""
        running, self._running = self._running, None
        if running is None:
            return
        with suppress(OSError):
            running.pipe.send(None)
        running.pipe.close()
        running.process.join(STOP_TIMEOUT_S)
        running.process.kill()
        running.process.join()

    def _once(self, timeout_s: float, work: Callable[..., Result], *args: object) -> Result:
        self.start()
        result: Result = self._exchange(timeout_s, (work, args))
        return result

    def _exchange(self, timeout_s: float, call: object = None) -> Any:  # noqa: ANN401 - what the work returns
        """Send a call, if there is one, and return what is answered to it."""
        assert self._running is not None  # noqa: S101 - start() came before
        try:
            with _within(timeout_s, self._running.process):
                if call is not None:
                    self._running.pipe.send(call)
                done, answer = self._running.pipe.recv()
        except (WorkerDied, TimeoutError):
            self.stop()
            raise
        if not done:
            raise WorkerFailed(answer)
        return answer


@contextmanager
def _within(timeout_s: float, process: SpawnProcess) -> Iterator[None]:
    """Kill the process after a time, which ends any wait for it here."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (EOFError, OSError) as error:
        if late.is_set():
            raise TimeoutError(f"no answer within {timeout_s:g} s") from error
        raise WorkerDied from error
    finally:
        timer.cancel()


# What follows runs inside the process.
def _serve(pipe: Pipe, load: Callable[..., None], made_with: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; we are told
    threading.Thread(target=_end_with_parent, daemon=True).start()
    loaded, answer = _answered(load, made_with)
    pipe.send((loaded, answer))
    with suppress(EOFError):
        while loaded and (call := pipe.recv()) is not None:
            pipe.send(_answered(*call))


def _answered(work: Callable[..., object], args: tuple[object, ...]) -> tuple[bool, object]:
    try:
        return True, work(*args)
    except Exception:  # noqa: BLE001 - told to the caller, who decides
        return False, traceback.format_exc()


def _end_with_parent() -> None:
    """Leave no orphan holding 280 MB when the web process is killed."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
