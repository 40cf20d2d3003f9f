"""指令: what a bracelet was asked to do, and what came of it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, words


class CommandState(StrEnum):
    """ASKED until the broker has it, SENT until its gateway answers or its time is over."""

    ASKED = "asked"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


class DeviceCommand(Base):
    """One command; its words, if any, went to the bracelet and are not kept."""

    __tablename__ = "device_command"
    __table_args__ = (Index("ix_device_command_device_id_asked_at", "device_id", "asked_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True, doc="as on the wire")
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    kind: Mapped[str] = mapped_column(String(16), doc="locate, interval, vibrate, …")
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[CommandState] = mapped_column(words(CommandState), default=CommandState.ASKED)
    answered_at: Mapped[datetime | None] = mapped_column(doc="by the gateway's clock")
    heard_at: Mapped[datetime | None]
