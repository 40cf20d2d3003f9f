"""Messages to a supervised person, and the proof that they arrived."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.person import Person


class NoticeState(StrEnum):
    """How far a message came; only DELIVERED starts a clock."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    TO_CALL = "to_call"


class Notice(Base):
    """One message; the phone page shows it, an SMS or the officer's call may carry it."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_state_sent_at", "state", "sent_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32), doc="spot_check, points, message")
    text_zh: Mapped[str] = mapped_column(String(1000))
    text_en: Mapped[str] = mapped_column(String(1000))
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("checkin_duty.id"), index=True)
    state: Mapped[NoticeState] = mapped_column(words(NoticeState), default=NoticeState.QUEUED)
    channel: Mapped[str | None] = mapped_column(String(16), doc="page, sms, webhook or call")
    reference: Mapped[str | None] = mapped_column(String(100), index=True, doc="the carrier's own")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(doc="a carrier took it")
    delivered_at: Mapped[datetime | None]
    called_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))

    person: Mapped[Person] = relationship()
