"""Where a run takes place: a fresh copy of the seeded country, a broker, the service's ingest.

The seeded country is kept in the system's temporary folder between runs, as long as tables and
seeding stay as they are.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from correction_service.db import MIGRATIONS, engine_for, upgrade
from correction_service.hardware import gateways
from models.keys import KeyRing
from tests.benchmarks import country, mosquitto, postgres
from tests.benchmarks.country import Homes
from tests.benchmarks.mosquitto import SERVICE, Broker

RUN = "bench_run"
SERVICE_MODULE = "correction_service"
WARM = '"warm"'  # what an ingester says when it has read who wears what
SUBSCRIBED_S = 3.0  # and has surely subscribed by then
FLEET = "tests.benchmarks.fleet"


@dataclass(frozen=True)
class Site:
    """A database full of people, a broker that knows their gateways, and a folder for the rest."""

    folder: Path
    url: str
    homes_file: Path
    broker: Broker
    postmaster: int | None  # its pid; None on SQLite

    @contextmanager
    def ingesting(self, count: int) -> Iterator[list[int]]:
        """So many of `correction-service ingest`, each with its gateways, until the block ends."""
        names = [country.gateway_name(it) for it in range(country.GATEWAYS)]
        with ExitStack() as stack:
            children = [
                stack.enter_context(
                    self.running(
                        SERVICE_MODULE,
                        "ingest",
                        CORRECTION_MQTT_CLIENT_ID=f"ingest-{number}",
                        CORRECTION_INGEST_GATEWAYS=",".join(names[number::count]),
                    )
                )
                for number in range(count)
            ]
            while self.log(SERVICE_MODULE).count(WARM) < count:
                if any(child.poll() is not None for child in children):
                    sys.exit(f"an ingester ended\n{self.log(SERVICE_MODULE)[-2000:]}")
                time.sleep(0.5)
            time.sleep(SUBSCRIBED_S)
            yield [child.pid for child in children]

    @contextmanager
    def running(
        self, module: str, *words: str, **settings: str
    ) -> Iterator["subprocess.Popen[str]"]:
        """A Python program with the settings of this site, and more, until the block ends."""
        command = [sys.executable, "-m", module, *words]
        with (
            self._log(module).open("a") as said,
            subprocess.Popen(
                command,
                env=os.environ | self._settings() | settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if module == FLEET else said,
                stderr=said,
                text=True,
            ) as child,
        ):
            try:
                yield child
            finally:
                child.terminate()

    def log(self, module: str) -> str:
        """What a program said until now."""
        return self._log(module).read_text()

    def _log(self, module: str) -> Path:
        return self.folder / f"{module}.log"

    def _settings(self) -> dict[str, str]:
        return {
            "CORRECTION_MODE": "demo",
            "CORRECTION_DATA_DIR": str(self.folder),
            "CORRECTION_DATABASE_URL": self.url,
            "CORRECTION_KEY_RING": KeyRing.generate().dumps(),
            "CORRECTION_MQTT_PORT": str(self.broker.port),
            "CORRECTION_MQTT_USERNAME": SERVICE.name,
            "CORRECTION_MQTT_PASSWORD": SERVICE.secret,
        }


@contextmanager
def on_postgresql(devices: int) -> Iterator[Site]:
    """A site on PostgreSQL, with fsync and the settings of deploy/."""
    with postgres.running() as server:
        prefix = f"country_{devices}_"
        seeded = prefix + _edition()
        homes = _homes_file(devices)
        known = server.databases()
        if not (seeded in known and homes.exists()):
            for former in (name for name in known if name.startswith(prefix)):
                server.drop(former)
            server.create("seeding")
            _seed(server.url("seeding"), devices).save(homes)
            server.rename("seeding", seeded)
        server.create(RUN, seeded)
        try:
            with _site(server.url(RUN), homes, server.pid) as site:
                yield site
        finally:
            server.drop(RUN)


@contextmanager
def on_sqlite(devices: int) -> Iterator[Site]:
    """A site on SQLite."""
    homes = _homes_file(devices)
    seeded = homes.with_suffix(".db")
    if not (seeded.exists() and homes.exists()):
        begun = seeded.with_suffix(".part")
        begun.unlink(missing_ok=True)
        _seed(f"sqlite:///{begun}", devices).save(homes)
        begun.rename(seeded)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(seeded, Path(folder) / "country.db")
        with _site(f"sqlite:///{folder}/country.db", homes, None) as site:
            yield site


@contextmanager
def _site(url: str, homes_file: Path, postmaster: int | None) -> Iterator[Site]:
    engine = engine_for(url)
    homes = Homes.load(homes_file)
    now = datetime.now(UTC)
    with engine.begin() as connection:
        country.remember(connection, homes, now)
    with Session(engine) as session:
        passwords = gateways.password_file(session, SERVICE)
    if postmaster is not None:
        _days(engine, now.date())
        _at_rest(engine)
    engine.dispose()
    with (
        tempfile.TemporaryDirectory() as folder,
        mosquitto.running(Path(folder), passwords) as broker,
    ):
        yield Site(Path(folder), url, homes_file, broker, postmaster)


def _seed(url: str, devices: int) -> Homes:
    upgrade(url)
    engine = engine_for(url)
    homes = country.found(engine, devices)
    engine.dispose()
    return homes


def _days(engine: Engine, today: date) -> None:
    """The partitions that the schedule would have made."""
    with engine.begin() as connection:
        for day in (today, today + timedelta(days=1)):
            name = f"fix_{day:%Y%m%d}"
            limits = f"FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
            connection.execute(
                text(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF fix FOR VALUES {limits}")
            )


def _at_rest(engine: Engine) -> None:
    """Nothing of the seeding is left to do while we measure."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FREEZE, ANALYZE) device_state"))
        connection.execute(text("CHECKPOINT"))


def _homes_file(devices: int) -> Path:
    name = f"correction-bench-country-{devices}-{_edition()}.npz"
    return Path(tempfile.gettempdir()) / name


def _edition() -> str:
    """Changes with the tables and with how they are filled."""
    files = [*sorted((MIGRATIONS / "versions").glob("*.py")), Path(country.__file__)]
    return hashlib.sha256(b"".join(it.read_bytes() for it in files)).hexdigest()[:12]
