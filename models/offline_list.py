"""单机版集中教育: a list taken to a room without a network, and what came back of it."""

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, and_, exists
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.activity import Activity, ActivityKind, Attendance, AttendanceState
from models.base import Base
from models.errors import Invalid, Refused

MOST_WHY = 400


class OfflineList(Base):
    """One file given out for one activity; what it signs with is wrapped by the key ring."""

    __tablename__ = "offline_list"

    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, doc="32 bytes for HMAC-SHA256, wrapped")
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    loaded_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    loaded_at: Mapped[datetime | None] = mapped_column(doc="when its latest file was loaded")
    lost_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    lost_at: Mapped[datetime | None] = mapped_column(doc="when it was given up")
    lost_why: Mapped[str | None] = mapped_column(String(MOST_WHY))

    activity: Mapped[Activity] = relationship()

    @property
    def out(self) -> bool:
        """Whether it has not come back and nobody has given it up."""
        return self.loaded_at is None and self.lost_at is None

    def give_up(self, by: int, now: datetime, why: str) -> None:
        """It will not come back; nothing waits for it any more."""
        if not self.out:
            raise Refused("This list has come back, or was given up already.")
        if not 0 < len(why.strip()) <= MOST_WHY:
            raise Invalid("Give a reason of at most %(most)d letters.", field="note", most=MOST_WHY)
        self.lost_by, self.lost_at, self.lost_why = by, now, why.strip()


def missed() -> ColumnElement[bool]:
    """Match education that somebody missed, and no reason is known (IM 34).

    Not while any list that was taken to a room without a network is still out: who was there may
    stand on it. Being unable to do public-benefit activity is no fault at all.
    """
    given = OfflineList.activity_id == Attendance.activity_id
    out = exists().where(given, OfflineList.loaded_at.is_(None), OfflineList.lost_at.is_(None))
    return and_(
        Attendance.state == AttendanceState.MISSED,
        Attendance.activity.has(Activity.kind == ActivityKind.EDUCATION),
        ~out,
    )
