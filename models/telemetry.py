"""How ingest fared, minute by minute, and when nothing came at all."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, words

GRACE = timedelta(minutes=15)  # after an outage: gateways send first what they kept meanwhile


class IngestMinute(Base):
    """One minute of one run of an ingester, written over while it lasts; also its heartbeat.

    A restart within the minute is a row of its own, so writing a row again never counts twice.
    """

    __tablename__ = "ingest_minute"
    __table_args__ = (Index("ix_ingest_minute_minute", "minute"),)

    ingester: Mapped[str] = mapped_column(String(64), primary_key=True, doc="its MQTT client id")
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime] = mapped_column(doc="when the row was written last")
    connected: Mapped[bool] = mapped_column(doc="to the broker, and subscribed")
    messages: Mapped[int]
    committed: Mapped[int] = mapped_column(doc="fixes and events, duplicates too")
    committed_at: Mapped[datetime | None] = mapped_column(doc="the last of them")
    duplicates: Mapped[int]
    late: Mapped[int] = mapped_column(doc="fixes older than their device's newest")
    rejected: Mapped[dict[str, Any]] = mapped_column(doc="how many by reason")
    batches: Mapped[int]
    commit_p50_ms: Mapped[float | None]
    commit_p99_ms: Mapped[float | None]
    lag_p50_ms: Mapped[float | None] = mapped_column(doc="arrival to commit")
    lag_p99_ms: Mapped[float | None]
    queue_max: Mapped[int] = mapped_column(doc="messages that waited in memory at most")
    memory_bytes: Mapped[int] = mapped_column(BigInteger)


class OutageCause(StrEnum):
    """Where the way from bracelets to the database was seen to be broken."""

    INGEST_DOWN = "ingest_down"
    BROKER_AWAY = "broker_away"
    GATEWAYS_OFFLINE = "gateways_offline"
    UNKNOWN = "unknown"


class Outage(Base):
    """A time in which nothing of any bracelet arrived: a fault of the system, never a person's."""

    __tablename__ = "outage"

    id: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(unique=True, doc="the last sign of any bracelet")
    opened_at: Mapped[datetime] = mapped_column(doc="when it was noticed")
    ended_at: Mapped[datetime | None]
    cause: Mapped[OutageCause] = mapped_column(words(OutageCause))
    bracelets: Mapped[int] = mapped_column(doc="worn under an order and heard until then")


def listening_since(
    now: datetime, span: timedelta, deaf: Iterable[tuple[datetime, datetime]]
) -> datetime:
    """The moment since when the service listened for `span`; times (from, to) of deafness aside.

    Whoever was heard last before it was silent while others could be heard.
    """
    since, later = now - span, now
    for start, end in sorted(deaf, reverse=True):
        until = min(end, later)
        if until > since:
            since -= until - start
        later = start
    return since
