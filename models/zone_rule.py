"""围栏判定规则: the figures that the zone engine decides by, each set from a moment on."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import AppendOnly, Base


class ZoneRule(AppendOnly, Base):
    """A set of figures with its first moment, or, where it `withdraws` one, the word against it.

    Figures are of one engine and mean nothing to another, which begins with its own again.
    """

    __tablename__ = "zone_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(unique=True, doc="1, 2, 3 … in the order they were made")
    engine: Mapped[str] = mapped_column(String(64), doc="whose figures these are: name@version")
    effective_from: Mapped[datetime] = mapped_column(index=True)
    figures: Mapped[dict[str, Any]] = mapped_column(doc="every figure by name; none to withdraw")
    reason: Mapped[str] = mapped_column(String(2000))
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    withdraws_id: Mapped[int | None] = mapped_column(ForeignKey("zone_rule.id"), unique=True)
