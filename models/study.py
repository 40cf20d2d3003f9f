"""Study on one's own phone: units to read, time really spent, one face check (LCC 36)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.checkin import CheckIn
from models.errors import Invalid, Refused

MOST_A_PAGE = timedelta(minutes=10)  # longer the phone lay aside


class StudyUnit(Base):
    """Something to read, page by page, with questions at the end."""

    __tablename__ = "study_unit"
    __table_args__ = (CheckConstraint("minutes > 0", name="counts_time"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    title: Mapped[str]
    minors: Mapped[bool] = mapped_column(doc="for minors only; else for adults only (LCC 52)")
    pages: Mapped[list[Any]] = mapped_column(doc="the text of each page")
    questions: Mapped[list[Any]] = mapped_column(
        default=list, doc="{question, answers, right}: the number of the right one, from 0"
    )
    minutes: Mapped[int] = mapped_column(doc="credited at most")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    def right(self, answers: list[int | None]) -> bool:
        """Whether every question is answered rightly."""
        return answers == [question["right"] for question in self.questions]


class StudyState(StrEnum):
    """READ waits for an officer: nobody was seen before a camera, and need not be."""

    READING = "reading"
    READ = "read"
    COUNTED = "counted"
    REFUSED = "refused"


class Study(Base):
    """One person's reading of one unit: how far, how long, who it was; counted once."""

    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("unit_id", "case_id"),
        CheckConstraint("state <> 'counted' OR minutes IS NOT NULL", name="counted_has_minutes"),
        Index("ix_study_case_id_state", "case_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("study_unit.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    state: Mapped[StudyState] = mapped_column(words(StudyState), default=StudyState.READING)
    began_at: Mapped[datetime]
    page: Mapped[int] = mapped_column(default=0, doc="being read, from 0")
    seen_at: Mapped[datetime] = mapped_column(doc="when this page was opened")
    spent_s: Mapped[int] = mapped_column(default=0, doc="seconds really spent on pages")
    check_page: Mapped[int] = mapped_column(doc="after which the face is asked for, drawn at first")
    asked_at: Mapped[datetime | None]
    checkin_id: Mapped[int | None] = mapped_column(ForeignKey("checkin.id"))
    other_way: Mapped[bool] = mapped_column(default=False, doc="an officer is asked instead")
    finished_at: Mapped[datetime | None]
    minutes: Mapped[int | None] = mapped_column(doc="what is credited")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]

    unit: Mapped[StudyUnit] = relationship()
    case: Mapped[Case] = relationship()

    @property
    def asks_face(self) -> bool:
        """Whether reading goes on only after a check-in, or the word that an officer is asked."""
        answered = self.checkin_id is not None or self.other_way
        return self.asked_at is not None and not answered

    def turn(self, page: int, now: datetime) -> None:
        """Go on from a page that was read; a page sent twice is turned once."""
        self._refuse_unless_reading()
        if page != self.page or self.asks_face:
            return
        spent = min(max(now - self.seen_at, timedelta(0)), MOST_A_PAGE)
        self.spent_s += int(spent.total_seconds())
        self.page, self.seen_at = self.page + 1, now
        if page == self.check_page:
            self.asked_at = now

    def prove(self, checkin: CheckIn | None, now: datetime) -> None:
        """A check-in since it was asked for shows who reads; without one an officer is asked."""
        self._refuse_unless_reading()
        if not self.asks_face:
            return
        if checkin is None:
            self.other_way = True
        else:
            self.checkin_id = checkin.id
        self.seen_at = now

    def finish(self, answers: list[int | None], now: datetime) -> bool:
        """End it with the answers; wrong ones cost nothing and may be tried again."""
        self._refuse_unless_reading()
        if self.page < len(self.unit.pages) or self.asks_face:
            raise Refused("Read to the end first.")
        if not self.unit.right(answers):
            return False
        self.finished_at = now
        if self.checkin_id is not None:
            self.state, self.minutes = StudyState.COUNTED, self.worth_minutes()
        else:
            self.state = StudyState.READ
        return True

    def worth_minutes(self) -> int:
        """The time really spent, at most what the unit is worth."""
        return min(self.spent_s // 60, self.unit.minutes)

    def decide(self, minutes: int, by: int, now: datetime) -> None:
        """An officer spoke with the person about what was read; 0 minutes count nothing."""
        if self.state is not StudyState.READ:
            raise Refused("This is not read to its end, or was decided already.")
        if not 0 <= minutes <= self.unit.minutes:
            raise Invalid("Credit no more than the unit is worth.", field="minutes")
        self.state = StudyState.COUNTED if minutes else StudyState.REFUSED
        self.minutes, self.decided_by, self.decided_at = minutes, by, now

    def _refuse_unless_reading(self) -> None:
        if self.state is not StudyState.READING:
            raise Refused("You have read this already.")
