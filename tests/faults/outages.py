"""Drills of parts that stop, die or fill up while fixes keep coming."""

import time

import httpx

from tests.faults import stores
from tests.faults.rig import Rig
from tests.faults.stores import Postgres


def database_down(rig: Rig) -> None:
    """PostgreSQL is stopped, or somebody holds the SQLite file."""
    with rig.recovering(), rig.store.away():
        rig.hold(rig.scale.outage_s)


def database_killed(rig: Rig) -> None:
    """Kill -9 of PostgreSQL with every backend, in mid transaction."""
    assert isinstance(rig.store, Postgres)
    for _ in range(rig.scale.kills):
        rig.store.kill()
        with rig.recovering():
            rig.store.start()


def disk_full(rig: Rig) -> None:
    """Not a byte is left on the database's disk, log and all; later there is room again."""
    with rig.recovering():
        with stores.full(rig.store.folder):
            _until_it_bites(rig)
            rig.hold(rig.scale.outage_s)
        if isinstance(rig.store, Postgres):
            rig.store.start()  # it may have ended itself over its log, as its unit would restart it


def _until_it_bites(rig: Rig) -> None:
    """Keep the disk full until nothing more is stored while more and more is said."""
    seen = []

    def bitten() -> bool:
        stores.refill(rig.store.folder)
        seen.append((rig.stored(), sum(rig.ticks().values())))
        then, now = seen[-10:][0], seen[-1]
        return now[0] == then[0] and now[1] > then[1] + 2 * len(rig.bracelets)

    rig.until(bitten, "the full disk stops the database")


def broker_killed(rig: Rig) -> None:
    """Kill -9 of the broker; what it had acknowledged is gone with it."""
    for _ in range(rig.scale.kills):
        rig.broker.kill()
        with rig.recovering():
            rig.broker.start()


def ingest_killed(rig: Rig) -> None:
    """Kill -9 of the ingester, again and again under load."""
    for _ in range(rig.scale.kills):
        rig.kill_ingest()
        with rig.recovering():
            rig.start_ingest()


def gateways_killed(rig: Rig) -> None:
    """Kill -9 of the gateways themselves; what they had kept is on their disks."""
    for _ in range(rig.scale.kills):
        rig.kill_gateways()
        with rig.recovering():
            rig.start_gateways()


def everything_killed(rig: Rig) -> None:
    """Kill -9 of broker, ingester and gateways at once, and of PostgreSQL."""
    rig.broker.kill()
    rig.kill_ingest()
    rig.kill_gateways()
    if isinstance(rig.store, Postgres):
        rig.store.kill()
    with rig.recovering():
        rig.start_gateways()
        rig.start_ingest()
        if isinstance(rig.store, Postgres):
            rig.store.start()
        rig.broker.start()


def long_silence(rig: Rig) -> None:
    """The broker is away until gateways owe a great deal; recovered means that they owe nothing."""
    rig.broker.kill()
    size = len(next(iter(rig.bracelets.values())))
    before = sum(rig.ticks().values())
    wanted = rig.scale.backlog / size
    rig.until(lambda: sum(rig.ticks().values()) - before >= wanted, "a backlog")
    rig.broker.start()
    began = time.monotonic()
    rig.drain()
    rig.recovered_s = time.monotonic() - began


def others_killed(rig: Rig) -> None:
    """Kill -9 of web and schedule: fixes do not notice, and both come back by themselves."""
    port = rig.settings.public_url.rpartition(":")[2]
    commands = (("web", "--port", port), ("schedule",))
    for _ in range(rig.scale.kills):
        running = [rig.start(*words) for words in commands]
        rig.until(lambda: _ready(rig), "the service is ready")
        for process in running:
            process.kill()
            process.wait()
        with rig.recovering():
            pass


def _ready(rig: Rig) -> bool:
    try:
        return httpx.get(f"{rig.settings.public_url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False
