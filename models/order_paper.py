"""What an order owes on paper: word to the person, a copy to the procuratorate; and assessments."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.errors import Invalid, Refused
from models.order import PositioningOrder


class Paper(StrEnum):
    """To whom an order is told: each is owed from the moment of the decision."""

    PERSON_TOLD = "person_told"
    PROCURATORATE_COPY = "procuratorate_copy"


class OrderPaper(Base):
    """One paper of an order: owed, sent, received."""

    __tablename__ = "order_paper"
    __table_args__ = (
        UniqueConstraint("order_id", "kind"),
        CheckConstraint("received_at IS NULL OR sent_at IS NOT NULL", name="sent_before_received"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("positioning_order.id"))
    kind: Mapped[Paper] = mapped_column(words(Paper))
    number: Mapped[str | None] = mapped_column(String(200), doc="number of the letter or receipt")
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    received_at: Mapped[datetime | None]
    received_note: Mapped[str | None] = mapped_column(String(400), doc="how receipt is proved")

    order: Mapped[PositioningOrder] = relationship()

    def send(self, by: int, now: datetime, number: str) -> None:
        """It has gone out, by its number; once."""
        if self.sent_at is not None:
            raise Refused("This paper was sent already.")
        if not number.strip():
            raise Invalid("Give the number of the letter.", field="number")
        self.sent_at, self.sent_by, self.number = now, by, number.strip()

    def receive(self, now: datetime, note: str) -> None:
        """Its receipt is proved."""
        if self.sent_at is None:
            raise Refused("This paper was not sent yet.")
        if self.received_at is not None:
            raise Refused("The receipt of this paper is recorded already.")
        if not note.strip():
            raise Invalid("Say how the receipt is proved.", field="number")
        self.received_at, self.received_note = now, note.strip()


class OrderAssessment(AppendOnly, Base):
    """Whether an order in force is still needed, as an officer found: before each extension."""

    __tablename__ = "order_assessment"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("positioning_order.id"), index=True)
    needed: Mapped[bool]
    found: Mapped[str] = mapped_column(String(2000))
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    order: Mapped[PositioningOrder] = relationship()
