"""The daily partitions of fixes on PostgreSQL: made ahead, closed when over, dropped when packed.

The functions belong to the tables' owner (`models.partition`); behind a lock they give up before
ingest would feel it, hence `patiently`. SQLite has no partitions: every verb does nothing.
"""

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database

AHEAD = 7  # days
TRIES, PAUSE_S = 10, 0.5  # so that between two batches of ingest there is a gap for one of them
_OF = text(
    "SELECT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits "
    "WHERE inhparent = to_regclass(:parent) "
    "AND inhrelid::regclass::text ~ '^fix_[0-9]{8}$' ORDER BY 1"
)


def on_postgresql(session: Session) -> bool:
    """Whether there are partitions at all."""
    return session.get_bind().dialect.name == "postgresql"


def patiently(database: Database, work: Callable[[Session], object]) -> bool:
    """Do `work` in a transaction, behind a lock again after a pause; false where it stays locked.

    Who reads for longer than all tries, a backup perhaps, leaves it to the caller's next turn.
    """
    for _ in range(TRIES):
        try:
            with database.transaction(SYSTEM, "partitions") as session:
                work(session)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def make_ahead(session: Session, now: datetime) -> int:
    """See that today and the next days have their partitions; return how many are new."""
    if not on_postgresql(session):
        return 0
    days = (now.date() + timedelta(days=ahead) for ahead in range(AHEAD + 1))
    return sum(bool(session.scalar(select(func.make_fix_partition(day)))) for day in days)


def taking(session: Session) -> list[date]:
    """Days whose partition takes fixes."""
    return _days(session, "fix")


def closed(session: Session) -> list[date]:
    """Days whose partition takes no more fixes and is not dropped yet."""
    return _days(session, "fix_closed")


def close(session: Session, day: date) -> bool:
    """Let a day's partition take no more fixes; false where it does not."""
    return on_postgresql(session) and bool(session.scalar(select(func.close_fix_partition(day))))


def drop(session: Session, day: date) -> bool:
    """Drop a closed day's partition; the database refuses while a device of it is not packed."""
    return on_postgresql(session) and bool(session.scalar(select(func.drop_fix_partition(day))))


def _days(session: Session, parent: str) -> list[date]:
    if not on_postgresql(session):
        return []
    return list(session.scalars(_OF, {"parent": parent}))
