"""积分: versioned rulebooks, machine drafts, and the ledger that only grows."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Invalid, Refused


class Rulebook(AppendOnly, Base):
    """计分规则: items and values as data; a change is a new version with its own first day."""

    __tablename__ = "rulebook"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    effective_from: Mapped[date]
    rules: Mapped[dict[str, Any]] = mapped_column(doc="base, floor, cap, items{code: points, …}")
    source: Mapped[str] = mapped_column(String(400))
    verified: Mapped[bool]

    def points_for(self, item: str) -> int:
        """Return the points of an item; `Invalid` when the rulebook has none such."""
        try:
            return int(self.rules["items"][item]["points"])
        except KeyError:
            raise Invalid("The rulebook has no such item.", field="item") from None


class DraftState(StrEnum):
    """A machine's proposal waits for an officer."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class PointsDraft(Base):
    """A proposed entry with its evidence; (case, item, fact) makes a rerun harmless."""

    __tablename__ = "points_draft"
    __table_args__ = (UniqueConstraint("case_id", "item", "fact"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    rulebook_id: Mapped[int] = mapped_column(ForeignKey("rulebook.id"))
    item: Mapped[str] = mapped_column(String(32))
    points: Mapped[int]
    fact: Mapped[str] = mapped_column(String(64), doc="what it rests on: duty:17, incident:3")
    happened_on: Mapped[date]
    evidence: Mapped[dict[str, Any]]
    state: Mapped[DraftState] = mapped_column(words(DraftState), default=DraftState.DRAFT)
    made_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None] = mapped_column(String(2000))

    case: Mapped[Case] = relationship()
    rulebook: Mapped[Rulebook] = relationship()

    def confirm(self, by: int, now: datetime, reason: str) -> "PointsEntry":
        """Turn the draft into an entry of the ledger, in the officer's words."""
        self._decide(DraftState.CONFIRMED, by, now, reason)
        return PointsEntry(
            case_id=self.case_id,
            rulebook_id=self.rulebook_id,
            draft_id=self.id,
            item=self.item,
            points=self.points,
            happened_on=self.happened_on,
            reason=reason.strip(),
            made_by=by,
            made_at=now,
        )

    def refuse(self, by: int, now: datetime, reason: str) -> None:
        """Drop the draft; the reason stays with it."""
        self._decide(DraftState.REFUSED, by, now, reason)

    def _decide(self, state: DraftState, by: int, now: datetime, reason: str) -> None:
        if self.state is not DraftState.DRAFT:
            raise Refused("This draft was already decided.", code="already_decided")
        if not reason.strip():
            raise Invalid("The decision gives its reason.", field="reason")
        self.state = state
        self.decided_by, self.decided_at, self.decision_note = by, now, reason.strip()


class PointsEntry(AppendOnly, Base):
    """One line of the ledger; taken back only by a second line that reverses it, once."""

    __tablename__ = "points_entry"
    __table_args__ = (
        Index("ix_points_entry_case_id_happened_on", "case_id", "happened_on"),
        CheckConstraint("reverses_id IS NULL OR draft_id IS NULL", name="reversal_has_no_draft"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    rulebook_id: Mapped[int] = mapped_column(ForeignKey("rulebook.id"))
    draft_id: Mapped[int | None] = mapped_column(ForeignKey("points_draft.id"), unique=True)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("points_entry.id"), unique=True)
    item: Mapped[str] = mapped_column(String(32))
    points: Mapped[int]
    happened_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(2000))
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    def reversal(self, by: int, now: datetime, reason: str) -> "PointsEntry":
        """Return the line that takes this one back, for the same day."""
        if self.reverses_id is not None:
            raise Refused("A reversal is not itself reversed: make a new entry.")
        if not reason.strip():
            raise Invalid("The decision gives its reason.", field="reason")
        return PointsEntry(
            case_id=self.case_id,
            rulebook_id=self.rulebook_id,
            reverses_id=self.id,
            item=self.item,
            points=-self.points,
            happened_on=self.happened_on,
            reason=reason.strip(),
            made_by=by,
            made_at=now,
        )
