"""How ingest fared, minute by minute: what its page draws and what an alarm looks at."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IngestMinute(Base):
    """One minute of one ingester, written when it is over; milliseconds are of that minute."""

    __tablename__ = "ingest_minute"
    __table_args__ = (Index("ix_ingest_minute_minute", "minute"),)

    ingester: Mapped[str] = mapped_column(String(64), primary_key=True, doc="its MQTT client id")
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    messages: Mapped[int]
    committed: Mapped[int] = mapped_column(doc="fixes and events")
    late: Mapped[int] = mapped_column(doc="fixes older than their device's newest")
    rejected: Mapped[dict[str, Any]] = mapped_column(doc="how many by reason")
    batches: Mapped[int]
    commit_p50_ms: Mapped[float | None]
    commit_p99_ms: Mapped[float | None]
    lag_p50_ms: Mapped[float | None] = mapped_column(doc="arrival to commit")
    lag_p99_ms: Mapped[float | None]
    queue_max: Mapped[int] = mapped_column(doc="messages that waited in memory at most")
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
