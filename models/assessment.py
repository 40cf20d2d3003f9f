"""考核: the month of a ledger as it was closed, what is objected to, the level it suggests."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    exists,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case, Level
from models.errors import Invalid, Refused
from models.points import PointsDraft, PointsEntry, Rulebook


class PointsMonth(AppendOnly, Base):
    """One closed month of one case; what became known later makes a new edition, the old stays.

    It follows from what was entered and objected to before `as_of`, under `rulebook`: closing
    again as of the same moment gives the same figures.
    """

    __tablename__ = "points_month"
    __table_args__ = (
        UniqueConstraint("case_id", "month", "edition"),
        CheckConstraint("edition >= 1", name="editions_count_from_one"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    month: Mapped[date] = mapped_column(doc="its first day")
    edition: Mapped[int]
    rulebook_id: Mapped[int] = mapped_column(ForeignKey("rulebook.id"))
    days: Mapped[int] = mapped_column(doc="days of the month under correction")
    base: Mapped[int]
    held: Mapped[int] = mapped_column(doc="points that an open objection keeps out")
    total: Mapped[int]
    as_of: Mapped[datetime]
    closed_at: Mapped[datetime]

    rulebook: Mapped[Rulebook] = relationship()

    @property
    def share(self) -> float | None:
        """Points for every hundred of the base; None in a month without base."""
        return 100 * self.total / self.base if self.base else None

    def says(self, figures: Mapping[str, Any]) -> bool:
        """Whether these, by column, are this edition's; not of none at all."""
        return bool(figures) and all(getattr(self, name) == it for name, it in figures.items())


class PointsPublication(AppendOnly, Base):
    """公示: what of a closed month was made public: a masked name and a total, never a minor's."""

    __tablename__ = "points_publication"
    __table_args__ = (Index("ix_points_publication_agency_id_month", "agency_id", "month"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    month: Mapped[date]
    lines: Mapped[list[Any]] = mapped_column(doc="[case id, total], in the order they were shown")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]


class SuggestionState(StrEnum):
    """A suggested level waits for an officer, or was overtaken by a later one."""

    OPEN = "open"
    TAKEN = "taken"
    REFUSED = "refused"
    PASSED = "passed"


class LevelSuggestion(Base):
    """管理等级建议: another level than the present one, with what speaks for it; never acts."""

    __tablename__ = "level_suggestion"
    __table_args__ = (
        UniqueConstraint("case_id", "quarter"),
        Index("ix_level_suggestion_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    quarter: Mapped[date] = mapped_column(doc="its first day")
    rulebook_id: Mapped[int] = mapped_column(ForeignKey("rulebook.id"))
    level: Mapped[Level] = mapped_column(words(Level))
    grounds: Mapped[dict[str, Any]] = mapped_column(doc="means{quarter: share}, penalties[item]")
    state: Mapped[SuggestionState] = mapped_column(
        words(SuggestionState), default=SuggestionState.OPEN
    )
    made_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000))

    case: Mapped[Case] = relationship()
    rulebook: Mapped[Rulebook] = relationship()

    def decide(self, state: SuggestionState, by: int, now: datetime, note: str) -> None:
        """An officer takes or refuses it, in their own words."""
        if self.state is not SuggestionState.OPEN:
            raise Refused("This suggestion was already decided.", code="already_decided")
        if not note.strip():
            raise Invalid("The decision gives its reason.", field="note")
        self.state = state
        self.decided_by, self.decided_at, self.note = by, now, note.strip()


class ObjectionState(StrEnum):
    """异议: waits for the county, or was answered."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Objection(Base):
    """A person's objection to an entry (IM 32), answered by the county, then the procuratorate's.

    Objecting costs nothing. One made in time keeps a deduction out of every close until answered.
    """

    __tablename__ = "points_objection"
    __table_args__ = (Index("ix_points_objection_state_due_on", "state", "due_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("points_entry.id"), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    text: Mapped[str] = mapped_column(String(2000))
    made_at: Mapped[datetime]
    taken_by: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="who wrote it down; None: the person, on the phone page"
    )
    timely: Mapped[bool] = mapped_column(doc="within the days after the entry that the rules give")
    holds: Mapped[bool] = mapped_column(doc="the deduction is provisional while this is open")
    due_on: Mapped[date] = mapped_column(doc="the last day to answer")
    state: Mapped[ObjectionState] = mapped_column(
        words(ObjectionState), default=ObjectionState.OPEN
    )
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(String(2000))
    carried_on_at: Mapped[datetime | None] = mapped_column(doc="taken on to the procuratorate")

    entry: Mapped[PointsEntry] = relationship()
    case: Mapped[Case] = relationship()

    def decide(self, state: ObjectionState, by: int, now: datetime, answer: str) -> None:
        """The county answers, in writing; not by the one who made the entry."""
        if self.state is not ObjectionState.OPEN:
            raise Refused("This objection was already answered.", code="already_answered")
        if by == self.entry.made_by:
            raise Refused("Somebody other than who made the entry answers.", code="own_entry")
        if not answer.strip():
            raise Invalid("The answer gives its reason.", field="note")
        self.state = state
        self.answered_by, self.answered_at, self.answer = by, now, answer.strip()

    def carry_on(self, now: datetime) -> None:
        """The person, not content with the answer, turns to the procuratorate (IM 32)."""
        if self.state is not ObjectionState.DISMISSED:
            raise Refused("Only an objection that was dismissed is taken to the procuratorate.")
        self.carried_on_at = self.carried_on_at or now


def held(as_of: datetime) -> ColumnElement[bool]:
    """Match entries that an open objection kept out at a moment, and what takes them back."""
    unanswered = or_(Objection.answered_at.is_(None), Objection.answered_at >= as_of)
    of_it = Objection.entry_id.in_((PointsEntry.id, PointsEntry.reverses_id))
    return exists().where(of_it, Objection.holds, Objection.made_at < as_of, unanswered)


def protected(case_id: Any, fact: Any) -> ColumnElement[bool]:  # noqa: ANN401 - columns or values
    """Match facts of a case, named like duty:17, that nothing may be made of.

    An officer found a protected reason for them, or the county upheld an objection.
    """
    excused = select(PointsDraft.case_id, PointsDraft.fact).where(PointsDraft.excuse.is_not(None))
    upheld = (
        select(PointsDraft.case_id, PointsDraft.fact)
        .join(PointsEntry, PointsEntry.draft_id == PointsDraft.id)
        .join(Objection, Objection.entry_id == PointsEntry.id)
        .where(Objection.state == ObjectionState.UPHELD)
    )
    found = union_all(excused, upheld).subquery()  # two small sets: read once, however many ask
    return exists().where(found.c.case_id == case_id, found.c.fact == fact)
