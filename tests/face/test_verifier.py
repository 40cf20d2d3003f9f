import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from correction_service.face.liveness import Frame, unprompted
from correction_service.face.template import Template
from correction_service.face.verdict import EnrolmentOutcome, Outcome
from correction_service.face.verifier import Busy, Verifier
from correction_service.face.weights import WeightsError
from correction_service.face.words import Reason
from tests.faces import ROOT, FacePhotos, frames

of_others: set[int | None] = set()  # processes that other modules' tests hold open


@pytest.fixture(scope="module")
def shared() -> Iterator[Verifier]:
    of_others.update(process.pid for process in multiprocessing.active_children())
    with Verifier(workers=1, queue_length=1, timeout_s=20) as verifier:
        verifier.warm()
        yield verifier


@pytest.fixture(scope="module")
def burst(face_photos: FacePhotos) -> list[bytes]:
    return list(frames(face_photos.person[2], 3))


def workers() -> dict[int | None, BaseProcess]:
    children = {process.pid: process for process in multiprocessing.active_children()}
    return {pid: process for pid, process in children.items() if pid not in of_others}


def send(signal_: signal.Signals, worker: BaseProcess) -> None:
    assert worker.pid is not None
    os.kill(worker.pid, signal_)


def eventually(holds: Callable[[], bool], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_four_questions_are_answered_by_a_worker(
    shared: Verifier, face_photos: FacePhotos, burst: list[bytes]
) -> None:
    photos = [photo.read_bytes() for photo in face_photos.person]
    enrolled = shared.enrol(photos)
    assert enrolled.outcome is EnrolmentOutcome.ENROLLED
    assert enrolled.template is not None
    assert shared.judge(enrolled.template, unprompted(burst)).outcome is Outcome.MATCH
    assert shared.compare(*photos[:2]).outcome is Outcome.MATCH
    assert shared.assess(b"text").reasons == (Reason.NOT_AN_IMAGE,)


def test_a_photo_with_more_pixels_than_allowed_is_refused_by_itself(burst: list[bytes]) -> None:
    with Verifier(max_megapixels=0.3) as strict:
        assert strict.assess(burst[0]).reasons == (Reason.TOO_MANY_PIXELS,)


def test_a_killed_worker_is_replaced_and_its_call_done(
    shared: Verifier, template: Template, burst: list[bytes]
) -> None:
    (worker,) = workers().values()
    worker.kill()
    assert shared.judge(template, unprompted(burst)).outcome is Outcome.MATCH
    assert worker.pid not in workers()


def test_a_full_queue_says_busy_and_when_to_come_back(
    shared: Verifier, template: Template, burst: list[bytes]
) -> None:
    shared.warm()
    (worker,) = workers().values()
    send(signal.SIGSTOP, worker)
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(shared.judge, template, unprompted(burst)) for _ in range(2)]
        eventually(lambda: shared.calls_in_hand == 2)
        with pytest.raises(Busy) as caught:
            shared.judge(template, unprompted(burst))
        send(signal.SIGCONT, worker)
        assert [call.result().outcome for call in calls] == [Outcome.MATCH] * 2
    assert caught.value.retry_after_s >= 1
    assert shared.calls_in_hand == 0


def test_a_hanging_call_is_a_fault_and_costs_only_its_own_worker() -> None:
    before = workers()
    with Verifier(workers=2, timeout_s=2) as verifier:
        verifier.warm()
        hanging, _ = (worker for pid, worker in workers().items() if pid not in before)
        send(signal.SIGSTOP, hanging)
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(verifier.assess, [b"text", b"text"]))
        assert {answer.reasons[0] for answer in answers} == {
            Reason.SYSTEM_FAULT,
            Reason.NOT_AN_IMAGE,
        }
        assert hanging.pid not in workers()
        assert verifier.assess(b"text").reasons == (Reason.NOT_AN_IMAGE,)


def test_absent_weights_are_named_at_the_start_and_are_a_fault_later(tmp_path: Path) -> None:
    with Verifier(weights_folder=tmp_path) as verifier:
        with pytest.raises(WeightsError, match=r"yunet.*is missing"):
            verifier.warm()
        verdict = verifier.compare(b"", b"")
        assert (verdict.outcome, verdict.reasons) == (Outcome.FAULT, (Reason.SYSTEM_FAULT,))
        assert verifier.enrol([b""] * 3).outcome is EnrolmentOutcome.FAULT
        assert verifier.assess(b"").reasons == (Reason.SYSTEM_FAULT,)


def test_an_error_within_a_worker_is_a_fault_and_its_log_shows_no_face(
    shared: Verifier, capsys: pytest.CaptureFixture[str], template: Template
) -> None:
    verdict = shared.judge(template, [Frame("no bytes")])  # type: ignore[arg-type]
    assert verdict.outcome is Outcome.FAULT
    log = capsys.readouterr().out
    assert "face.fault" in log
    assert "TypeError" in log
    assert str(template.sface[0]) not in log


def test_the_web_process_loads_no_model_and_its_workers_end_with_it() -> None:
    program = (
        "import sys, time\n"
        "from correction_service.face.verifier import Verifier\n"
        "if __name__ == '__main__':\n"
        "    verifier = Verifier()\n"
        "    verifier.warm()\n"
        "    print(sorted({'cv2', 'dlib', 'face_recognition'} & set(sys.modules)), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as web:
        assert web.stdout is not None
        assert web.stdout.readline().strip() == "[]"
        web.kill()
        # The worker holds the other end of this pipe: it closes when the worker is gone.
        assert web.stdout.read() == ""
