"""`sweep.*`: a register with a year of facts, swept at once and by a loop over cases, in one run.

20,000 people, or as many as `PEOPLE` says; a country is 700,000. The sweep is a process of its own,
by the very command, so that its memory can be told.
"""

import os
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
from tests.benchmarks import commands, postgres, register
from tests.benchmarks.figure import Figure

PEOPLE = int(os.environ.get("PEOPLE", "20000"))
ASKED_MB = 2048
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
        first, again = commands.run(url, "sweep"), commands.run(url, "sweep")
        theirs = SAMPLE / _one_by_one(database, now)
        database.close()
        server.drop(DATABASE)
    ours = PEOPLE / first.seconds
    yield Figure("sweep.people", ours, "people/s", LOOP, theirs, ours / theirs)
    yield Figure(
        "sweep.seconds", first.seconds, f"s, {PEOPLE:,} people", "again", again.seconds, 1.0
    )
    left = ASKED_MB / first.memory_mb
    yield Figure("sweep.memory", first.memory_mb, "MB at most", "asked", ASKED_MB, left)


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
