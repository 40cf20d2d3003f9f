"""What leaves a transaction: rows for live pages, written beside the change that they speak of."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from correction_service.db import among
from models.case import Case
from models.outbox import Outbox

LIVE_FOR = timedelta(days=2)  # a page away for longer loads anew


def live(session: Session, of: Case | Outbox, kind: str, subject_id: int, now: datetime) -> None:
    """Tell the open pages of the case's office that a `kind` has changed; ids only."""
    session.add(Outbox(**_live(of.agency_id, of.office_id, kind, subject_id, now)))


def live_by_case(session: Session, kind: str, cases: Mapping[int, int], now: datetime) -> None:
    """The same of many at once, each subject with its case."""
    columns = select(Case.id, Case.agency_id, Case.office_id)
    found = session.execute(columns.where(among(session, Case.id, set(cases.values()))))
    of = {row.id: row for row in found}
    rows = [
        _live(of[case_id].agency_id, of[case_id].office_id, kind, subject_id, now)
        for subject_id, case_id in cases.items()
    ]
    session.execute(insert(Outbox), rows)


def _live(
    agency_id: int | None, office_id: int | None, kind: str, subject_id: int, now: datetime
) -> dict[str, Any]:
    return {
        "topic": "live",
        "agency_id": agency_id,
        "office_id": office_id,
        "payload": {"kind": kind, "id": subject_id},
        "created_at": now,
    }


def forget(session: Session, now: datetime) -> int:
    """Delete rows that no page or carrier can still ask for; tell how many.

    The last position stays, because the next one is counted from it.
    """
    last = select(func.max(Outbox.position)).scalar_subquery()
    over = or_(Outbox.topic == "live", Outbox.done_at.is_not(None))
    old = Outbox.created_at < now - LIVE_FOR
    gone = delete(Outbox).where(old, over, Outbox.position < last).returning(Outbox.id)
    return len(session.scalars(gone).all())
