"""Drills of several ingesters that are started and stopped while fixes keep coming."""

from tests.faults.brokers import Mosquitto
from tests.faults.rig import Rig
from tests.faults.stores import NotHere

ID, GATEWAYS = "CORRECTION_MQTT_CLIENT_ID", "CORRECTION_INGEST_GATEWAYS"
SHARE = {"CORRECTION_INGEST_SHARE": "county", ID: "ingest-1"}
FIRST_HALF = {GATEWAYS: "gw-0,gw-stray", ID: "ingest-1"}
STOPS_WITHIN_S = 60


def sharing(rig: Rig) -> None:
    """Two divide everything by a share; either is killed, or stopped in order, under load."""
    if not isinstance(rig.broker, Mosquitto):
        raise NotHere(
            "the embedded broker knows no shared subscriptions: apt-get install mosquitto"
        )
    for _ in range(rig.scale.kills):
        with rig.recovering():
            second = rig.start("ingest", **{**SHARE, ID: "ingest-2"})
        rig.kill_ingest()
        with rig.recovering():
            rig.start_ingest()
        second.terminate()
        second.wait(STOPS_WITHIN_S)
        with rig.recovering():
            pass


def by_gateway(rig: Rig) -> None:
    """Each hears gateways of its own; one comes late, is killed and comes again."""
    others = ",".join(name for name in rig.bracelets if name != "gw-0")
    for _ in range(rig.scale.kills):
        second = rig.start("ingest", **{GATEWAYS: others, ID: "ingest-2"})
        with rig.recovering():
            rig.until_flowing()
        second.kill()
        second.wait()
        rig.kill_ingest()
        rig.start_ingest()
    rig.start("ingest", **{GATEWAYS: others, ID: "ingest-2"})
    with rig.recovering():
        pass
