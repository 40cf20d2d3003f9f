"""The demo's bracelets: a simulated fleet behind the reference gateway, with a script."""

import signal
import threading
from datetime import UTC, datetime

import shapely
from sqlalchemy import select

from correction_service.db import open_database
from correction_service.demo import county
from correction_service.settings import Settings
from devices.link import MqttSettings
from devices.simulator.fleet import Fleet, Scripted
from devices.simulator.run import run as publish
from devices.simulator.truth import Happening
from models.area import outline
from models.zone import Zone, ZoneKind

INTERVAL_S = (5.0, 6.0)
DEPARTS_AFTER_S = 10.0
STRAP_CUT_AFTER_S = 30.0
SILENT_AFTER_S = 50.0


def run(settings: Settings, speed: float) -> None:
    """Publish until SIGTERM: one wearer leaves the city, one cuts the strap, one falls silent."""
    database = open_database(settings)
    with database.reading() as session:
        dwellers = county.dwellers(session)
        home = session.scalars(select(Zone).where(Zone.kind == ZoneKind.HOME)).first()
        boundary = None if home is None else shapely.geometry.shape(outline(home))
    database.close()
    if boundary is None:
        return
    happenings = (
        (Happening.DEPARTURE, DEPARTS_AFTER_S),
        (Happening.STRAP_CUT, STRAP_CUT_AFTER_S),
        (Happening.OUTAGE, SILENT_AFTER_S),
    )
    script = [
        Scripted(dweller.device, kind, after_s)
        for dweller, (kind, after_s) in zip(dwellers, happenings, strict=False)
    ]
    fleet = Fleet(
        dwellers,
        boundary=boundary,
        started=datetime.now(UTC),
        speed=speed,
        interval_s=INTERVAL_S,
        script=script,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    link = MqttSettings(
        host=settings.mqtt_host, port=settings.mqtt_port, client_id=f"{county.GATEWAY}-fleet"
    )
    publish(fleet, link, gateway=county.GATEWAY, folder=settings.data_dir / "fleet", stop=stop)
