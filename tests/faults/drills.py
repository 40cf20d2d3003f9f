"""Every drill by name, and how one is run and judged."""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import SystemRandom
from subprocess import SubprocessError

from tests.faults import abuses, ingesters, outages, stores
from tests.faults.rig import Rig, Scale, rigged
from tests.faults.stores import Store
from tests.faults.tally import Tally
from tests.fuzz import run as fuzzing

KINDS = ("postgresql", "sqlite")
NOTHING = Tally()
TAIL = 2000  # characters of each log that are shown when a drill fails


@dataclass(frozen=True)
class Drill:
    """One fault; `plan` changes what the gateways say, `slice` what the first ingester hears.

    `disk_mb` asks for a small disk of the database's own.
    """

    fault: Callable[[Rig], None]
    kinds: tuple[str, ...] = KINDS
    plan: Mapping[str, object] = field(default_factory=dict)
    disk_mb: Mapping[str, int] = field(default_factory=dict)
    slice: Mapping[str, str] = field(default_factory=dict)


DRILLS: dict[str, Drill] = {
    "database-down": Drill(outages.database_down),
    "database-killed": Drill(outages.database_killed, kinds=("postgresql",)),
    "disk-full": Drill(outages.disk_full, disk_mb={"postgresql": 1024, "sqlite": 512}),
    "broker-killed": Drill(outages.broker_killed),
    "ingest-killed": Drill(outages.ingest_killed),
    "gateways-killed": Drill(outages.gateways_killed, plan={"batch": 50}),
    "everything-killed": Drill(outages.everything_killed),
    "long-silence": Drill(outages.long_silence, plan={"period_s": 0.01}),
    "long-silence-in-lists": Drill(outages.long_silence, plan={"period_s": 0.01, "batch": 100}),
    "others-killed": Drill(outages.others_killed),
    "ingesters-share": Drill(ingesters.sharing, slice=ingesters.SHARE),
    "ingesters-by-gateway": Drill(ingesters.by_gateway, slice=ingesters.FIRST_HALF),
    "storm-of-rejects": Drill(abuses.storm_of_rejects),
    "storm-of-fixes": Drill(abuses.storm_of_fixes),
    "clocks-off": Drill(abuses.clocks_off, plan={"clock_off_years": 10}),
    "counters-reset": Drill(abuses.counters_reset, plan={"forgets_every": 40}),
    "wrong-qos": Drill(abuses.wrong_qos),
    "retained-junk": Drill(abuses.retained_junk),
    "large-payloads": Drill(abuses.large_payloads),
    "bound-twice": Drill(abuses.bound_twice),
}


@dataclass(frozen=True)
class Verdict:
    """What one drill came to; `fault` says what went wrong beside the figures."""

    drill: str
    tally: Tally = NOTHING
    seconds: float = 0.0
    recovered_s: float = 0.0
    fault: str = ""
    skipped: str = ""

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing doubled, and it came back by itself."""
        clean = self.tally.sent > 0 and not self.tally.lost and not self.tally.doubled
        return bool(self.skipped) or (clean and not self.fault)

    def line(self) -> str:
        """One JSON object."""
        said = {
            "drill": self.drill,
            **vars(self.tally),
            "seconds": round(self.seconds, 1),
            "recovered_s": round(self.recovered_s, 1),
            "ok": self.ok,
        }
        more = {"fault": self.fault, "skipped": self.skipped}
        return json.dumps(said | {name: text for name, text in more.items() if text})


def fuzz(scale: Scale) -> Verdict:
    """Feed broken payloads to every decoder: each is refused with a reason or taken validly."""
    began = time.monotonic()
    try:
        found = fuzzing.run(scale.payloads, SystemRandom().randrange(2**32))
    except fuzzing.Found as violation:
        return Verdict("fuzz", seconds=time.monotonic() - began, fault=str(violation))
    judged = found.accepted + found.in_part + found.rejected
    tally = Tally(found.payloads, judged, found.payloads - judged)
    return Verdict("fuzz", tally, time.monotonic() - began)


def all_of_them() -> dict[str, Callable[[Scale], Verdict]]:
    """Every drill by its full name: the fault and the database."""
    named: dict[str, Callable[[Scale], Verdict]] = {
        f"{name}.{kind}": partial(run, name, kind)
        for name, drill in DRILLS.items()
        for kind in drill.kinds
    }
    return {**named, "fuzz": fuzz}


def run(name: str, kind: str, scale: Scale, store: Store | None = None) -> Verdict:
    """Drill one fault on one kind of database; a store given is used, and stays open."""
    called = f"{name}.{kind}"
    drill = DRILLS[name]
    began = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        try:
            used = stack.enter_context(_store(drill, kind, folder, store))
            rig = stack.enter_context(rigged(scale, used, folder, drill.plan, drill.slice))
            drill.fault(rig)
            tally = rig.finish()
        except stores.NotHere as lack:
            return Verdict(called, skipped=str(lack))
        except (AssertionError, OSError, RuntimeError, SubprocessError, ValueError) as fault:
            spent = time.monotonic() - began
            _show_logs(folder)
            return Verdict(called, seconds=spent, fault=f"{type(fault).__name__}: {fault}")
        return Verdict(called, tally, time.monotonic() - began, rig.recovered_s)


def _show_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        sys.stderr.write(f"=== the end of {log.name}\n{log.read_text()[-TAIL:]}\n")


@contextmanager
def _folder() -> Iterator[Path]:
    """Directly under the system's temporary folder, which PostgreSQL's own account can enter."""
    folder = Path(tempfile.mkdtemp(prefix="correction-faults-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _store(drill: Drill, kind: str, folder: Path, given: Store | None) -> Iterator[Store]:
    if given is not None and not drill.disk_mb:
        yield given
        return
    with ExitStack() as stack:
        where = folder / "store"
        if drill.disk_mb:
            stack.enter_context(stores.small_disk(where, drill.disk_mb[kind]))
        opened = stores.opened(kind, where)
        stack.callback(opened.close)
        yield opened
