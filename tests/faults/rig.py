"""The service on real parts with load on it, for one drill: processes, database, broker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped] # it ships no types
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database, open_database
from correction_service.settings import Mode, Settings
from models.fix import DeviceEvent, Fix
from models.keys import KeyRing
from tests.broker import free_port
from tests.faults import brokers, load, tally
from tests.faults.load import PLAN, STOP, Plan
from tests.faults.stores import Store
from tests.faults.tally import Tally
from tests.faults.wearers import wear
from tests.processes import environment

STRAY, SPARE = "stray", "spare"  # worn, and silent unless a drill speaks for them
MORE = 3  # ticks of everyone that must come through before a recovery counts


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How long and how hard a drill is."""

    gateways: int
    bracelets: int  # a gateway
    period_s: float  # between two ticks of all bracelets
    outage_s: float
    kills: int
    storm: int  # messages
    backlog: int  # readings owed after a long silence
    payloads: int  # broken ones, for every decoder
    resend_after_s: float
    patience_s: float  # for anything at all to happen
    poll_s: float


LONG = Scale(
    gateways=5,
    bracelets=40,
    period_s=0.5,
    outage_s=600,
    kills=10,
    storm=300_000,
    backlog=100_000,
    payloads=1_000_000,
    resend_after_s=30,
    patience_s=1800,
    poll_s=1,
)
SHORT = Scale(
    gateways=2,
    bracelets=3,
    period_s=0.05,
    outage_s=2,
    kills=2,
    storm=3_000,
    backlog=3_000,
    payloads=20_000,
    resend_after_s=2,
    patience_s=120,
    poll_s=0.1,
)


@dataclass
class Rig:
    """One service under load. Every wait is for a condition, and gives up after `patience_s`."""

    scale: Scale
    store: Store
    broker: brokers.Broker
    settings: Settings
    database: Database
    folder: Path
    cases: dict[str, int]
    bracelets: dict[str, list[str]]
    slice: dict[str, str] = field(default_factory=dict)  # settings of the first ingester alone
    extra: Tally = field(default_factory=Tally)
    recovered_s: float = 0.0
    ingest: "subprocess.Popen[bytes] | None" = None
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    talking: "subprocess.Popen[bytes] | None" = None

    def start(self, *words: str, **settings: str) -> "subprocess.Popen[bytes]":
        """Start `correction-service WORDS` on this rig; it ends with the rig at the latest."""
        command = [sys.executable, "-m", "correction_service", *words]
        more = {
            "CORRECTION_MQTT_PORT": str(self.broker.port),
            "CORRECTION_SECRET_KEY": "s" * 32,
            "CORRECTION_PUBLIC_URL": self.settings.public_url,
            **settings,
        }
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            started = subprocess.Popen(
                command, env=environment(self.settings, **more), stdout=log, stderr=log
            )
        self.started.append(started)
        return started

    def start_ingest(self) -> None:
        """Start the ingester, or start it again."""
        self.ingest = self.start("ingest", **self.slice)

    def kill_ingest(self) -> None:
        """Kill -9."""
        assert self.ingest
        self.ingest.kill()
        self.ingest.wait()

    def ingest_mb(self) -> float:
        """The ingester's resident memory."""
        assert self.ingest
        return float(psutil.Process(self.ingest.pid).memory_info().rss) / 1e6

    def start_gateways(self) -> None:
        """Start the load, or start it again where it was killed."""
        program = [sys.executable, "-m", "tests.faults.load", str(self.folder)]
        with (self.folder / "gateways.log").open("ab") as log:
            self.talking = subprocess.Popen(
                program, cwd=Path(__file__).parents[2], stdout=log, stderr=log, env=os.environ
            )
        self.started.append(self.talking)

    def kill_gateways(self) -> None:
        """Kill -9 of all gateways at once."""
        assert self.talking
        self.talking.kill()
        self.talking.wait()

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for a condition; the error names it."""
        deadline = time.monotonic() + self.scale.patience_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: it never happened")
            if self.ingest and self.ingest.poll() not in {None, -9, -15, 0}:
                raise RuntimeError(f"ingest ended with {self.ingest.returncode}")
            if self.talking and self.talking.poll() not in {None, -9, 0}:
                raise RuntimeError(f"the gateways ended with {self.talking.returncode}")
            time.sleep(self.scale.poll_s)

    def number(self, count: Callable[[Session], int]) -> int:
        """A number from the database; -1 while it cannot be reached."""
        try:
            with self.database.reading() as session:
                return count(session)
        except SQLAlchemyError:
            return -1

    def stored(self) -> int:
        """How many readings are stored."""
        return self.number(
            lambda session: sum(
                session.scalar(select(func.count()).select_from(kind)) or 0
                for kind in (Fix, DeviceEvent)
            )
        )

    def until_flowing(self, ticks: int = MORE) -> None:
        """Wait until so many more ticks of all bracelets are stored."""
        self.until(lambda: self.stored() >= 0, "the database answers")
        wanted = self.stored() + ticks * sum(map(len, self.bracelets.values()))
        self.until(lambda: self.stored() >= wanted, "new fixes are stored")

    def hold(self, seconds: float) -> None:
        """Let a fault last: the outage itself is what is being tried."""
        time.sleep(seconds)

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Mend the fault in the block; then measure until new fixes are stored again."""
        yield
        began = time.monotonic()
        self.until_flowing()
        self.recovered_s = max(self.recovered_s, time.monotonic() - began)

    def finish(self) -> Tally:
        """Stop the talk, wait until every gateway has its receipts, and count."""
        wanted = load.LEAVES_AT + 4 * load.STRAP_EVERY  # enough to have left home
        self.until(lambda: min(self.ticks().values()) >= wanted, "enough was said")
        self.drain()
        ticks = {device: self.ticks()[name] for name, of in self.bracelets.items() for device in of}
        straps = {device: load.straps(count) for device, count in ticks.items()}
        with self.database.reading() as session:
            return (
                tally.of_kind(session, Fix, ticks)
                + tally.of_kind(session, DeviceEvent, straps)
                + tally.of_effects(session, straps)
                + self.extra
            )

    def drain(self) -> None:
        """Stop the talk, and wait until every gateway has a receipt for everything."""
        talking = self.talking
        assert talking
        (self.folder / STOP).touch()
        self.until(lambda: talking.poll() is not None, "receipts")

    def ticks(self) -> dict[str, int]:
        """Ticks kept by each gateway."""
        return {name: load.ticks_kept(self.folder, name) for name in self.bracelets}


