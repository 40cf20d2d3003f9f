"""What leaves a transaction: rows for live pages, written beside the change that they speak of."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from models.case import Case
from models.outbox import Outbox

LIVE_FOR = timedelta(days=2)  # a page away for longer loads anew


def live(session: Session, of: Case | Outbox, kind: str, subject_id: int, now: datetime) -> None:
    """Tell the open pages of the case's office that a `kind` has changed; ids only."""
    session.add(
        Outbox(
            topic="live",
            agency_id=of.agency_id,
            office_id=of.office_id,
            payload={"kind": kind, "id": subject_id},
            created_at=now,
        )
    )


def forget(session: Session, now: datetime) -> int:
    """Delete rows that no page or carrier can still ask for; tell how many.

    The last position stays, because the next one is counted from it.
    """
    last = select(func.max(Outbox.position)).scalar_subquery()
    over = or_(Outbox.topic == "live", Outbox.done_at.is_not(None))
    old = Outbox.created_at < now - LIVE_FOR
    gone = delete(Outbox).where(old, over, Outbox.position < last).returning(Outbox.id)
    return len(session.scalars(gone).all())
