"""推演: stored positions folded once more under other figures, to see what would change."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.user import User


class WhatIfState(StrEnum):
    """How far a what-if is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


UNDER_WAY = frozenset({WhatIfState.WAITING, WhatIfState.RUNNING})


class WhatIf(Base):
    """What somebody asked to be tried, on whom they see; its result counts and has no places."""

    __tablename__ = "what_if"
    __table_args__ = (Index("ix_what_if_state", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asked_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), doc="of the asker then")
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    asked_at: Mapped[datetime]
    since: Mapped[datetime] = mapped_column(doc="of the positions")
    until: Mapped[datetime]
    present: Mapped[dict[str, Any]] = mapped_column(doc="the rule that was in force: its fields")
    proposed: Mapped[dict[str, Any]]
    state: Mapped[WhatIfState] = mapped_column(words(WhatIfState), default=WhatIfState.WAITING)
    progress: Mapped[float] = mapped_column(default=0.0, doc="0 to 1")
    beat_at: Mapped[datetime | None] = mapped_column(doc="the last sign of life of who runs it")
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(doc="counts by kind of incident; {} until done")

    user: Mapped[User] = relationship()
