"""签到: plans, duties with windows, challenges, and what came of them."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Refused


class CheckInPlan(Base):
    """When a case checks in: weekdays and a local window inside the lawful hours."""

    __tablename__ = "checkin_plan"

    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), primary_key=True)
    weekdays: Mapped[str] = mapped_column(String(7), doc="ISO digits, '1234567' is daily")
    opens: Mapped[time]
    closes: Mapped[time]
    late_minutes: Mapped[int] = mapped_column(default=120, doc="after closes: late, then missed")
    spot_checks: Mapped[bool] = mapped_column(default=False)

    case: Mapped[Case] = relationship()


class DutyKind(StrEnum):
    """Why a check-in is due."""

    SCHEDULED = "scheduled"
    SPOT = "spot"
    ON_DEMAND = "on_demand"


class DutyState(StrEnum):
    """What became of a duty. AWAITING_DELIVERY never counts against anyone; VOID was suspended."""

    AWAITING_DELIVERY = "awaiting_delivery"
    DUE = "due"
    DONE = "done"
    LATE = "late"
    MISSED = "missed"
    VOID = "void"


class CheckInDuty(Base):
    """One check-in asked of one case. A spot check's window starts when delivery is proved."""

    __tablename__ = "checkin_duty"
    __table_args__ = (
        UniqueConstraint("case_id", "key"),
        Index("ix_checkin_duty_state_closes_at", "state", "closes_at"),
        CheckConstraint("closes_at > opens_at", name="window_runs_forward"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[DutyKind] = mapped_column(words(DutyKind))
    key: Mapped[str] = mapped_column(String(40), doc="scheduled:2026-11-22: made once only")
    opens_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    missed_after: Mapped[datetime | None]
    state: Mapped[DutyState] = mapped_column(words(DutyState))
    void_reason: Mapped[str | None]

    case: Mapped[Case] = relationship()

    def begin(self, now: datetime, closes_at: datetime, late: timedelta) -> None:
        """Start the clock of a duty whose delivery is now proved."""
        if self.state is DutyState.AWAITING_DELIVERY:
            self.state = DutyState.DUE
            self.opens_at, self.closes_at, self.missed_after = now, closes_at, closes_at + late

    def void(self, reason: str) -> None:
        """Suspend a duty that is still open: it counts neither way."""
        if self.state in {DutyState.AWAITING_DELIVERY, DutyState.DUE}:
            self.state, self.void_reason = DutyState.VOID, reason

    def settle(self, at: datetime) -> None:
        """Mark done or late by the time a check-in was recorded; a missed duty becomes late."""
        if self.state is DutyState.VOID:
            return
        if self.state is DutyState.AWAITING_DELIVERY or self.closes_at is None:
            self.state = DutyState.DONE
        else:
            self.state = DutyState.DONE if at <= self.closes_at else DutyState.LATE

    def lapse(self, now: datetime) -> bool:
        """Mark missed when the time is over; tell whether it was."""
        over = self.missed_after is not None and now > self.missed_after
        if self.state is DutyState.DUE and over:
            self.state = DutyState.MISSED
            return True
        return False


class Challenge(Base):
    """A single-use permission to send one capture; only its hash is kept."""

    __tablename__ = "checkin_challenge"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    capture: Mapped[bytes | None] = mapped_column(LargeBinary(32), doc="SHA-256 of what was sent")
    checkin_id: Mapped[int | None] = mapped_column(ForeignKey("checkin.id"))

    def check(self, now: datetime) -> None:
        """Say why it cannot be spent, if it cannot."""
        if self.used_at is not None:
            raise Refused("This attempt was already sent. Start again.", code="challenge_used")
        if now > self.expires_at:
            raise Refused("This attempt took too long. Start again.", code="challenge_expired")

    def spend(self, now: datetime, capture: bytes, checkin_id: int) -> None:
        """Use it up for one check-in; the same capture sent again finds the same receipt."""
        self.check(now)
        self.used_at, self.capture, self.checkin_id = now, capture, checkin_id


class Way(StrEnum):
    """Ways of checking in, of equal rank."""

    PHONE = "phone"
    KIOSK = "kiosk"
    OFFICER_CALL = "officer_call"
    OFFICER_VISIT = "officer_visit"
    OFFICER_COUNTER = "officer_counter"
    OFFICER_VIDEO = "officer_video"


class Outcome(StrEnum):
    """What the machine saw, or ATTESTED: an officer saw the person. FAULT is never the person's."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNCERTAIN = "uncertain"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    POOR_IMAGE = "poor_image"
    FAULT = "fault"
    ATTESTED = "attested"


class Liveness(StrEnum):
    """Whether a living person stood before the camera."""

    LIVE = "live"
    NOT_LIVE = "not_live"
    CANNOT_TELL = "cannot_tell"
    NOT_JUDGED = "not_judged"


COUNTS = frozenset({Outcome.MATCH, Outcome.ATTESTED})
FOR_REVIEW = frozenset({Outcome.NO_MATCH, Outcome.UNCERTAIN})


class CheckIn(AppendOnly, Base):
    """One attempt and what came of it. Only an officer turns a no-match into a fact."""

    __tablename__ = "checkin"
    __table_args__ = (Index("ix_checkin_case_id_at", "case_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    duty_id: Mapped[int | None] = mapped_column(ForeignKey("checkin_duty.id"), index=True)
    at: Mapped[datetime]
    way: Mapped[Way] = mapped_column(words(Way))
    outcome: Mapped[Outcome] = mapped_column(words(Outcome))
    liveness: Mapped[Liveness] = mapped_column(words(Liveness))
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    reasons: Mapped[list[Any]]
    model_version: Mapped[str | None] = mapped_column(String(64))
    photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_photo.id"))
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    answers: Mapped[dict[str, Any]]
    note: Mapped[str | None] = mapped_column(String(2000))
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    receipt: Mapped[str] = mapped_column(String(16), unique=True)

    case: Mapped[Case] = relationship()
