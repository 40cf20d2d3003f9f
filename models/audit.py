"""The log that proves: records commit unhashed, one sealer gives each its place in a Merkle tree.

Hashes follow RFC 6962 §2.1: a leaf is SHA-256(0x00 ‖ record), a node SHA-256(0x01 ‖ left ‖ right).
Records hold ids and names of columns, never values: the log outlives the data it speaks of.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base


class AuditRecord(AppendOnly, Base):
    """Who did or looked at what, when, by which way in."""

    __tablename__ = "audit_record"
    __table_args__ = (
        Index("ix_audit_record_subject", "subject_kind", "subject_id"),
        Index("ix_audit_record_actor", "actor_kind", "actor_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(16), doc="user, person or system")
    actor_id: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64), doc="create, change, view_trail …")
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    via: Mapped[str] = mapped_column(String(64), doc="the route, command or job")
    detail: Mapped[dict[str, Any]]

    def content(self) -> bytes:
        """Return the canonical bytes that are hashed: sorted JSON of every column."""
        return msgspec.json.encode(
            {
                "id": self.id,
                "at": self.at.isoformat(),
                "actor": [self.actor_kind, self.actor_id],
                "action": self.action,
                "subject": [self.subject_kind, self.subject_id],
                "via": self.via,
                "detail": self.detail,
            },
            order="sorted",
        )


class AuditLeaf(AppendOnly, Base):
    """A record's place in the log and its hash."""

    __tablename__ = "audit_leaf"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[int] = mapped_column(ForeignKey("audit_record.id"), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))

    record: Mapped[AuditRecord] = relationship()


class AuditRoot(AppendOnly, Base):
    """The root of the tree when it had `size` leaves."""

    __tablename__ = "audit_root"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]


def leaf_hash(content: bytes) -> bytes:
    """RFC 6962 §2.1."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The full subtrees of a growing tree, left to right: all that a sealer needs to go on."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash; equal neighbours join."""
        height, carry = 0, leaf
        while self._peaks and self._peaks[-1][0] == height:
            carry = node_hash(self._peaks.pop()[1], carry)
            height += 1
        self._peaks.append((height, carry))
        self.size += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash; of the empty tree, the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        folded = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            folded = node_hash(peak, folded)
        return folded


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of a list of leaf hashes."""
    return Frontier(leaves).root()
