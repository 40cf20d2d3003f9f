"""积分: versioned rulebooks, machine drafts, and the ledger that only grows."""

from collections.abc import Mapping
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
    rules: Mapped[dict[str, Any]] = mapped_column(
        doc="base, floor, cap, close_day, items{code: points, cap, …}, protected{code: …}"
    )
    source: Mapped[str] = mapped_column(String(400))
    verified: Mapped[bool]
    agency_id: Mapped[int | None] = mapped_column(
        ForeignKey("agency.id"), doc="whose own it is, and of those below; None is everybody's"
    )
    made_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime | None]

    def rule(self, item: str) -> dict[str, Any]:
        """Return what the rulebook says of an item; `Invalid` when it has none such."""
        try:
            rule: dict[str, Any] = self.rules["items"][item]
        except KeyError:
            raise Invalid("The rulebook has no such item.", field="item") from None
        return rule

    def points_for(self, item: str) -> int:
        """Return the points of an item; `Invalid` when the rulebook has none such."""
        return int(self.rule(item)["points"])

    def prices(self, item: str) -> bool:
        """Whether the rulebook has such an item at all."""
        return item in self.rules["items"]

    def protects(self, excuse: str) -> bool:
        """Whether nothing is ever deducted for this reason; `Invalid` when it is not known."""
        if excuse not in self.rules["protected"]:
            raise Invalid("The rulebook has no such protected reason.", field="excuse")
        return True

    def month_base(self, days: int, days_in_month: int) -> int:
        """Return the month's base, pro rata of the days under correction, halves rounded up."""
        return (2 * int(self.rules["base"]) * days + days_in_month) // (2 * days_in_month)

    def month_total(self, base: int, sums: Mapping[str, int]) -> int:
        """Return base plus the month's sum of each item within its cap, inside floor and cap."""
        total = base + sum(self._capped(item, points) for item, points in sums.items())
        return min(max(total, int(self.rules["floor"])), int(self.rules["cap"]))

    def _capped(self, item: str, points: int) -> int:
        cap: int | None = self.rules["items"].get(item, {}).get("cap")
        if cap is None:
            return points
        return max(points, cap) if cap < 0 else min(points, cap)


class DraftState(StrEnum):
    """A machine's proposal waits for an officer."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class PointsDraft(Base):
    """A proposed entry with its evidence; (case, item, fact) makes a rerun harmless."""

    __tablename__ = "points_draft"
    __table_args__ = (
        UniqueConstraint("case_id", "item", "fact"),
        Index("ix_points_draft_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    rulebook_id: Mapped[int] = mapped_column(ForeignKey("rulebook.id"))
    item: Mapped[str] = mapped_column(String(32))
    points: Mapped[int]
    fact: Mapped[str] = mapped_column(String(64), doc="what it rests on: duty:17, incident:3")
    happened_on: Mapped[date]
    evidence: Mapped[dict[str, Any]] = mapped_column(
        doc="ids and figures read with the fact; facts[keys] of a penalty; by, who proposed it"
    )
    state: Mapped[DraftState] = mapped_column(words(DraftState), default=DraftState.DRAFT)
    made_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None] = mapped_column(String(2000))
    excuse: Mapped[str | None] = mapped_column(
        String(32), doc="the protected reason that it was refused for, by its code"
    )

    case: Mapped[Case] = relationship()
    rulebook: Mapped[Rulebook] = relationship()

    @property
    def proposed_by(self) -> int | None:
        """Whose proposal it is; None is the machine's own."""
        return self.evidence.get("by")

    def confirm(self, by: int, now: datetime, reason: str) -> "PointsEntry":
        """Turn the draft into an entry of the ledger, in an officer's words who did not make it."""
        if by == self.proposed_by:
            raise Refused("Somebody other than who proposed it confirms it.", code="own_draft")
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

    def refuse(self, by: int, now: datetime, reason: str, excuse: str | None = None) -> None:
        """Drop the draft with a reason; a protected `excuse` covers its fact for good."""
        if excuse is not None:
            self.rulebook.protects(excuse)
        self._decide(DraftState.REFUSED, by, now, reason)
        self.excuse = excuse

    def withdraw(self, now: datetime, reason: str) -> None:
        """Drop a machine's draft whose fact no longer holds; nobody need decide it."""
        self._decide(DraftState.REFUSED, None, now, reason)

    def _decide(self, state: DraftState, by: int | None, now: datetime, reason: str) -> None:
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
