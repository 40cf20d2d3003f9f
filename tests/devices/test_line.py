"""The connection of a listener: what a slow database, a dying broker and odd messages do to it."""

import os
import resource
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from paho.mqtt import publish as paho

from devices import broker as embedded
from devices import inbox
from devices.broker import EmbeddedBroker
from devices.link import Outbound
from devices.mqtt import Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from tests.broker import MOSQUITTO, free_port, mosquitto
from tests.devices.wires import Heard, listening, publish, settings_for, until

FIX = "correction/v1/gw-1/dev-1/fix"
OTHER = "correction/v1/gw-1/dev-2/fix"
RECEIPT = "correction/v1/gw-1/receipt"

needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto"
)


class Slow:
    """A handler that blocks on its first messages until it is released."""

    def __init__(self) -> None:
        self.messages: list[Inbound] = []
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, batch: list[Inbound]) -> Outcome:
        if batch:
            self.entered.set()
            self.release.wait()
        self.messages += batch
        return Outcome()

    def said_on(self, topic: str) -> list[bytes]:
        return [it.payload for it in self.messages if it.topic == topic]


@contextmanager
def slowly(port: int, handle: Slow, *, keepalive_s: int = 60) -> Iterator[Traffic]:
    """A listener whose handler is let go at the end, whatever happened."""
    stop, traffic = threading.Event(), Traffic()
    settings = replace(settings_for(port), keepalive_s=keepalive_s)
    options = {"stop": stop, "traffic": traffic}
    thread = threading.Thread(target=listen, args=(settings, handle), kwargs=options)
    thread.start()
    try:
        until(lambda: traffic.connected)
        yield traffic
    finally:
        handle.release.set()
        stop.set()
        thread.join()


def test_a_handler_that_blocks_for_keepalives_costs_neither_connection_nor_message(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MESSAGES_MAX", 10)
    slow, port = Slow(), broker.port
    with slowly(port, slow, keepalive_s=1) as traffic:
        publish(port, FIX, "first")
        assert slow.entered.wait(20)
        began = time.monotonic()
        for n in range(150):
            publish(port, (FIX, OTHER)[n % 2], str(n))
        until(lambda: traffic.held_back == 1)
        until(lambda: time.monotonic() - began > 3.5)  # the broker gives up after one and a half
        assert traffic.received < 151
        slow.release.set()
        until(lambda: traffic.acknowledged == 151)
    assert traffic.connections == 1
    assert slow.said_on(FIX) == [b"first", *(b"%d" % n for n in range(0, 150, 2))]
    assert slow.said_on(OTHER) == [b"%d" % n for n in range(1, 150, 2)]


@pytest.mark.system
@needs_mosquitto
def test_large_messages_fill_the_inbox_by_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BYTES_MAX", 300_000)
    slow = Slow()
    with mosquitto(tmp_path) as port, slowly(port, slow) as traffic:
        publish(port, FIX, *["x" * 100_000] * 12)
        until(lambda: traffic.held_back == 1)
        assert traffic.received < 12
        slow.release.set()
        until(lambda: traffic.acknowledged == 12)


def test_a_broker_that_dies_while_it_is_held_back_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "MESSAGES_MAX", 1)
    slow, port = Slow(), free_port()
    with embedded.start(port) as running, slowly(port, slow, keepalive_s=1) as traffic:
        publish(port, FIX, "first")
        assert slow.entered.wait(20)
        publish(port, FIX, "second")
        until(lambda: traffic.received == 2)
        running.stop()
        until(lambda: not traffic.connected)
        slow.release.set()
        until(lambda: traffic.acks_outdated == 2)


def test_what_a_handler_says_while_nothing_arrives_is_sent(broker: EmbeddedBroker) -> None:
    gateway, calls = Heard(), count(1)

    def handle(batch: list[Inbound]) -> Outcome:
        assert batch == []
        if next(calls) == 1:
            raise ConnectionError("not yet")  # costs nothing but a count
        return Outcome([Outbound(RECEIPT, b"due")])

    with (
        listening(broker.port, gateway, name="gateway", topics=(RECEIPT,)),
        listening(broker.port, handle) as traffic,
    ):
        until(lambda: "due" in gateway.payloads)
    assert traffic.handle_failures == 1


