"""Runs of scheduled work, claimed by compare-and-set so that each day's is done once."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, words


class JobState(StrEnum):
    """How a run stands; FAILED and stale RUNNING may be claimed again."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobRun(Base):
    """One job for one day."""

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("name", "day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32))
    day: Mapped[date]
    state: Mapped[JobState] = mapped_column(words(JobState))
    runs: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any]]
