"""教育学习 and 公益活动: what is arranged, and who came (LCC 36, 42)."""

from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency, Office
from models.base import Base, words
from models.case import Case
from models.checkin import CheckIn
from models.errors import Invalid, Refused
from models.movement import distance_m

EARLY = timedelta(hours=1)  # arriving is taken so long before the start
LATE_END = timedelta(hours=2)  # and leaving so long after the end


class ActivityKind(StrEnum):
    """Education is a duty; nobody is charged with being unable to do public-benefit activity."""

    EDUCATION = "education"
    PUBLIC_BENEFIT = "public_benefit"


class ActivityState(StrEnum):
    """Planned until an officer closes the list or calls it off."""

    PLANNED = "planned"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Activity(Base):
    """One meeting of a course, or one public-benefit activity; adults and minors are apart."""

    __tablename__ = "activity"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="runs_forward"),
        CheckConstraint("capacity > 0", name="has_room"),
        CheckConstraint("minutes > 0", name="counts_time"),
        Index("ix_activity_agency_id_starts_at", "agency_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ActivityKind] = mapped_column(words(ActivityKind))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    office_id: Mapped[int | None] = mapped_column(
        ForeignKey("office.id"), doc="whose it is; None: of the whole agency"
    )
    title: Mapped[str]
    course: Mapped[str | None] = mapped_column(doc="the course that it is a meeting of")
    tasks: Mapped[str | None] = mapped_column(String(2000), doc="what is done there, plainly")
    minors: Mapped[bool] = mapped_column(doc="for minors only; else for adults only (LCC 52)")
    place: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    radius_m: Mapped[float | None] = mapped_column(doc="how far around the place still is there")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    minutes: Mapped[int] = mapped_column(doc="what is credited to who attends the whole of it")
    capacity: Mapped[int]
    state: Mapped[ActivityState] = mapped_column(
        words(ActivityState), default=ActivityState.PLANNED
    )
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    closed_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000), doc="why it was called off")

    agency: Mapped[Agency] = relationship()
    office: Mapped[Office | None] = relationship()
    attendances: Mapped[list["Attendance"]] = relationship(
        back_populates="activity", order_by="Attendance.id"
    )

    @property
    def opens_at(self) -> datetime:
        """From when on arriving is taken."""
        return self.starts_at - EARLY

    @property
    def asks_end(self) -> bool:
        """Whether leaving is checked as arriving is: public-benefit time is time really spent."""
        return self.kind is ActivityKind.PUBLIC_BENEFIT

    def invite(self, case: Case, by: int, now: datetime) -> "Attendance":
        """Put a person on the list; minors and adults are apart, and there must be room."""
        self.refuse_unless_planned()
        if case.minor is not self.minors:
            raise Refused("Minors and adults are kept apart (LCC 52).", field="case")
        if any(known.case_id == case.id for known in self.attendances):
            raise Refused("This person is on the list already.", field="case")
        if len(self.attendances) >= self.capacity:
            raise Refused("There is no more room.", field="capacity")
        return Attendance(activity=self, case=case, invited_by=by, invited_at=now)

    def close(self, by: int, now: datetime) -> None:
        """The list is whole: who came, who is excused, who did not come."""
        self.refuse_unless_planned()
        if now < self.ends_at:
            raise Refused("It is not over yet.")
        self.state, self.closed_by, self.closed_at = ActivityState.CLOSED, by, now

    def cancel(self, by: int, now: datetime, note: str) -> None:
        """It does not take place: nobody missed anything."""
        self.refuse_unless_planned()
        if not note.strip():
            raise Invalid("Say why it is called off.", field="note")
        self.state, self.closed_by, self.closed_at = ActivityState.CANCELLED, by, now
        self.note = note.strip()

    def refuse_unless_planned(self) -> None:
        """What is closed or called off takes nobody in any more."""
        if self.state is not ActivityState.PLANNED:
            raise Refused("This activity is closed or called off.")

    def located(self, checkin: CheckIn | None) -> tuple["Spot", int | None]:
        """Where a check-in was taken, beside the place, and how many metres from it.

        The accuracy of the position speaks for the person: outside is only what cannot be inside.
        """
        if self.lat is None or self.lon is None or self.radius_m is None:
            return Spot.NOT_ASKED, None
        if checkin is None or checkin.lat is None or checkin.lon is None:
            return Spot.UNKNOWN, None
        here, there = np.array([checkin.lat, checkin.lon]), np.array([self.lat, self.lon])
        away_m = float(distance_m(here, there))
        inside = away_m - (checkin.accuracy_m or 0) <= self.radius_m
        return (Spot.INSIDE if inside else Spot.OUTSIDE), round(away_m)


class AttendanceState(StrEnum):
    """What came of an invitation; only MISSED education is ever held against somebody."""

    INVITED = "invited"
    ATTENDED = "attended"
    EXCUSED = "excused"
    MISSED = "missed"


class AttendanceWay(StrEnum):
    """How attending was told, ways of equal rank."""

    OFFICER = "officer"
    FACE = "face"
    OFFLINE = "offline"


