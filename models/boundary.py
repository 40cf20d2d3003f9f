"""行政区划: outlines of divisions that were imported, each for as long as it held."""

from datetime import date
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Boundary(Base):
    """The outline of one division (GB/T 2260) from a day on; it goes before the built-in one."""

    __tablename__ = "boundary"
    __table_args__ = (Index("ix_boundary_code", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(6))
    name: Mapped[str]
    geometry: Mapped[dict[str, Any]] = mapped_column(doc="GeoJSON, WGS-84")
    source: Mapped[str] = mapped_column(String(400))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None] = mapped_column(doc="the first day on which it no longer holds")
