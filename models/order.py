"""使用电子定位装置决定: the lawful basis of every fix (LCC 29)."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.order_evidence import EvidenceKind, OrderEvidence
from models.user import Permission, User

TERM_MONTHS = 3  # LCC 29
Day = TypeVar("Day", date, datetime)


class Ground(StrEnum):
    """The closed list of LCC 29; a score, a level or points is not on it."""

    PROHIBITION_BREACHED = "prohibition_breached"
    LEFT_WITHOUT_APPROVAL = "left_without_approval"
    REFUSED_REPORTING_WARNED = "refused_reporting_warned"
    BREACH_PENALISED = "breach_penalised"
    REVOCATION_PROPOSED = "revocation_proposed"


E = EvidenceKind
# What each ground asks for: the third a formal 警告, the fourth a public-security penalty.
# A document stands for facts that are no rows of ours, like a court's finding or a statement.
ASKED: dict[Ground, frozenset[EvidenceKind]] = {
    Ground.PROHIBITION_BREACHED: frozenset({E.INCIDENT, E.DOCUMENT}),
    Ground.LEFT_WITHOUT_APPROVAL: frozenset({E.INCIDENT, E.LEAVE, E.DOCUMENT}),
    Ground.REFUSED_REPORTING_WARNED: frozenset({E.WARNING}),
    Ground.BREACH_PENALISED: frozenset({E.PENALTY}),
    Ground.REVOCATION_PROPOSED: frozenset({E.PROPOSAL}),
}


class PositioningOrder(Base):
    """A decision to position, for three months at most, approved by the head."""

    __tablename__ = "positioning_order"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="term_runs_forward"),
        Index("ix_positioning_order_case_id_starts_at", "case_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    ground: Mapped[Ground] = mapped_column(words(Ground))
    evidence: Mapped[str] = mapped_column(String(2000), doc="the facts in words")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    approved_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime]
    extends_id: Mapped[int | None] = mapped_column(
        ForeignKey("positioning_order.id"), doc="the order that it goes on from"
    )

    case: Mapped[Case] = relationship()
    facts: Mapped[list[OrderEvidence]] = relationship(order_by=OrderEvidence.id)

    @classmethod
    def drawn(
        cls,
        case: Case,
        *,
        ground: Ground,
        evidence: str,
        facts: Sequence[OrderEvidence],
        starts_at: datetime,
        ends_at: datetime,
    ) -> "PositioningOrder":
        """Draw one up that nobody approved, or refuse: no such fact, or more than three months."""
        if not evidence.strip():
            raise Invalid("An order names the facts that are its ground.", field="evidence")
        if all(fact.kind not in ASKED[ground] for fact in facts):
            raise _lacking(ground)
        if not starts_at < ends_at <= months_later(starts_at, TERM_MONTHS):
            raise Invalid("An order runs for at most three months (LCC 29).", field="ends_at")
        return cls(
            case=case,
            ground=ground,
            evidence=evidence.strip(),
            facts=list(facts),
            starts_at=starts_at,
            ends_at=ends_at,
        )

    def approve(self, approver: User, now: datetime) -> "PositioningOrder":
        """Give it force, or refuse: only the head decides."""
        if not approver.may(Permission.APPROVE_ORDERS):
            raise Refused("Only the head of the county agency approves an order (LCC 29).")
        self.approved_by, self.approved_at = approver.id, now
        return self

    def in_force(self, at: datetime) -> bool:
        """Whether a moment lies inside the order; the law wants removal at once when lifted."""
        end = min(self.ends_at, self.lifted_at) if self.lifted_at else self.ends_at
        return self.starts_at <= at < end


def _lacking(ground: Ground) -> Invalid:
    if ground is Ground.REFUSED_REPORTING_WARNED:
        return Invalid("This ground needs a formal warning (LCC 29).", field="facts")
    if ground is Ground.BREACH_PENALISED:
        return Invalid("This ground needs a public-security penalty (LCC 29).", field="facts")
    if ground is Ground.REVOCATION_PROPOSED:
        return Invalid("This ground needs the proposal that is made (LCC 29).", field="facts")
    return Invalid("Link the incident, leave or document that shows it.", field="facts")


def months_later(moment: Day, months: int) -> Day:
    """Return the same day of the month `months` on, or that month's last day."""
    year, month = divmod(moment.month - 1 + months, 12)
    for day in range(moment.day, 0, -1):
        try:
            return moment.replace(year=moment.year + year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError(moment)
