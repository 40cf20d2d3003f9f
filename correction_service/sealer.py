"""The sealer: gives committed audit records their places in the Merkle tree, outbox rows theirs.

Records commit unhashed, in whatever order transactions end. One sealer at a time takes what is
committed, in id order, and writes leaves and the new root (RFC 6962 §2.1).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, insert, select, text, update
from sqlalchemy.orm import Session

from models.audit import AuditLeaf, AuditRecord, AuditRoot, Frontier, leaf_hash
from models.errors import Refused
from models.outbox import Outbox

LOCK = 0x5EA1  # the advisory lock of whoever seals
AT_ONCE = 20_000
OVERTAKEN = 10_000  # ids that others may seal while one transaction stays open
LOOK_AT_ALL_EVERY = timedelta(hours=1)


class LogBroken(Refused):
    """The leaves no longer give the last root: `audit verify` says where."""

    code = "log_broken"


class Sealer:
    """Seals again and again; keeps the tree's frontier between passes and checks it each time."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._looked_at_all: datetime | None = None
        self._broken_at: bytes | None = None  # a root that even all leaves did not give

    def due(self, session: Session, now: datetime) -> bool:
        """Whether there is anything to seal; asked first, in a reading session: rest is free."""
        record = select(AuditRecord.id).where(*self._unsealed(session, now)).limit(1)
        row = select(Outbox.id).where(Outbox.position.is_(None)).limit(1)
        return session.scalar(record) is not None or session.scalar(row) is not None

    def seal(self, session: Session, now: datetime) -> int:
        """Give records their places; return how many. `LogBroken` when the log was changed."""
        if not _alone(session):
            return 0
        unsealed = select(AuditRecord).where(*self._unsealed(session, now))
        records = session.scalars(unsealed.order_by(AuditRecord.id).limit(AT_ONCE)).all()
        if records:
            self._append(session, records, now)
        if len(records) < AT_ONCE and self._look_at_all(now):
            self._looked_at_all = now
        return len(records)

    def _look_at_all(self, now: datetime) -> bool:
        last = self._looked_at_all
        return last is None or not now - LOOK_AT_ALL_EVERY < last <= now

    def _unsealed(self, session: Session, now: datetime) -> list[ColumnElement[bool]]:
        """Match records without a leaf: near the end only, but among all at first and hourly."""
        conditions = [unsealed()]
        if not self._look_at_all(now):
            newest = session.scalar(select(func.max(AuditLeaf.record_id))) or 0
            conditions.append(AuditRecord.id > newest - OVERTAKEN)
        return conditions

    def _append(self, session: Session, records: Sequence[AuditRecord], now: datetime) -> None:
        frontier = self._at_last_root(session)
        leaves = []
        for record in records:
            leaf = leaf_hash(record.content())
            leaves.append({"position": frontier.size, "record_id": record.id, "hash": leaf})
            frontier.add(leaf)
        session.execute(insert(AuditLeaf), leaves)
        root = {"size": frontier.size, "hash": frontier.root(), "at": now}
        session.execute(insert(AuditRoot), [root])

    def _at_last_root(self, session: Session) -> Frontier:
        """Return the frontier of the last root: the one kept, or all leaves read anew.

        What is kept may be ahead of a transaction that rolled back, or behind another sealer.
        """
        last = select(AuditRoot.size, AuditRoot.hash).order_by(AuditRoot.size.desc()).limit(1)
        root = session.execute(last).one_or_none()
        size, top = (root.size, root.hash) if root else (0, Frontier().root())
        if top != self._broken_at and not self._gives(size, top):
            hashes = select(AuditLeaf.hash).order_by(AuditLeaf.position)
            options = {"yield_per": AT_ONCE}
            self._frontier = Frontier(session.scalars(hashes, execution_options=options))
        if not self._gives(size, top):
            self._broken_at = top
            raise LogBroken("The audit log does not give its last root: run audit verify.")
        return self._frontier

    def _gives(self, size: int, top: bytes) -> bool:
        return (self._frontier.size, self._frontier.root()) == (size, top)


def seal(session: Session, now: datetime) -> int:
    """Seal once, with nothing kept from before; return how many records."""
    return Sealer().seal(session, now)


def number_outbox(session: Session) -> int:
    """Give committed outbox rows their positions, so that readers can go on from one."""
    if not _alone(session):
        return 0
    unnumbered = select(Outbox.id).where(Outbox.position.is_(None)).order_by(Outbox.id)
    ids = session.scalars(unnumbered.limit(AT_ONCE)).all()
    first = (session.scalar(select(func.max(Outbox.position))) or 0) + 1
    if ids:
        rows = [{"id": each, "position": first + n} for n, each in enumerate(ids)]
        session.execute(update(Outbox), rows)
    return len(ids)


def unsealed() -> ColumnElement[bool]:
    """Match audit records that have no place yet."""
    return ~exists().where(AuditLeaf.record_id == AuditRecord.id)


def _alone(session: Session) -> bool:
    """Whether nobody else seals; on SQLite the write transaction itself sees to it."""
    if session.get_bind().dialect.name == "sqlite":
        return True
    taken = text("SELECT pg_try_advisory_xact_lock(:key)")
    return bool(session.scalar(taken, {"key": LOCK}))
