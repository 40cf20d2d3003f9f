"""Run the service under a country's load and say what it does and what it costs.

    python -m tests.benchmarks.load [--devices 700000] [--rate 12000] [--seconds 20] [--fixes 1]

Starts PostgreSQL (or SQLite with `--sqlite`), mosquitto, the ingester and the fleet, and prints
one JSON object: fixes a second, milliseconds from publish to commit and to receipt, CPU
microseconds a fix of every process, and what was lost.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text

from correction_service.db import engine_for
from tests.benchmarks import processes
from tests.benchmarks.packets import FIRST_SEQ
from tests.benchmarks.site import Site, on_postgresql, on_sqlite

SAMPLE = 37  # of so many devices one is asked when each of its fixes was committed

Stage = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the fleet does; `rate` in fixes a second, 0 for as fast as receipts come."""

    rate: int = 0
    seconds: float = 20.0
    warm: float = 5.0
    fixes: int = 1
    burst: int = 20
    window: int = 20_000
    first: int = FIRST_SEQ  # runs of one site count from different numbers, a million apart

    def words(self) -> list[str]:
        """As the fleet's options."""
        return [word for key, value in asdict(self).items() for word in (f"--{key}", str(value))]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a run."""

    rate: float  # fixes a second with a receipt, in the measured time
    sent: int
    stored: int
    lost: int
    doubled: int
    rejected: int
    incidents: int
    commit_ms: dict[str, float]  # publish to commit, by row; on PostgreSQL
    commit_ms_by_minute: list[dict[str, float]]
    receipt_ms: list[dict[str, int]]  # publish to receipt, by minute
    cpu_us: dict[str, float]  # a fix, by process
    cores: float  # that all of them kept busy
    memory_mb: list[float]  # of all ingesters, by minute
    message_bytes: int


def run(site: Site, load: Load, ingesters: Sequence[int]) -> Run:
    """Let the fleet send its load to running ingesters, and count what is in the database."""
    arguments = [str(site.homes_file), "--port", str(site.broker.port), *load.words()]
    with site.running("tests.benchmarks.fleet", *arguments) as fleet:
        pids = {"ingest": ingesters, "broker": [site.broker.pid], "fleet": [fleet.pid]}
        if site.postmaster is not None:
            pids["postgres"] = [site.postmaster]
        stages, costs, memory = _followed(fleet, pids)
    if not stages or stages[-1]["stage"] != "drained":
        sys.exit(f"the fleet stopped early\n{site.log('tests.benchmarks.fleet')[-2000:]}")
    return _run(site, load, stages, costs, memory)


def _followed(
    fleet: "subprocess.Popen[str]", pids: Mapping[str, Sequence[int]]
) -> tuple[list[Stage], list[dict[str, float]], list[float]]:
    """What the fleet says, with every part's CPU seconds and the ingesters' memory then."""
    stages, costs, memory = [], [], []
    assert fleet.stdout is not None
    for line in fleet.stdout:
        stages.append(json.loads(line))
        costs.append({name: sum(map(processes.cpu_s, its)) for name, its in pids.items()})
        memory.append(round(sum(map(processes.memory_mb, pids["ingest"])), 1))
    return stages, costs, memory


def _run(
    site: Site,
    load: Load,
    stages: list[Stage],
    costs: list[dict[str, float]],
    memory: list[float],
) -> Run:
    begin, *minutes, _ = stages
    end = minutes[-1]
    done = end["receipted"] - begin["receipted"]
    wall = end["at"] - begin["at"]
    spent = {name: costs[-2][name] - costs[0][name] for name in costs[0]}
    counted = _counted(site, load, begin["at"], stages[-1]["sent"])
    percentiles = ("p50_ms", "p99_ms", "p999_ms")
    return Run(
        rate=round(done / wall, 1),
        sent=stages[-1]["sent"],
        rejected=stages[-1]["rejected"],
        receipt_ms=[{key: it[key] for key in percentiles} for it in minutes],
        cpu_us={name: round(value / max(done, 1) * 1e6, 1) for name, value in spent.items()},
        cores=round(sum(spent.values()) / wall, 2),
        memory_mb=memory,
        message_bytes=begin["message_bytes"],
        **counted,
    )


_COUNTS = {
    "stored": "SELECT count(*) FROM fix WHERE seq > :first AND seq < :first + 1000000",
    "distinct": "SELECT count(*) FROM (SELECT DISTINCT device_id, seq FROM fix"
    " WHERE seq > :first AND seq < :first + 1000000) AS known",
    "incidents": "SELECT count(*) FROM incident",
}
_DELAYS = (
    "SELECT extract(epoch FROM time) - :since,"
    " extract(epoch FROM pg_xact_commit_timestamp(xmin) - time) * 1000 FROM fix"
    " WHERE device_id % :sample = 0 AND seq > :first AND seq < :first + 1000000"
    " AND time > to_timestamp(:since)"
)


def _counted(site: Site, load: Load, since: float, sent: int) -> dict[str, Any]:
    """What is in the database; the fix that knocked before the load is not of it."""
    engine = engine_for(site.url)
    with engine.connect() as connection:
        count = {
            name: connection.execute(text(query), {"first": load.first}).scalar_one()
            for name, query in _COUNTS.items()
        }
        delays = np.empty((0, 2))
        if site.postmaster is not None:
            asked = {"sample": SAMPLE, "since": since, "first": load.first}
            rows = connection.execute(text(_DELAYS), asked).all()
            delays = np.array(rows, dtype=float).reshape(-1, 2)
    engine.dispose()
    minutes = np.unique(delays[:, 0] // 60)
    return {
        "stored": count["stored"],
        "lost": sent - count["distinct"],
        "doubled": count["stored"] - count["distinct"],
        "incidents": count["incidents"],
        "commit_ms": _percentiles(delays[:, 1]),
        "commit_ms_by_minute": [
            _percentiles(delays[delays[:, 0] // 60 == minute, 1]) for minute in minutes
        ],
    }


def _percentiles(delays: npt.NDArray[np.float64]) -> dict[str, float]:
    shares = {"p50": 50.0, "p99": 99.0, "p999": 99.9} if len(delays) else {}
    return {name: round(float(np.percentile(delays, it)), 1) for name, it in shares.items()}


def main() -> None:
    """Run once and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=0)
    parser.add_argument("--ingesters", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    for name, default in asdict(Load()).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = vars(parser.parse_args())
    sqlite, devices, ingesters = (options.pop(it) for it in ("sqlite", "devices", "ingesters"))
    place = on_sqlite(devices or 20_000) if sqlite else on_postgresql(devices or 700_000)
    with place as site, site.ingesting(ingesters) as pids:
        found = run(site, Load(**options), pids)
    sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
