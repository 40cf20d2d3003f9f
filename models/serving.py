"""When the pages and the phone's API answered, by their own record."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ServingSpan(Base):
    """A time in which one web process answered without a gap, written on while it lasts.

    Between the spans of all processes nobody could check in: a fault of ours, never a person's.
    """

    __tablename__ = "serving_span"
    __table_args__ = (Index("ix_serving_span_until", "until"),)

    server: Mapped[str] = mapped_column(String(80), primary_key=True, doc="host:process")
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(doc="when it answered last")
