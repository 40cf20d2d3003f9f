"""Several listeners divide the work; each may stop, or be killed, while messages flow."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices import topics
from devices.mqtt import listen
from tests.broker import MOSQUITTO, mosquitto
from tests.devices.wires import Heard, listening, publish, settings_for, until

ROOT = Path(__file__).parents[2]
SHARE = topics.uplink(share="ingest")
FIX = "correction/v1/gw-1/dev-{}/fix"

needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto"
)


class Flow:
    """Messages that go on being published, each numbered, until it is ended."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._port, self._ended = port, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            some = range(self.sent, self.sent + 10)
            publish(self._port, FIX.format(self.sent % 7), *map(str, some))
            self.sent += 10

    def goes_on(self) -> None:
        """Wait until it has brought fifty more."""
        aim = self.sent + 50
        until(lambda: self.sent >= aim)

    def end(self) -> list[str]:
        """Stop, and everything that was published."""
        self._ended.set()
        self._thread.join()
        return [str(n) for n in range(self.sent)]


@contextmanager
def flowing(port: int) -> Iterator[Flow]:
    flow = Flow(port)
    try:
        yield flow
    finally:
        flow.end()


@contextmanager
def child(port: int, name: str) -> Iterator["subprocess.Popen[str]"]:
    """A listener of the share in a process of its own; what it handles comes out of it."""
    command = [sys.executable, "-m", "tests.devices.listener", str(port), "1000000", name, "ingest"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def numbers(heard: list[str]) -> list[str]:
    return sorted(heard, key=int)


@pytest.mark.system
@needs_mosquitto
def test_two_listeners_of_a_share_hear_each_message_once_between_them(tmp_path: Path) -> None:
    first, second = Heard(), Heard()
    everything = [str(n) for n in range(200)]
    with (
        mosquitto(tmp_path) as port,
        listening(port, first, name="one", topics=SHARE) as one,
        listening(port, second, name="two", topics=SHARE) as two,
    ):
        publish(port, FIX.format(1), *everything)
        until(lambda: one.acknowledged + two.acknowledged == 200)
    assert first.payloads
    assert second.payloads
    assert numbers(first.payloads + second.payloads) == everything


@pytest.mark.system
@needs_mosquitto
def test_a_listener_of_a_share_stops_and_returns_while_messages_flow(tmp_path: Path) -> None:
    steady, moving = Heard(), Heard()
    with (
        mosquitto(tmp_path) as port,
        listening(port, steady, name="one", topics=SHARE),
        flowing(port) as flow,
    ):
        with listening(port, moving, name="two", topics=SHARE):
            flow.goes_on()
        flow.goes_on()
        with listening(port, moving, name="two", topics=SHARE):
            flow.goes_on()
            everything = flow.end()
            until(lambda: {*steady.payloads, *moving.payloads} == {*everything})
    assert not {*steady.payloads} & {*moving.payloads}


@pytest.mark.system
@needs_mosquitto
def test_a_listener_of_a_share_is_killed_and_returns_while_messages_flow(tmp_path: Path) -> None:
    steady, revived = Heard(), Heard()
    with (
        mosquitto(tmp_path) as port,
        listening(port, steady, name="one", topics=SHARE),
        flowing(port) as flow,
        child(port, "two") as killed,
    ):
        assert killed.stdout is not None
        before = [killed.stdout.readline().strip() for _ in range(30)]
        killed.kill()
        before += killed.stdout.read().split()
        flow.goes_on()
        with listening(port, revived, name="two", topics=SHARE):
            flow.goes_on()
            everything = {*flow.end()}
            until(lambda: {*before, *steady.payloads, *revived.payloads} == everything)
    assert not {*steady.payloads} & {*before, *revived.payloads}


@pytest.mark.system
@needs_mosquitto
def test_a_listener_that_leaves_a_share_takes_along_what_was_kept_for_it(tmp_path: Path) -> None:
    steady, leaving = Heard(), Heard()
    with (
        mosquitto(tmp_path) as port,
        listening(port, steady, name="one", topics=SHARE),
        flowing(port) as flow,
    ):
        with listening(port, leaving, name="two", topics=SHARE):
            flow.goes_on()
        flow.goes_on()
        left = settings_for(port, "two")
        listen(left, leaving, stop=threading.Event(), subscriptions=SHARE, leave=True)
        taken = len(leaving.payloads)
        flow.goes_on()
        everything = {*flow.end()}
        until(lambda: {*steady.payloads, *leaving.payloads} == everything)
    assert len(leaving.payloads) == taken > 0


@pytest.mark.system
@needs_mosquitto
def test_a_listener_that_takes_some_gateways_hears_no_others_any_more(tmp_path: Path) -> None:
    heard, other = Heard(), Heard()
    with mosquitto(tmp_path) as port:
        with listening(port, Heard()):
            pass  # it heard everything, and its session at the broker remembers that
        with (
            listening(port, heard, topics=topics.uplink(["gw-1", "gw-3"])),
            listening(port, other, name="two", topics=topics.uplink(["gw-2"])),
        ):
            for n in (1, 2, 3):
                publish(port, f"correction/v1/gw-{n}/dev/fix", str(n))
            until(lambda: len(heard.payloads + other.payloads) >= 3)
            publish(port, "correction/v1/gw-3/status", "last")
            until(lambda: "last" in heard.payloads)
    assert (heard.payloads, other.payloads) == (["1", "3", "last"], ["2"])
