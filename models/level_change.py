"""管理等级: every change of a case's supervision level, with who made it, since when and why."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case, Level


class LevelBasis(StrEnum):
    """What an officer's judgment rests on."""

    INTAKE = "intake"
    CONDUCT = "conduct"
    SUGGESTION = "suggestion"
    OTHER = "other"


class LevelChange(AppendOnly, Base):
    """One change of level, from a legal day on; the latest stands on the case."""

    __tablename__ = "level_change"
    __table_args__ = (
        CheckConstraint("level <> before", name="is_a_change"),
        Index("ix_level_change_case_id_since", "case_id", "since"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    before: Mapped[Level] = mapped_column(words(Level, name="level_before"))
    level: Mapped[Level] = mapped_column(words(Level))
    since: Mapped[date]
    basis: Mapped[LevelBasis] = mapped_column(words(LevelBasis))
    suggestion_id: Mapped[int | None] = mapped_column(ForeignKey("level_suggestion.id"))
    reason: Mapped[str] = mapped_column(String(2000), doc="in the officer's words")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    case: Mapped[Case] = relationship()
