"""What is done once in the life of a case: when, by which paper, before whom; never unsaid."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import AppendOnly, Base, words


class Step(StrEnum):
    """What an officer writes down at intake (入矫) and at the end (解矫)."""

    PAPERS = "papers"
    IDENTITY = "identity"
    FILED = "filed"
    ANNOUNCED = "announced"
    EXIT_BAN_REPORTED = "exit_ban_reported"
    SUMMARY = "summary"
    CERTIFICATE = "certificate"
    RELEASE_ANNOUNCED = "release_announced"
    AUTHORITY_TOLD = "authority_told"
    PROCURATORATE_TOLD = "procuratorate_told"
    POLICE_TOLD = "police_told"
    HANDED_OVER = "handed_over"
    EXIT_BAN_LIFTED = "exit_ban_lifted"
    END_TOLD = "end_told"
    DELIVERED = "delivered"


class Milestone(AppendOnly, Base):
    """One step that was done; where it was written down wrongly, a later row of it counts."""

    __tablename__ = "milestone"
    __table_args__ = (Index("ix_milestone_case_id_step", "case_id", "step"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    step: Mapped[Step] = mapped_column(words(Step))
    done_on: Mapped[date]
    number: Mapped[str | None] = mapped_column(String(64), doc="of the paper that shows it")
    party: Mapped[str | None] = mapped_column(doc="the body or office that received or was there")
    guardian: Mapped[str | None] = mapped_column(doc="how a minor's guardian was called (LCC 53)")
    note: Mapped[str | None] = mapped_column(String(400))
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
