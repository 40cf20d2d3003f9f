"""The daily partitions of fixes on PostgreSQL: made ahead, closed when over, dropped when packed.

The functions belong to the tables' owner (`models.partition`); they give up after two seconds
behind a lock, and the next turn tries again. SQLite has no partitions: every verb does nothing.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

AHEAD = 7  # days
_OF = text(
    "SELECT to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') FROM pg_inherits "
    "WHERE inhparent = to_regclass(:parent) "
    "AND inhrelid::regclass::text ~ '^fix_[0-9]{8}$' ORDER BY 1"
)


def on_postgresql(session: Session) -> bool:
    """Whether there are partitions at all."""
    return session.get_bind().dialect.name == "postgresql"


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
