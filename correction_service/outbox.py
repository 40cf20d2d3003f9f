"""What leaves a transaction: rows for live pages, written beside the change that they speak of."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.case import Case
from models.outbox import Outbox

LIVE_FOR = timedelta(days=2)  # a page away for longer loads anew


def live(session: Session, case: Case, kind: str, subject_id: int, now: datetime) -> None:
    """Tell the open pages of the case's office that a `kind` has changed; ids only."""
    session.add(
        Outbox(
            topic="live",
            agency_id=case.agency_id,
            office_id=case.office_id,
            payload={"kind": kind, "id": subject_id},
            created_at=now,
        )
    )


def forget(session: Session, now: datetime) -> int:
    """Delete rows that no page can still ask for; tell how many."""
    old = delete(Outbox).where(Outbox.created_at < now - LIVE_FOR, Outbox.position.is_not(None))
    pending = Outbox.topic.in_(("live",)) | Outbox.done_at.is_not(None)
    return session.execute(old.where(pending)).rowcount  # type: ignore[attr-defined, no-any-return]