class Excuse(StrEnum):
    """Why nobody is charged with not having been there (domain rule: protected reasons)."""

    ILLNESS = "illness"
    CUSTODY = "custody"
    APPROVED_LEAVE = "approved_leave"
    UNABLE = "unable_to_serve"
    NOT_TOLD = "not_told"
    SUSPENDED = "suspended"
    OUTAGE = "outage"
    OTHER = "other_good_reason"


class Spot(StrEnum):
    """Whether somebody was at the place; no position is no fault."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"


class Attendance(Base):
    """One person's invitation to an activity, the checks made there, and what counts of it."""

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("activity_id", "case_id"),
        CheckConstraint("state <> 'attended' OR minutes IS NOT NULL", name="attended_has_minutes"),
        CheckConstraint("state <> 'excused' OR excuse IS NOT NULL", name="excused_has_excuse"),
        Index("ix_attendance_case_id_state", "case_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    state: Mapped[AttendanceState] = mapped_column(
        words(AttendanceState), default=AttendanceState.INVITED
    )
    invited_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    invited_at: Mapped[datetime]
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))
    began_at: Mapped[datetime | None]
    began_checkin_id: Mapped[int | None] = mapped_column(ForeignKey("checkin.id"))
    began_spot: Mapped[Spot | None] = mapped_column(words(Spot))
    began_away_m: Mapped[int | None]
    ended_at: Mapped[datetime | None]
    ended_checkin_id: Mapped[int | None] = mapped_column(ForeignKey("checkin.id"))
    ended_spot: Mapped[Spot | None] = mapped_column(words(Spot, name="ended_spot"))
    ended_away_m: Mapped[int | None]
    way: Mapped[AttendanceWay | None] = mapped_column(words(AttendanceWay))
    minutes: Mapped[int | None] = mapped_column(doc="what is credited")
    excuse: Mapped[Excuse | None] = mapped_column(words(Excuse))
    note: Mapped[str | None] = mapped_column(String(2000))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]

    activity: Mapped[Activity] = relationship(back_populates="attendances")
    case: Mapped[Case] = relationship()

    def begin(self, checkin: CheckIn | None, now: datetime) -> None:
        """The person says that they are there; the check-in, if there is one, proves who and where.

        A second word, after a check-in, is better proof than the first and keeps its time.
        """
        self._refuse_unless_open()
        if not self.activity.opens_at <= now <= self.activity.ends_at:
            raise Refused("Say that you are here when it begins.", field="activity")
        self.began_at = self.began_at or now
        self.began_checkin_id = checkin.id if checkin else None
        self.began_spot, self.began_away_m = self.activity.located(checkin)

    def end(self, checkin: CheckIn | None, now: datetime) -> None:
        """The person says that they go."""
        self._refuse_unless_open()
        if self.began_at is None:
            raise Refused("Say first that you are here.", field="activity")
        if now > self.activity.ends_at + LATE_END:
            raise Refused("It has long ended: ask your officer to note when you went.")
        self.ended_at = self.ended_at or now
        self.ended_checkin_id = checkin.id if checkin else None
        self.ended_spot, self.ended_away_m = self.activity.located(checkin)

    @property
    def proved(self) -> bool:
        """Whether face and place say enough, so that no officer need say more."""
        good = (Spot.INSIDE, Spot.NOT_ASKED)
        arrived = self.began_checkin_id is not None and self.began_spot in good
        if not self.activity.asks_end:
            return arrived
        return arrived and self.ended_checkin_id is not None and self.ended_spot in good

    @property
    def partly(self) -> bool:
        """Whether something was said of being there that an officer has to weigh."""
        return self.began_at is not None and not self.proved

    def worth_minutes(self) -> int:
        """What the checks speak for: the whole of a meeting, the time really spent of a service."""
        if not self.activity.asks_end or self.began_at is None or self.ended_at is None:
            return self.activity.minutes
        began = max(self.began_at, self.activity.starts_at)
        spent = (min(self.ended_at, self.activity.ends_at) - began) // timedelta(minutes=1)
        return min(max(spent, 0), self.activity.minutes)

    def attend(self, way: AttendanceWay, minutes: int, by: int, now: datetime) -> None:
        """They were there, for so long."""
        if not 0 <= minutes <= self.activity.minutes:
            raise Invalid("Credit no more than the activity lasts.", field="minutes")
        self._decide(AttendanceState.ATTENDED, by, now)
        self.way, self.minutes, self.excuse = way, minutes, None

    def forgive(self, excuse: Excuse, by: int, now: datetime) -> None:
        """They were not there for a good reason: it costs nothing, then or later."""
        self._decide(AttendanceState.EXCUSED, by, now)
        self.excuse, self.minutes, self.way = excuse, None, None

    def miss(self, by: int, now: datetime) -> None:
        """They were not there, and no reason is known."""
        self._decide(AttendanceState.MISSED, by, now)
        self.excuse, self.minutes, self.way = None, None, None

    def _decide(self, state: AttendanceState, by: int, now: datetime) -> None:
        if self.activity.state is ActivityState.CANCELLED:
            raise Refused("This activity is closed or called off.")
        self.state, self.decided_by, self.decided_at = state, by, now

    def _refuse_unless_open(self) -> None:
        self.activity.refuse_unless_planned()
        if self.state is not AttendanceState.INVITED:
            raise Refused("What came of it is written down already.")
