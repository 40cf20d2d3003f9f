"""Who wrote and who looked: every ORM write is recorded by the session itself, views by the caller.

Because the session does it, a use case cannot forget. Values never enter the log, only the names
of the columns that changed: the log outlives the data.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Session, UOWTransaction

from models.audit import AuditLeaf, AuditRecord, AuditRoot
from models.base import Base
from models.device import DeviceState
from models.outbox import Outbox

UNAUDITED = (AuditRecord, AuditLeaf, AuditRoot, Outbox, DeviceState)


@dataclass(frozen=True)
class Actor:
    """Whoever acts: an account, a supervised person, or the service itself."""

    kind: str
    id: str


SYSTEM = Actor("system", "service")


def viewed(session: Session, action: str, subject_kind: str, *subject_ids: object) -> None:
    """Record that the session's actor looked at something sensitive: a photo, a trail, a number.

    Each of several subjects gets a record of its own.
    """
    rows = [_row(session, action, subject_kind, str(subject), {}) for subject in subject_ids]
    if rows:
        session.execute(insert(AuditRecord), rows)


def noted(
    session: Session, action: str, subject_kind: str, details: Mapping[str, dict[str, Any]]
) -> None:
    """Record what was done to many at once, each subject's id with its detail: never a value."""
    rows = [_row(session, action, subject_kind, it, detail) for it, detail in details.items()]
    if rows:
        session.execute(insert(AuditRecord), rows)


def _row(
    session: Session, action: str, kind: str, subject_id: str, detail: dict[str, Any]
) -> dict[str, Any]:
    actor: Actor = session.info.get("actor", SYSTEM)
    return {
        "at": datetime.now(UTC),
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "action": action,
        "subject_kind": kind,
        "subject_id": subject_id,
        "via": session.info.get("via", "unknown"),
        "detail": detail,
    }


def _changes(session: Session) -> Iterator[tuple[str, Base, list[str]]]:
    for target in session.new:
        if isinstance(target, Base) and not isinstance(target, UNAUDITED):
            yield "create", target, []
    for target in session.dirty:
        if isinstance(target, Base) and not isinstance(target, UNAUDITED):
            state = inspect(target)
            columns = [
                attr.key
                for attr in state.mapper.column_attrs
                if state.attrs[attr.key].history.added
            ]
            if columns:
                yield "change", target, sorted(columns)
    for target in session.deleted:
        if isinstance(target, Base) and not isinstance(target, UNAUDITED):
            yield "delete", target, []


@event.listens_for(Session, "after_flush")
def _record_writes(session: Session, _context: UOWTransaction) -> None:
    rows = []
    for action, target, columns in _changes(session):
        identity = inspect(target).mapper.primary_key_from_instance(target)
        subject_id = "/".join(str(part) for part in identity)
        detail = {"columns": columns} if columns else {}
        rows.append(_row(session, action, target.__tablename__, subject_id, detail))
    if rows:
        session.execute(insert(AuditRecord), rows)
