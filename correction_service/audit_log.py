"""Read the whole log again: was anything changed, removed or moved since it was sealed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.sealer import unsealed
from models.audit import AuditLeaf, AuditRecord, AuditRoot, Frontier, leaf_hash

AT_ONCE = 5000


class Tampering(StrEnum):
    """What is wrong at a position, in plain words."""

    CHANGED = "the record is not what was sealed"
    NO_RECORD = "the record is missing"
    NO_LEAF = "the log has a gap from here"
    REORDERED = "the record stands out of order"
    WRONG_ROOT = "from here on the log does not give the root that was noted"
    NO_ROOT = "from here on no root was noted"


@dataclass(frozen=True)
class Fault:
    """Something wrong, at or from a position that counts from 0."""

    position: int
    what: Tampering


@dataclass(frozen=True)
class AuditReport:
    """What `verify` found. The root can be noted elsewhere and compared later."""

    size: int
    root: bytes
    faults: list[Fault]
    unsealed: int
    first_unsealed: int | None

    @property
    def ok(self) -> bool:
        """Whether everything sealed is as it was; an unsealed tail is no fault."""
        return not self.faults


def verify(session: Session) -> AuditReport:
    """Compare every record with its leaf and every root with the tree, up to the last root."""
    size = session.scalar(select(func.max(AuditRoot.size))) or 0
    reading = _Reading()
    for row in _rows(session, size):
        reading.add(row)
    reading.close(size)
    newest = select(func.max(AuditRoot.size)).scalar_subquery()
    beyond = select(func.min(AuditLeaf.position)).where(
        AuditLeaf.position >= func.coalesce(newest, 0)
    )
    rootless = session.scalar(beyond)
    if rootless is not None:
        reading.faults.append(Fault(rootless, Tampering.NO_ROOT))
    count, first = session.execute(
        select(func.count(), func.min(AuditRecord.id)).where(unsealed())
    ).one()
    return AuditReport(size, reading.frontier.root(), reading.faults, count, first)


def _rows(session: Session, size: int) -> Iterator[Any]:
    query = (
        select(AuditLeaf.position, AuditLeaf.hash, AuditLeaf.record_id, AuditRecord)
        .add_columns(AuditRoot.hash.label("root"))
        .outerjoin(AuditRecord, AuditRecord.id == AuditLeaf.record_id)
        .outerjoin(AuditRoot, AuditRoot.size == AuditLeaf.position + 1)
        .where(AuditLeaf.position < size)
        .order_by(AuditLeaf.position)
    )
    return iter(session.execute(query, execution_options={"yield_per": AT_ONCE}))


@dataclass
class _Reading:
    """The tree as it is read, leaf by leaf, and the faults so far."""

    frontier: Frontier = field(default_factory=Frontier)
    faults: list[Fault] = field(default_factory=list)
    expected: int = 0
    good: int = 0  # size of the last root that was right
    before: int = 0  # id of the record before, within one sealing: there ids ascend
    off: bool = False  # a wrong root makes all later ones wrong

    def add(self, row: Any) -> None:  # noqa: ANN401 - a row of _rows
        """Read one leaf with its record, and the root noted after it, if one was."""
        self._gap(row.position)
        self._record(row)
        self.frontier.add(row.hash)
        self.expected = row.position + 1
        if row.root is not None:
            self._root(row.root)

    def close(self, size: int) -> None:
        """Tell of leaves missing at the end."""
        self._gap(size)

    def _gap(self, position: int) -> None:
        if position > self.expected:
            self.faults.append(Fault(self.expected, Tampering.NO_LEAF))

    def _record(self, row: Any) -> None:  # noqa: ANN401 - a row of _rows
        if row.AuditRecord is None:
            self.faults.append(Fault(row.position, Tampering.NO_RECORD))
        elif leaf_hash(row.AuditRecord.content()) != row.hash:
            self.faults.append(Fault(row.position, Tampering.CHANGED))
        if row.record_id < self.before:
            self.faults.append(Fault(row.position, Tampering.REORDERED))
        self.before = row.record_id

    def _root(self, noted: bytes) -> None:
        if not self.off and self.frontier.root() != noted:
            self.off = True
            self.faults.append(Fault(self.good, Tampering.WRONG_ROOT))
        self.good, self.before = self.expected, 0
