import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import shapely

from devices.broker import EmbeddedBroker
from devices.messages import Fix
from devices.simulator.fleet import Fleet, Scripted
from devices.simulator.person import Dweller
from devices.simulator.run import run
from tests.devices.service import Service
from tests.devices.wires import listening, settings_for, until


def test_a_running_fleet_reaches_the_service_and_leaves_its_truth(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    fleet = Fleet(
        [Dweller("dev-0", (27.70, 106.90)), Dweller("dev-1", (27.72, 106.93))],
        boundary=shapely.box(106.7, 27.5, 107.1, 27.9),
        started=datetime.now(UTC),
        interval_s=(0.5, 1.0),
        script=[Scripted("dev-1", after_s=0.1)],
    )
    service, stop = Service(), threading.Event()
    simulator = threading.Thread(
        target=run,
        args=(fleet, settings_for(broker.port, "gw-sim")),
        kwargs={"gateway": "gw-sim", "folder": tmp_path, "stop": stop},
    )
    with listening(broker.port, service):
        simulator.start()
        until(lambda: {it.device for it in service.readings} == {"dev-0", "dev-1"})
        stop.set()
        simulator.join()
    assert all(isinstance(it, Fix) for it in service.readings)
    (line,) = (tmp_path / "gw-sim.truth.jsonl").read_text(encoding="utf-8").splitlines()
    truth = json.loads(line)
    assert (truth["device"], truth["kind"], truth["end"]) == ("dev-1", "departure", None)
