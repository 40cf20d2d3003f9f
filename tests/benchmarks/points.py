"""`points.close`: ledgers closed a second, against a loop that closes one person after another.

50,000 people, or as many as `PEOPLE` says; a country is 700,000. Every fourth has entries in the
month. The close is a process of its own, by the very command, so that its memory can be told.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, select, text

from correction_service import hours
from correction_service.assessment import months
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database, engine_for, upgrade
from models.assessment import PointsMonth
from models.case import Case
from models.keys import KeyRing
from tests.benchmarks import commands, postgres, register
from tests.benchmarks.figure import Figure

PEOPLE = int(os.environ.get("PEOPLE", "50000"))
ASKED_MB, ASKED_S = 2048, 600
SAMPLE = 300  # people whom the loop closes
DATABASE = "points"
LOOP = "ORM, one person after another"
EVERY = 4  # one person in so many has three entries
ENTRIES = """INSERT INTO points_entry (case_id, rulebook_id, item, points, happened_on, reason,
        made_by, made_at)
    SELECT i, (SELECT min(id) FROM rulebook), item, worth, CAST(:day AS date), '-', 1,
        CAST(:at AS timestamptz)
    FROM generate_series(CAST(:every AS int), :people, :every) i,
        (VALUES ('checkin_missed', -5), ('volunteering', 2), ('leave_signoff_late', -2))
            of_a_person (item, worth)"""


def measure() -> Iterator[Figure]:
    """Close the month before for everybody, then reckon it for some, one by one."""
    now = datetime.now(UTC)
    month = months.month_before(months.month_before(hours.local_day(now)))  # closed on any day
    with postgres.running() as server:
        server.create(DATABASE)
        url = server.url(DATABASE)
        upgrade(url)
        database = Database(engine_for(url), KeyRing.generate())
        with database.transaction(SYSTEM, "bench") as session:
            points.install_default(session)
        register.fill(database.engine, PEOPLE, hours.local_day(now), facts=False)
        _enter(database.engine, month)
        closed = commands.run(url, "points", "close", "--month", f"{month:%Y-%m}")
        theirs = SAMPLE / _one_by_one(database, month, now)
        database.close()
        server.drop(DATABASE)
    ours = closed.said["first"] / closed.seconds
    yield Figure("points.close", ours, "people/s", LOOP, theirs, ours / theirs)
    unit, spare = f"s, {PEOPLE:,} people", ASKED_S / closed.seconds
    yield Figure("points.seconds", closed.seconds, unit, "asked of a country", ASKED_S, spare)
    left = ASKED_MB / closed.memory_mb
    yield Figure("points.memory", closed.memory_mb, "MB at most", "asked", ASKED_MB, left)


def _enter(engine: Engine, month: date) -> None:
    day = month + timedelta(days=14)
    given = {"day": day, "at": hours.day_start(day), "every": EVERY, "people": PEOPLE}
    with engine.begin() as connection:
        connection.execute(text(ENTRIES), given)


def _one_by_one(database: Database, month: date, now: datetime) -> float:
    """Return the seconds it takes to reckon and write down the month of one person at a time."""
    began = time.perf_counter()
    with database.reading() as session:
        ids = session.scalars(select(Case.id).order_by(Case.id).limit(SAMPLE)).all()
    for case_id in ids:
        with database.transaction(SYSTEM, "bench") as session:
            case = session.get_one(Case, case_id)
            reckoned = points.balance(session, case_id, month, now)
            book = points.rulebook_on(session, month, case.agency_id)
            session.add(
                PointsMonth(
                    case_id=case_id,
                    month=month,
                    edition=2,
                    rulebook_id=book.id,
                    days=case.days_under(month, months.Span(month, now).last),
                    base=reckoned.base,
                    held=0,
                    total=reckoned.total,
                    as_of=now,
                    closed_at=now,
                )
            )
    return time.perf_counter() - began
