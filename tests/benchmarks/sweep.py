"""`sweep.people`: people swept a second, against a loop that looks at one case after another."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database, open_database, upgrade
from correction_service.demo import county
from correction_service.settings import Mode, Settings
from models.case import Case
from models.checkin import CheckInDuty, DutyState
from models.device import Binding, DeviceState
from models.order import PositioningOrder
from tests.benchmarks.figure import Figure

PEOPLE = 1000


def measure() -> Iterator[Figure]:
    """Sweep an invented county that was never swept for a day, then look at each case alone."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sweep.db"
        upgrade(url)
        settings = Settings.model_validate(
            {"mode": Mode.DEMO, "data_dir": Path(folder), "database_url": url}
        )
        county.prepare(settings, PEOPLE)
        database = open_database(settings)
        now = datetime.now(UTC)
        began = time.perf_counter()
        sweep.run(database, hours.local_day(now) - timedelta(days=1), now, settings)
        ours = PEOPLE / (time.perf_counter() - began)
        theirs = PEOPLE / _one_by_one(database, now)
        database.close()
    yield Figure(
        "sweep.people", ours, "people/s", "ORM, one case after another", theirs, ours / theirs
    )


def _one_by_one(database: Database, now: datetime) -> float:
    """Return the seconds it takes to ask, for each case, what the sweep asks of all."""
    began = time.perf_counter()
    with database.transaction(SYSTEM, "bench") as session:
        for case_id in session.scalars(select(Case.id)).all():
            _look(session, case_id, now)
            session.expunge_all()
    return time.perf_counter() - began


def _look(session: Session, case_id: int, now: datetime) -> int:
    case = session.get_one(Case, case_id)
    duties = select(CheckInDuty).where(
        CheckInDuty.case_id == case.id, CheckInDuty.state == DutyState.MISSED
    )
    orders = select(PositioningOrder).where(PositioningOrder.case_id == case.id)
    worn = select(Binding).where(Binding.case_id == case.id)
    states = [session.get(DeviceState, it.device_id) for it in session.scalars(worn)]
    ending = case.term_end - now.date() < timedelta(days=30)
    return (
        len(session.scalars(duties).all())
        + len(session.scalars(orders).all())
        + ending
        + len(states)
    )
