import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices import broker as embedded
from devices.backlog import Backlog
from devices.broker import EmbeddedBroker
from devices.gateway import Gateway
from devices.messages import Event, EventKind, Fix, GatewayState
from devices.mqtt import Inbound, Outcome
from tests.broker import free_port
from tests.devices.gateways import fixes, never_asked, pumping, running
from tests.devices.service import Service
from tests.devices.wires import listening, publish, settings_for, until

FULL_DISK = """
import pathlib, resource, sys, time
from datetime import UTC, datetime
from devices.backlog import Backlog, DiskFull
from devices.gateway import Gateway
from devices.link import MqttSettings
from devices.messages import Fix
settings = MqttSettings(host="127.0.0.1", port=int(sys.argv[2]), client_id="gw-1")
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
gateway = Gateway("gw-1", settings, Backlog(pathlib.Path(sys.argv[1])), lambda *_: None)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, unlimited))
kept, full = 0, False
while not full:
    try:
        now, seqs = datetime.now(UTC), range(kept, kept + 50)
        gateway.keep(Fix(device="dev-1", seq=n, time=now, lat=27.7, lon=106.9) for n in seqs)
        kept += 50
    except DiskFull:
        full = True
print(kept, flush=True)
while len(gateway.backlog):
    gateway.pump(datetime.now(UTC))
    if pathlib.Path(sys.argv[3]).exists():
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    time.sleep(0.02)
gateway.close()
"""


def test_readings_are_forgotten_only_when_receipted(broker: EmbeddedBroker, tmp_path: Path) -> None:
    service = Service()
    service.silent = True
    with listening(broker.port, service), running(broker.port, tmp_path) as gateway:
        sos = Event(device="dev-1", seq=4, time=datetime.now(UTC), event=EventKind.SOS)
        gateway.keep([*fixes(1, 2, 3), sos])
        until(pumping(gateway, lambda: len(service.stored) == 4))
        assert len(gateway.backlog) == 4
        service.silent = False
        gateway.keep(fixes(5))
        until(pumping(gateway, lambda: len(gateway.backlog) == 4))
    assert service.stored == [("dev-1", seq) for seq in range(1, 6)]


@pytest.mark.parametrize("years_off", [0, 20, -20])
def test_what_was_never_receipted_is_sent_again_whatever_the_clock_says(
    broker: EmbeddedBroker, tmp_path: Path, years_off: int
) -> None:
    off = timedelta(days=365 * years_off)
    service = Service()
    service.silent = True
    with (
        listening(broker.port, service),
        running(broker.port, tmp_path, resend_after_s=0.2) as gateway,
    ):
        gateway.keep(fixes(1, 2))
        until(pumping(gateway, lambda: len(service.stored) >= 2))
        service.silent = False
        until(pumping(gateway, lambda: len(gateway.backlog) == 0, off))
    assert set(service.stored) == {("dev-1", 1), ("dev-1", 2)}
    assert len(service.stored) >= 4


