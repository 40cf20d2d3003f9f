"""One outbox for all that leaves a transaction: live pages, mail, webhooks, SMS, receipts."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Outbox(Base):
    """A message committed with the change it speaks of; the sealer gives positions."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_unsealed",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(16), doc="live, notice, mail, webhook")
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"), doc="whose pages see it")
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(doc="ids and words, nothing sensitive")
    created_at: Mapped[datetime]
    position: Mapped[int | None] = mapped_column(unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    parked_reason: Mapped[str | None]
