"""检察建议, 纠正意见: what the procurator holds against the work, and what the head answers.

Both stay as they were written (LCC 62): whoever takes an opinion up says so in writing, whoever
does not gives the reasons.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency
from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Invalid


class OpinionKind(StrEnum):
    """What it is: a suggestion to the agency, or that something against the law be put right."""

    SUGGESTION = "suggestion"
    CORRECTION = "correction"


class Opinion(AppendOnly, Base):
    """One opinion on the work of an agency, or on one case, by its number."""

    __tablename__ = "opinion"
    __table_args__ = (UniqueConstraint("agency_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    kind: Mapped[OpinionKind] = mapped_column(words(OpinionKind))
    number: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(String(4000))
    due_on: Mapped[date] = mapped_column(doc="the last day to answer")
    basis: Mapped[str] = mapped_column(String(64), doc="of that day, with its mark")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    agency: Mapped[Agency] = relationship()
    case: Mapped[Case | None] = relationship()
    answer: Mapped["OpinionAnswer | None"] = relationship(viewonly=True)


class OpinionAnswer(AppendOnly, Base):
    """The one answer to an opinion: taken up or not, in writing, with the reasons."""

    __tablename__ = "opinion_answer"

    opinion_id: Mapped[int] = mapped_column(ForeignKey("opinion.id"), primary_key=True)
    taken_up: Mapped[bool]
    number: Mapped[str] = mapped_column(String(64), doc="of the letter")
    text: Mapped[str] = mapped_column(String(4000), doc="what was done, or why nothing")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]


def written(text: str, number: str) -> tuple[str, str]:
    """Text and number as they are kept; `Invalid` where one is missing."""
    if not text.strip():
        raise Invalid("Write it out: it is kept as it stands.", field="text")
    if not number.strip():
        raise Invalid("Give the number of the document.", field="number")
    return text.strip(), number.strip()