@contextmanager
def rigged(
    scale: Scale, store: Store, folder: Path, plan: Mapping[str, object], slice_: Mapping[str, str]
) -> Iterator[Rig]:
    """A service that runs, under load that flows.

    `plan` changes what the gateways do, `slice_` what the first ingester hears of them.
    """
    with ExitStack() as stack:
        broker = brokers.found(folder, free_port())
        settings = _settings(store.new(), folder)
        database = open_database(settings)
        stack.callback(database.close)
        bracelets = {
            f"gw-{number}": [f"B{number}-{each}" for each in range(scale.bracelets)]
            for number in range(scale.gateways)
        }
        with database.transaction(SYSTEM, "drill") as session:
            cases = wear(session, {**bracelets, "gw-stray": [STRAY, SPARE]})
        (folder / PLAN).write_bytes(msgspec.json.encode(_plan(scale, broker.port, bracelets, plan)))
        rig = Rig(scale, store, broker, settings, database, folder, cases, bracelets, dict(slice_))
        stack.callback(_end, rig)
        broker.start()
        rig.start_ingest()
        rig.start_gateways()
        rig.until_flowing()
        yield rig


def _settings(url: str, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "mode": Mode.DEMO,
            "data_dir": folder / "data",
            "database_url": url,
            "key_ring": KeyRing.generate().dumps(),
            "secret_key": "s" * 32,
            "public_url": f"http://127.0.0.1:{free_port()}",
        }
    )


def _plan(
    scale: Scale, port: int, bracelets: dict[str, list[str]], changes: Mapping[str, object]
) -> Plan:
    usual = {
        "port": port,
        "bracelets": bracelets,
        "period_s": scale.period_s,
        "start": datetime.now(UTC) - timedelta(hours=20),
        "resend_after_s": scale.resend_after_s,
    }
    return msgspec.convert({**usual, **changes}, Plan)


def _end(rig: Rig) -> None:
    for process in rig.started:
        process.kill()
        process.wait()
    rig.broker.kill()
