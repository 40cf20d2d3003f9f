import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devices import broker as embedded
from devices.broker import EmbeddedBroker
from devices.link import Outbound
from devices.mqtt import Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from tests.broker import free_port
from tests.devices.wires import Heard, listening, publish, settings_for, until

FIX = "correction/v1/gw-1/dev-1/fix"
STATUS = "correction/v1/gw-1/status"
RECEIPT = "correction/v1/gw-1/receipt"
ROOT = Path(__file__).parents[2]


def test_messages_arrive_in_order_and_in_batches(broker: EmbeddedBroker) -> None:
    heard = Heard()
    with listening(broker.port, heard) as traffic:
        publish(broker.port, FIX, *map(str, range(300)))
        until(lambda: traffic.acknowledged == 300)
    assert heard.payloads == [str(n) for n in range(300)]
    assert {(it.topic, it.qos, it.retained) for it in heard.messages} == {(FIX, 1, False)}


def test_replies_are_published_after_the_batch(broker: EmbeddedBroker) -> None:
    gateway = Heard()
    answering = Heard(Outcome(replies=[Outbound(RECEIPT, b"stored")]))
    with (
        listening(broker.port, gateway, name="gateway", topics=(RECEIPT,)),
        listening(broker.port, answering) as traffic,
    ):
        publish(broker.port, FIX, "a fix")
        until(lambda: gateway.payloads == ["stored"])
        assert traffic.acknowledged == 1


def test_a_batch_that_fails_twice_is_tried_again_and_acknowledged_once(
    broker: EmbeddedBroker,
) -> None:
    tries: list[list[str]] = []
    acknowledged_at_try: list[int] = []

    def handle(batch: list[Inbound]) -> Outcome:
        if not batch:
            return Outcome()
        tries.append([message.payload.decode() for message in batch])
        acknowledged_at_try.append(traffic.acknowledged)
        if len(tries) < 3:
            raise ConnectionError("the database is away")
        return Outcome()

    with listening(broker.port, handle) as traffic:
        publish(broker.port, FIX, "precious")
        until(lambda: traffic.acknowledged == 1)
    assert tries == [["precious"]] * 3
    assert acknowledged_at_try == [0, 0, 0]
    assert traffic.handle_failures == 2


def test_what_never_succeeded_is_sent_again_to_the_next_listener(broker: EmbeddedBroker) -> None:
    tried = threading.Event()

    def broken(batch: list[Inbound]) -> Outcome:
        if batch:
            tried.set()
        raise ConnectionError("the database is away")

    with listening(broker.port, broken) as traffic:
        publish(broker.port, FIX, "precious")
        assert tried.wait(20)
    assert traffic.acknowledged == 0
    heard = Heard()
    with listening(broker.port, heard):
        until(lambda: heard.payloads == ["precious"])


def test_killing_a_listener_before_its_acknowledgement_loses_nothing(
    broker: EmbeddedBroker,
) -> None:
    with listening(broker.port, Heard()):
        pass  # the broker now keeps what comes for this client id
    everything = [str(n) for n in range(400)]
    publish(broker.port, FIX, *everything)
    before = killed_after(150, broker.port)
    after = Heard()
    with listening(broker.port, after) as traffic:
        until(lambda: "399" in after.payloads)
        until(lambda: traffic.acknowledged == len(after.payloads))
    assert sorted({*before, *after.payloads}, key=int) == everything
    assert {*before} & {*after.payloads}, "what was not acknowledged comes twice"


def killed_after(count: int, port: int) -> list[str]:
    """What a listener handled before it hung in `handle` and was killed there."""
    command = [sys.executable, "-m", "tests.devices.listener", str(port), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        handled = [child.stdout.readline().strip() for _ in range(count)]
        child.kill()
        return handled + child.stdout.read().split()


def test_a_restarted_broker_is_found_again_and_old_acks_are_not_sent_to_it() -> None:
    port = free_port()
    entered, release = threading.Event(), threading.Event()
    heard = Heard()

    def handle(batch: list[Inbound]) -> Outcome:
        if batch:
            entered.set()
            release.wait()
        return heard(batch)

    running = embedded.start(port)
    with listening(port, handle) as traffic:
        publish(port, FIX, "before")
        entered.wait()
        running.stop()
        until(lambda: not traffic.connected)
        release.set()
        until(lambda: traffic.acks_outdated == 1)
        with embedded.start(port):
            until(lambda: traffic.connected)
            publish(port, FIX, "after")
            until(lambda: traffic.acknowledged == 1)
    assert heard.payloads == ["before", "after"]
    assert traffic.connections == 2


def test_retained_telemetry_is_ignored_but_a_retained_status_is_news(
    broker: EmbeddedBroker,
) -> None:
    publish(broker.port, FIX, "an old fix", retain=True)
    publish(broker.port, STATUS, "online", retain=True)
    heard = Heard()
    with listening(broker.port, heard) as traffic:
        until(lambda: traffic.acknowledged == 2)
    assert heard.payloads == ["online"]
    assert traffic.retained_ignored == 1


def test_a_listener_waits_for_a_broker_that_starts_later() -> None:
    port = free_port()
    stop, traffic, heard = threading.Event(), Traffic(), Heard()
    thread = threading.Thread(
        target=listen, args=(settings_for(port), heard), kwargs={"stop": stop, "traffic": traffic}
    )
    thread.start()
    with embedded.start(port):
        until(lambda: traffic.connected)
        stop.set()
        thread.join()
    assert traffic.connections == 1


def test_stopping_does_not_wait_for_a_broker_that_is_away() -> None:
    stop = threading.Event()
    stop.set()
    listen(settings_for(free_port()), Heard(), stop=stop)


def test_publishing_without_a_broker_says_where_it_was_sought() -> None:
    port = free_port()
    with (
        Publisher(settings_for(port)) as publisher,
        pytest.raises(TimeoutError, match=rf"127\.0\.0\.1:{port}"),
    ):
        publisher.publish(Outbound(FIX, b""), timeout_s=0.1)


def test_the_broker_listens_on_loopback_and_refuses_a_taken_port(broker: EmbeddedBroker) -> None:
    with pytest.raises(OSError, match=str(broker.port)):
        embedded.start(broker.port)
