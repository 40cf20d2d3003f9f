"""求助: a supervised person asks to be called, helped, or to check in another way."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Refused


class HelpKind(StrEnum):
    """What is asked for. Asking costs nothing and is never a ground for anything."""

    CALL_BACK = "call_back"
    HELP = "help"
    VIDEO_CALL = "video_call"
    VISIT = "visit"


class HelpRequest(Base):
    """One request, open until an officer says what was done."""

    __tablename__ = "help_request"
    __table_args__ = (
        Index(
            "uq_help_request_open",
            "case_id",
            "kind",
            unique=True,
            sqlite_where=text("handled_at IS NULL"),
            postgresql_where=text("handled_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[HelpKind] = mapped_column(words(HelpKind))
    at: Mapped[datetime]
    other_way_at: Mapped[datetime | None] = mapped_column(
        doc="since when it is asked for instead of a check-in; None: beside one, or other help"
    )
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    handled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000))

    case: Mapped[Case] = relationship()

    def handle(self, by: int, now: datetime, note: str) -> None:
        """Close the request with what was done."""
        if self.handled_at is not None:
            raise Refused("This request was already dealt with.", code="already_handled")
        self.handled_by, self.handled_at, self.note = by, now, note.strip()
