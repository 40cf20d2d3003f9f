"""查找: who cannot be reached is searched for at once, step by step (LCC 30, IM 38)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import ENDED, Case, CaseState
from models.errors import Invalid, Refused


class SearchState(StrEnum):
    """The software drafts; an officer declares, or drops; an officer says how it ended."""

    DRAFT = "draft"
    OPEN = "open"
    FOUND = "found"
    DROPPED = "dropped"


class Finding(StrEnum):
    """How somebody was found; whoever refuses supervision is 脱管, as an officer finds."""

    BACK = "back"
    REFUSING = "refusing"
    CUSTODY = "custody"
    DEAD = "dead"


RUNNING = text("state IN ('draft', 'open')")
AFTER = {  # into custody leads a day of its own: custody.begin
    Finding.BACK: CaseState.UNDER_CORRECTION,
    Finding.REFUSING: CaseState.ABSCONDED,
}


class SearchRecord(Base):
    """One search for one person, from the day that an officer sets."""

    __tablename__ = "search_record"
    __table_args__ = (
        CheckConstraint("state <> 'open' OR since IS NOT NULL", name="declared_since_a_day"),
        Index(
            "uq_search_record_running",
            "case_id",
            unique=True,
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index("ix_search_record_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    state: Mapped[SearchState] = mapped_column(words(SearchState), default=SearchState.DRAFT)
    flag_id: Mapped[int | None] = mapped_column(ForeignKey("risk_flag.id"))
    reasons: Mapped[list[Any]] = mapped_column(doc="why it was drafted, as a flag says it")
    drafted_at: Mapped[datetime]
    since: Mapped[date | None] = mapped_column(doc="out of reach since, as an officer sets it")
    declared_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    declared_at: Mapped[datetime | None]
    finding: Mapped[Finding | None] = mapped_column(words(Finding))
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000), doc="how it ended")

    case: Mapped[Case] = relationship()
    steps: Mapped[list["SearchStep"]] = relationship(
        back_populates="record", order_by="SearchStep.id"
    )
    letters: Mapped[list["SearchLetter"]] = relationship(
        back_populates="record", order_by="SearchLetter.id"
    )

    def declare(self, since: date, today: date, by: int, now: datetime) -> None:
        """An officer opens the search and says since when the person cannot be reached."""
        if self.state is not SearchState.DRAFT:
            raise Refused("This search was already declared or dropped.")
        if since > today:
            raise Invalid("This day is still to come.", field="since")
        if since < self.case.effective_on:
            raise Invalid("This day is before the judgment took effect.", field="since")
        self.state, self.since = SearchState.OPEN, since
        self.declared_by, self.declared_at = by, now

    def drop(self, by: int, now: datetime, note: str) -> None:
        """An officer finds that there is nobody to search for, and says why."""
        if self.state is not SearchState.DRAFT:
            raise Refused("This search was already declared or dropped.")
        self._end(SearchState.DROPPED, by, now, note)

    def find(self, finding: Finding, by: int, now: datetime, note: str) -> None:
        """The person was found; the case goes where that leads, if it is not there or ended."""
        self.refuse_unless_open()
        self._end(SearchState.FOUND, by, now, note)
        self.finding = finding
        state = AFTER.get(finding)
        if state is not None and self.case.state not in ENDED | {state}:
            self.case.move(state, now, note.strip())

    def refuse_unless_open(self) -> None:
        """Steps and letters are of a search that an officer declared and nobody ended."""
        if self.state is not SearchState.OPEN:
            raise Refused("This search is not open.")

    def _end(self, state: SearchState, by: int, now: datetime, note: str) -> None:
        if not note.strip():
            raise Invalid("Say how it ended.", field="note")
        self.state, self.ended_by, self.ended_at, self.note = state, by, now, note.strip()


class StepKind(StrEnum):
    """What is tried, as IM 38 has it: at once, and more than the phone."""

    CALL = "call"
    VISIT = "visit"
    FAMILY = "family"
    TEAM = "team"
    WORK = "work"
    CUSTODY = "custody"
    HOSPITAL = "hospital"
    OTHER = "other"


class SearchStep(AppendOnly, Base):
    """One thing that was tried: when, by whom, with what outcome, and the paper that shows it."""

    __tablename__ = "search_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("search_record.id"), index=True)
    kind: Mapped[StepKind] = mapped_column(words(StepKind))
    happened_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(2000))
    evidence: Mapped[str | None] = mapped_column(
        String(200), doc="the paper or recording that fixes it, by its number"
    )
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    record: Mapped[SearchRecord] = relationship(back_populates="steps")
    attachments: Mapped[list["SearchAttachment"]] = relationship(
        back_populates="step", order_by="SearchAttachment.id"
    )


class SearchAttachment(AppendOnly, Base):
    """A photo or PDF that fixes a step; the sealed file is kept with the photos."""

    __tablename__ = "search_attachment"

    id: Mapped[int] = mapped_column(primary_key=True)
    step_id: Mapped[int] = mapped_column(ForeignKey("search_step.id"), index=True)
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("stored_photo.id"))
    digest: Mapped[str] = mapped_column(String(64), doc="SHA-256 of the file as it was given")
    kind: Mapped[str] = mapped_column(String(32), doc="media type, by its first bytes")
    length: Mapped[int] = mapped_column(doc="bytes")

    step: Mapped[SearchStep] = relationship(back_populates="attachments")


class LetterKind(StrEnum):
    """To whom a search is told."""

    POLICE = "police"
    PROCURATORATE = "procuratorate"


class SearchLetter(Base):
    """协查通知书 to the police, word to the procuratorate: sent by number, received or not yet."""

    __tablename__ = "search_letter"
    __table_args__ = (UniqueConstraint("record_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(ForeignKey("search_record.id"))
    kind: Mapped[LetterKind] = mapped_column(words(LetterKind))
    number: Mapped[str] = mapped_column(String(64))
    sent_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    sent_at: Mapped[datetime]
    received: Mapped[str | None] = mapped_column(String(400), doc="how receipt is proved")
    received_at: Mapped[datetime | None]

    record: Mapped[SearchRecord] = relationship(back_populates="letters")

    def receive(self, how: str, now: datetime) -> None:
        """Write down that it arrived."""
        if self.received_at is not None:
            raise Refused("The receipt of this letter is recorded already.")
        if not how.strip():
            raise Invalid("Say how the receipt is proved.", field="note")
        self.received, self.received_at = how.strip(), now