@contextmanager
def crowded(files: int) -> Iterator[None]:
    """So many files stand open that the next one's number is higher."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, files + 1000)), hard))
    opened: list[int] = []
    try:
        while not opened or opened[-1] < files:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_listener_hears_beyond_a_thousand_open_files(broker: EmbeddedBroker) -> None:
    heard = Heard()
    with ExitStack() as until_connected:
        until_connected.enter_context(crowded(1100))
        with listening(broker.port, heard) as traffic:
            until_connected.close()
            publish(broker.port, FIX, "one", "two")
            until(lambda: traffic.acknowledged == 2)
    assert heard.payloads == ["one", "two"]


def test_no_message_is_lost_among_the_acknowledgements_of_replies(broker: EmbeddedBroker) -> None:
    heard = Heard(Outcome([Outbound(RECEIPT, b"{}")] * 50))
    sent = [str(number) for number in range(2000)]
    with listening(broker.port, heard):
        publish(broker.port, FIX, *sent)
        until(lambda: len(heard.payloads) >= len(sent))
    assert heard.payloads == sent


def test_the_last_words_of_a_listener_are_heard(broker: EmbeddedBroker) -> None:
    gateway, stop = Heard(), threading.Event()
    with listening(broker.port, gateway, name="gateway", topics=(RECEIPT,)):
        traffic = Traffic()
        options = {
            "stop": stop,
            "traffic": traffic,
            "last_words": lambda: [Outbound(RECEIPT, b"bye")],
        }
        thread = threading.Thread(
            target=listen, args=(settings_for(broker.port), Heard()), kwargs=options
        )
        thread.start()
        until(lambda: traffic.connected)
        stop.set()
        thread.join()
        until(lambda: gateway.payloads == ["bye"])


@pytest.mark.system
@needs_mosquitto
def test_a_message_without_delivery_guarantee_is_handled_too(tmp_path: Path) -> None:
    heard = Heard()
    with mosquitto(tmp_path) as port, listening(port, heard):
        paho.single(FIX, b"once at most", qos=0, hostname="127.0.0.1", port=port)
        until(lambda: heard.payloads == ["once at most"])
    assert heard.messages[0].qos == 0


@pytest.mark.system
@needs_mosquitto
def test_a_megabyte_arrives_whole_and_more_cuts_its_sender_off_alone(tmp_path: Path) -> None:
    heard, whole = Heard(), "x" * 1_000_000
    with mosquitto(tmp_path) as port, listening(port, heard) as traffic:
        publish(port, FIX, whole)
        with Publisher(settings_for(port, "publisher")) as publisher, pytest.raises(TimeoutError):
            publisher.publish(Outbound(FIX, b"x" * 1_200_000), timeout_s=0.5)
        publish(port, FIX, "after")
        until(lambda: heard.payloads[-1:] == ["after"])
    assert heard.payloads == [whole, "after"]
    assert traffic.connections == 1


CONNACK, SUBACK = b"\x20\x02\x00\x00", b"\x90\x07%b\x01\x01\x01\x01\x01"


def be_broker(server: socket.socket, odd: Sequence[bytes]) -> None:
    """Accept one client after the other, say one odd thing to each, and wait until it leaves."""
    for said in odd:
        peer, _ = server.accept()
        with peer, suppress(ConnectionError):
            peer.settimeout(20)
            peer.recv(1000)
            peer.sendall(CONNACK)
            peer.sendall(SUBACK % peer.recv(1000)[3:5] + said)
            while peer.recv(1000) not in {b"", b"\xe0\x00"}:
                pass


@contextmanager
def odd_broker(*odd: bytes) -> Iterator[int]:
    """The port of a broker that says these to one client after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        thread = threading.Thread(target=be_broker, args=(server, odd))
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_topic_in_no_encoding_reaches_the_handler_as_none() -> None:
    heard = Heard()
    with (
        odd_broker(b"\x32\x07\x00\x02\xff\xfe\x00\x01!") as port,
        listening(port, heard) as traffic,
    ):
        until(lambda: traffic.acknowledged == 1)
    assert [(it.topic, it.payload) for it in heard.messages] == [("", b"!")]


@pytest.mark.parametrize(
    "odd", [b"\x30\x00", b"\x30\xff\xff\xff\xff\xff", b"\xf0\x00", b"\x20\x01!"]
)
def test_a_broker_that_sends_no_mqtt_is_left_and_found_again(odd: bytes) -> None:
    message = b"\x32\x07\x00\x02ab\x00\x01!"
    heard = Heard()
    with odd_broker(odd, message) as port, listening(port, heard) as traffic:
        until(lambda: traffic.acknowledged == 1)
    assert traffic.connections == 2
