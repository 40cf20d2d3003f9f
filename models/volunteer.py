"""志愿者 and the log of visits, calls and reports (LCC 26): who went to whom, and what was said."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.user import User


class VolunteerState(StrEnum):
    """Nobody is entrusted to a volunteer whom no officer has accepted."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    ENDED = "ended"


class Volunteer(Base):
    """Somebody of the register of volunteers, with the account that is their seat."""

    __tablename__ = "volunteer"

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    name: Mapped[str]
    skills: Mapped[str | None] = mapped_column(String(400), doc="what they can do for people")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), unique=True)
    state: Mapped[VolunteerState] = mapped_column(
        words(VolunteerState), default=VolunteerState.PROPOSED
    )
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reviewed_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000), doc="what the review found")

    user: Mapped[User | None] = relationship(foreign_keys=[user_id])

    def review(self, by: int, now: datetime, note: str, *, accept: bool) -> None:
        """An officer accepts them or ends it, at any time, with what was found."""
        if not note.strip():
            raise Invalid("Say what the review found.", field="note")
        if self.state is VolunteerState.ENDED:
            raise Refused("This volunteer has ended: propose them anew.")
        if accept and by == self.made_by:
            raise Refused("Somebody else than who proposed them accepts a volunteer.")
        self.state = VolunteerState.ACCEPTED if accept else VolunteerState.ENDED
        self.reviewed_by, self.reviewed_at, self.note = by, now, note.strip()


class ContactKind(StrEnum):
    """How somebody was in touch with a person under correction."""

    VISIT = "visit"
    CALL = "call"
    TALK = "talk"
    REPORT = "report"


class Contact(Base):
    """A visit, a call, a talk, or a report that a person brought; a volunteer's is checked."""

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("minutes >= 0", name="takes_time"),
        Index("ix_contact_case_id_happened_at", "case_id", "happened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[ContactKind] = mapped_column(words(ContactKind))
    happened_at: Mapped[datetime]
    minutes: Mapped[int]
    said: Mapped[str] = mapped_column(String(2000), doc="what was seen and said, in plain words")
    volunteer_id: Mapped[int | None] = mapped_column(ForeignKey("volunteer.id"), index=True)
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    checked_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    checked_at: Mapped[datetime | None]
    counts: Mapped[bool | None] = mapped_column(doc="whether a volunteer's hours count")

    case: Mapped[Case] = relationship()
    volunteer: Mapped[Volunteer | None] = relationship()

    def check(self, by: int, now: datetime, *, counts: bool) -> None:
        """An officer looks at what a volunteer wrote down: their hours count or do not."""
        if self.volunteer_id is None:
            raise Refused("Only what a volunteer wrote down is checked.")
        if self.checked_at is not None:
            raise Refused("This was checked already.")
        self.checked_by, self.checked_at, self.counts = by, now, counts
