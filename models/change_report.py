"""情况变化报告: what a person tells of home, job, family or harm that draws near (IM 24, S).

The words are sealed under the person's key: they speak of a family. Telling late is telling; no
machine makes a breach of it.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.keys import KeyRing
from models.sealed_words import SealedWords
from models.volunteer import Contact

MOST_TEXT = 2000
_UNREAD = text("read_at IS NULL")


class ChangeKind(StrEnum):
    """What has changed, or is about to."""

    HOME = "home"
    JOB = "job"
    FAMILY = "family"
    HARM = "harm"
    OTHER = "other"


class ReportWay(StrEnum):
    """How it was told: each way counts the same."""

    PHONE_PAGE = "phone_page"
    CALL = "call"
    PAPER = "paper"
    IN_PERSON = "in_person"


class ChangeReport(SealedWords, Base):
    """One report; once read it is a contact of the log, and an answer to the person if any."""

    __tablename__ = "change_report"
    __table_args__ = (
        CheckConstraint("(way = 'phone_page') = (taken_by IS NULL)", name="somebody_took_it"),
        CheckConstraint("(read_at IS NULL) = (read_by IS NULL)", name="somebody_read_it"),
        Index("ix_change_report_case_id_told_at", "case_id", "told_at"),
        Index(  # the first page asks for these at every look, the oldest first
            "ix_change_report_unread", "told_at", sqlite_where=_UNREAD, postgresql_where=_UNREAD
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[ChangeKind] = mapped_column(words(ChangeKind))
    changed_on: Mapped[date | None] = mapped_column(doc="since when, or from when on")
    way: Mapped[ReportWay] = mapped_column(words(ReportWay))
    receipt: Mapped[str] = mapped_column(String(16), unique=True)
    told_at: Mapped[datetime]
    taken_by: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="the officer who wrote down what was told otherwise"
    )
    read_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    read_at: Mapped[datetime | None]
    contact_id: Mapped[int | None] = mapped_column(
        ForeignKey("contact.id"), doc="what it became in the log of visits and reports"
    )

    case: Mapped[Case] = relationship()
    contact: Mapped[Contact | None] = relationship()

    def read(self, ring: KeyRing, by: int, now: datetime, answer: str = "") -> None:
        """An officer has read it, and answers if there is something to say."""
        if self.read_at is not None:
            raise Refused("This report was read already.", code="already_read")
        if len(answer) > MOST_TEXT:
            raise Invalid("At most 2000 characters fit here.", field="answer")
        if answer.strip():
            self.put(ring, "answer", answer.strip())
        self.read_by, self.read_at = by, now
