"""What a supervised person asks of the authorities as a right: a copy, a correction, a petition.

PIPL 45 and 46; LCC 34. Asking costs nothing and is never a ground for anything. What is written,
by the person and in answer, is sealed under the person's key.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.keys import KeyRing
from models.sealed_words import SealedWords

MOST_TEXT = 2000


class RequestKind(StrEnum):
    """Which right: 查阅复制, 更正, 申诉控告检举."""

    COPY = "copy"
    CORRECTION = "correction"
    PETITION = "petition"


class Addressee(StrEnum):
    """Who answers."""

    AGENCY = "agency"
    PROCURATORATE = "procuratorate"


class PersonRequestState(StrEnum):
    """Waits, or was answered: agreed with, or not."""

    OPEN = "open"
    GRANTED = "granted"
    DECLINED = "declined"


class KeptField(StrEnum):
    """What of the register may be wrong."""

    NAME = "name"
    BIRTH = "birth"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    ADDRESS = "address"
    SENTENCE = "sentence"
    CHECKINS = "checkins"
    POINTS = "points"
    OTHER = "other"


class PersonRequest(SealedWords, Base):
    """One request, with the last day to answer it; answered once, in writing, by a person."""

    __tablename__ = "person_request"
    __table_args__ = (
        CheckConstraint(
            "kind = 'petition' OR addressee = 'agency'", name="the_agency_keeps_the_data"
        ),
        Index("ix_person_request_state_due_on", "state", "due_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    kind: Mapped[RequestKind] = mapped_column(words(RequestKind))
    addressee: Mapped[Addressee] = mapped_column(words(Addressee))
    field: Mapped[KeptField | None] = mapped_column(words(KeptField), doc="what is to be corrected")
    about_id: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="the officer complained about, who never sees it"
    )
    asked_at: Mapped[datetime]
    due_on: Mapped[date] = mapped_column(doc="the last day to answer")
    basis: Mapped[str] = mapped_column(String(64), doc="law and mark of that day, as asked")
    state: Mapped[PersonRequestState] = mapped_column(
        words(PersonRequestState), default=PersonRequestState.OPEN
    )
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    answered_at: Mapped[datetime | None]
    carried_on_at: Mapped[datetime | None] = mapped_column(doc="taken on to the procuratorate")

    case: Mapped[Case] = relationship()

    def decide(self, ring: KeyRing, by: int, now: datetime, *, granted: bool, answer: str) -> None:
        """Answer it in writing; never by the one it complains about."""
        if self.state is not PersonRequestState.OPEN:
            raise Refused("This request was already answered.", code="already_answered")
        if by == self.about_id:
            raise Refused("Somebody else than the one it is about answers.", code="about_them")
        if not answer.strip():
            raise Invalid("Write the answer: the person reads it.", field="note")
        if len(answer) > MOST_TEXT:
            raise Invalid("At most 2000 characters fit here.", field="note")
        self.put(ring, "answer", answer.strip())
        self.state = PersonRequestState.GRANTED if granted else PersonRequestState.DECLINED
        self.answered_by, self.answered_at = by, now

    def carry_on(self, now: datetime) -> None:
        """The person, not content with the agency's answer, turns to the procuratorate (LCC 34)."""
        if self.addressee is Addressee.PROCURATORATE:
            raise Refused("This is with the procuratorate already.")
        if self.state is not PersonRequestState.DECLINED:
            raise Refused("Only what was declined is taken on to the procuratorate.")
        self.carried_on_at = self.carried_on_at or now
