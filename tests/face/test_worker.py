import os
import time
from collections.abc import Iterator

import pytest

from correction_service.face.worker import Worker, WorkerDied, WorkerFailed

MORE_THAN_A_PIPE_HOLDS = bytes(4_000_000)


def load(fault: str | None = None) -> None:
    if fault:
        raise ValueError(fault)


def die_in(seconds: float, given: bytes) -> int:
    time.sleep(seconds)
    os._exit(len(given) % 7)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(load)
    yield made
    made.stop()


def test_a_call_is_done_in_another_process(worker: Worker) -> None:
    assert worker.run(20, os.getpid) == worker.run(20, os.getpid) != os.getpid()
    assert worker.run(20, len, MORE_THAN_A_PIPE_HOLDS) == len(MORE_THAN_A_PIPE_HOLDS)


def test_what_the_work_raises_is_told_and_costs_no_process(worker: Worker) -> None:
    before = worker.run(20, os.getpid)
    with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
        worker.run(20, divmod, 1, 0)
    assert worker.run(20, os.getpid) == before


def test_a_process_that_dies_with_a_large_call_on_its_way_is_replaced(worker: Worker) -> None:
    """The pool of the standard library has hung here: its feeder waits on the full pipe."""
    with pytest.raises(WorkerDied):
        worker.run(20, die_in, 0.0, MORE_THAN_A_PIPE_HOLDS)
    assert worker.run(20, len, MORE_THAN_A_PIPE_HOLDS) == len(MORE_THAN_A_PIPE_HOLDS)


def test_a_process_that_hangs_is_ended_and_replaced(worker: Worker) -> None:
    before = worker.run(20, os.getpid)
    with pytest.raises(TimeoutError):
        worker.run(0.2, time.sleep, 60)
    assert worker.run(20, os.getpid) != before


def test_a_process_that_cannot_load_says_why_each_time() -> None:
    broken = Worker(load, "no weights")
    for _ in range(2):
        with pytest.raises(WorkerFailed, match="no weights"):
            broken.run(20, os.getpid)
    broken.stop()