def test_what_is_never_answered_blocks_neither_the_window_nor_its_number(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service(unanswered=frozenset({("dev-1", 1), ("dev-1", 2)}))
    with (
        listening(broker.port, service),
        running(broker.port, tmp_path, resend_after_s=0.01, window=3) as gateway,
    ):
        gateway.keep(fixes(1, 2))
        seq = 10

        def on_and_on() -> bool:
            nonlocal seq
            if len(gateway.backlog) <= 2:
                gateway.keep(fixes(seq))
                seq += 1
            return min(Counter(service.stored)["dev-1", it] for it in (1, 2)) > 20

        until(pumping(gateway, on_and_on))
        gateway.keep([*fixes(1), *fixes(*range(100, 110), device="dev-2")])  # 1 for another moment
        until(pumping(gateway, lambda: len(gateway.backlog) == 3))
    assert {seq for name, seq in service.stored if name == "dev-2"} == set(range(100, 110))


def test_while_the_service_is_away_only_a_few_readings_ask_for_it(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service()
    service.silent = True
    with (
        listening(broker.port, service),
        running(broker.port, tmp_path, resend_after_s=0.5) as gateway,
    ):
        gateway.keep(fixes(*range(100)))
        until(pumping(gateway, lambda: len(service.stored) >= 130))  # all, then ten and ten
        assert set(Counter(service.stored).values()) == {1, 2}
        service.silent = False
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert set(service.stored) == {("dev-1", seq) for seq in range(100)}


def test_a_final_rejection_is_forgotten_too(broker: EmbeddedBroker, tmp_path: Path) -> None:
    service = Service(refused=frozenset({"nobody"}))
    with listening(broker.port, service), running(broker.port, tmp_path) as gateway:
        gateway.keep([*fixes(1), *fixes(1, device="nobody")])
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert service.stored == [("dev-1", 1)]


def test_a_gateway_started_again_sends_what_it_still_owes(tmp_path: Path) -> None:
    port = free_port()
    with running(port, tmp_path) as gateway:
        gateway.keep(fixes(1, 2, 3))
        gateway.pump(datetime.now(UTC))
    service = Service()
    with (
        embedded.start(port),
        listening(port, service),
        running(port, tmp_path) as gateway,
    ):
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert service.stored == [("dev-1", seq) for seq in (1, 2, 3)]


def test_killing_the_broker_loses_nothing(tmp_path: Path) -> None:
    port, service = free_port(), Service()
    first = embedded.start(port)
    with listening(port, service), running(port, tmp_path, resend_after_s=5) as gateway:
        gateway.keep(fixes(*range(50)))
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
        gateway.keep(fixes(*range(50, 150)))
        gateway.pump(datetime.now(UTC))
        first.stop()  # whatever it held in memory is gone
        gateway.keep(fixes(*range(150, 200)))
        until(pumping(gateway, lambda: not gateway.connected))
        with embedded.start(port):
            until(pumping(gateway, lambda: len(gateway.backlog) == 0), within_s=40)
    assert set(service.stored) == {("dev-1", seq) for seq in range(200)}
    assert service.stored[:50] == [("dev-1", seq) for seq in range(50)]
    assert min(seq for _, seq in service.stored[50:]) == 50  # what was receipted is not owed


def test_a_counter_that_starts_again_loses_neither_reading(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service()
    before, after = fixes(1, 2, 3), fixes(1, 2)
    with listening(broker.port, service), running(broker.port, tmp_path) as gateway:
        gateway.keep([*before, *after])
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert [it.time for it in service.readings] == [it.time for it in (*before, *after)]


def test_no_more_is_under_way_than_the_window_allows(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service()
    service.silent = True
    with listening(broker.port, service), running(broker.port, tmp_path, window=10) as gateway:
        gateway.keep(fixes(*range(100)))
        until(pumping(gateway, lambda: len(service.stored) == 10))
        gateway.pump(datetime.now(UTC))
        assert len(gateway.backlog.after(0, 1000)) == 100
        service.silent = False
    assert len(service.stored) == 10


def test_fixes_travel_in_lists_that_a_small_broker_takes(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service()
    sizes: list[int] = []

    def handle(batch: list[Inbound]) -> Outcome:
        sizes.extend(len(it.payload) for it in batch if "status" not in it.topic)
        return service(batch)

    sos = Event(device="dev-1", seq=400, time=datetime.now(UTC), event=EventKind.SOS)
    readings: list[Fix | Event] = [*fixes(*range(400)), sos, *fixes(*range(401, 600))]
    with listening(broker.port, handle), running(broker.port, tmp_path, batch=150) as gateway:
        until(lambda: gateway.connected)
        gateway.keep(readings)
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert sorted(service.stored) == [("dev-1", seq) for seq in range(600)]
    assert len(sizes) == 3 + 1 + 2
    assert max(sizes) <= 18_000


@pytest.mark.parametrize("batch", [0, 501])
def test_a_list_has_the_length_that_the_contract_allows(tmp_path: Path, batch: int) -> None:
    backlog = Backlog(tmp_path / "backlog.sqlite")
    with pytest.raises(ValueError, match="1-500"):
        Gateway("gw-1", settings_for(1), backlog, never_asked, batch=batch)
    backlog.close()


def test_what_met_no_connection_is_not_waited_for(tmp_path: Path) -> None:
    """It goes out once there is one, to a broker that nobody listens to, and must go again."""
    port, service = free_port(), Service()
    with running(port, tmp_path, resend_after_s=0.5) as gateway:
        gateway.keep(fixes(1, 2, 3))
        gateway.connected = True  # as it is for a moment after the connection was lost
        gateway.pump(datetime.now(UTC))
        gateway.connected = False
        with embedded.start(port):
            until(pumping(gateway, lambda: gateway.connected))
            with listening(port, service):
                until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert set(service.stored) == {("dev-1", seq) for seq in (1, 2, 3)}


def test_a_gateway_says_when_it_comes_and_goes(broker: EmbeddedBroker, tmp_path: Path) -> None:
    service = Service()
    with running(broker.port, tmp_path) as gateway:
        until(lambda: gateway.connected)
        with listening(broker.port, service):
            until(lambda: [it.state for it in service.statuses] == [GatewayState.ONLINE])
            gateway.close()
            until(lambda: service.statuses[-1].state is GatewayState.OFFLINE)


def test_a_broken_receipt_or_command_is_survived(broker: EmbeddedBroker, tmp_path: Path) -> None:
    service = Service()
    with listening(broker.port, service), running(broker.port, tmp_path) as gateway:
        until(lambda: gateway.connected)
        publish(broker.port, "correction/v1/gw-1/receipt", "{")
        publish(broker.port, "correction/v1/gw-1/dev-1/command", "[]")
        gateway.keep(fixes(1))
        until(pumping(gateway, lambda: len(gateway.backlog) == 0))
    assert service.results == []


def test_a_full_disk_keeps_a_gateway_from_taking_more_but_not_from_sending(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    service = Service()
    room = tmp_path / "room"
    arguments = [str(tmp_path / "backlog.sqlite"), str(broker.port), str(room)]
    with listening(broker.port, service):
        gateway = subprocess.Popen(
            [sys.executable, "-c", FULL_DISK, *arguments],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        with gateway:
            assert gateway.stdout
            kept = int(gateway.stdout.readline())
            until(lambda: len(set(service.stored)) == kept, within_s=60)
            room.touch()
            assert gateway.wait(60) == 0
    assert kept > 500
    assert set(service.stored) == {("dev-1", seq) for seq in range(kept)}
    backlog = Backlog(tmp_path / "backlog.sqlite")
    assert len(backlog) == 0
    backlog.close()


def test_a_gateway_needs_a_name_that_fits_a_topic(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path / "backlog.sqlite")
    with pytest.raises(ValueError, match="'gw 1'"):
        Gateway("gw 1", settings_for(1), backlog, never_asked)
    backlog.close()
