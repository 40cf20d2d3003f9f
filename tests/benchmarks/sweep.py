"""`sweep.*`: a register with a year of facts, swept at once and by a loop over cases, in one run.

20,000 people, or as many as `PEOPLE` says; a country is 700,000. The sweep is a process of its own,
by the very command, so that its memory can be told.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework.points import install_default
from correction_service.db import Database, engine_for, upgrade
from models.case import Case
from models.checkin import CheckInDuty
from models.device import Binding, DeviceState
from models.incident import Incident
from models.keys import KeyRing
from models.movement import MovementDay
from models.order import PositioningOrder
from tests.benchmarks import postgres, register
from tests.benchmarks.figure import Figure

PEOPLE = int(os.environ.get("PEOPLE", "20000"))
SAMPLE = 300  # cases that the loop looks at
DATABASE = "sweep"
LOOP = "ORM, one case after another"


def measure() -> Iterator[Figure]:
    """Sweep everybody for the first time and again, then look at some cases one by one."""
    with postgres.running() as server:
        server.create(DATABASE)
        url = server.url(DATABASE)
        upgrade(url)
        database = Database(engine_for(url), KeyRing.generate())
        now = datetime.now(UTC)
        with database.transaction(SYSTEM, "bench") as session:
            install_default(session)
        register.fill(database.engine, PEOPLE, hours.local_day(now))
        first_s, memory_mb = _swept(url)
        again_s, _ = _swept(url)
        theirs = SAMPLE / _one_by_one(database, now)
        database.close()
        server.drop(DATABASE)
    ours = PEOPLE / first_s
    yield Figure("sweep.people", ours, "people/s", LOOP, theirs, ours / theirs)
    yield Figure("sweep.seconds", first_s, f"s, {PEOPLE:,} people", "again", again_s, 1.0)
    yield Figure("sweep.memory", memory_mb, "MB at most", "asked", 2048, 2048 / memory_mb)


def _swept(url: str) -> tuple[float, float]:
    """Seconds that `correction-service sweep` takes, and its memory at most in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        demo = {"CORRECTION_MODE": "demo", "CORRECTION_DATA_DIR": folder}
        environment = os.environ | demo | {"CORRECTION_DATABASE_URL": url}
        command = [sys.executable, "-m", "correction_service", "sweep", "--json"]
        began = time.perf_counter()
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.read())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        spent = time.perf_counter() - began
    if process.returncode or told["errors"]:
        sys.exit(f"the sweep ended with {process.returncode}: {told['errors'][:3]}")
    sys.stderr.write(f"{json.dumps(told)} in {spent:.1f} s, {usage.ru_maxrss / 1024:.0f} MB\n")
    return spent, usage.ru_maxrss / 1024


def _one_by_one(database: Database, now: datetime) -> float:
    """Return the seconds it takes to ask, for each of some cases, what the sweep asks of all."""
    began = time.perf_counter()
    with database.transaction(SYSTEM, "bench") as session:
        for case_id in session.scalars(select(Case.id).order_by(Case.id).limit(SAMPLE)).all():
            _look(session, case_id, now)
            session.expunge_all()
    return time.perf_counter() - began


def _look(session: Session, case_id: int, now: datetime) -> int:
    """What is due, worn and ordered, and the facts of this one's last two months, as objects."""
    case = session.get_one(Case, case_id)
    since = now - timedelta(days=60)
    mine = (
        select(CheckInDuty).where(CheckInDuty.case_id == case_id, CheckInDuty.closes_at > since),
        select(PositioningOrder).where(PositioningOrder.case_id == case_id),
        select(Incident).where(Incident.case_id == case_id, Incident.since > since),
        select(MovementDay).where(MovementDay.case_id == case_id, MovementDay.day > since.date()),
    )
    worn = session.scalars(select(Binding).where(Binding.case_id == case_id)).all()
    states = [session.get(DeviceState, it.device_id) for it in worn]
    ending = case.term_end - now.date() < timedelta(days=30)
    facts = sum(len(session.scalars(query).all()) for query in mine)
    return facts + len(states) + ending
