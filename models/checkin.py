"""签到: plans, duties with windows, challenges, and what came of them."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    and_,
    or_,
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

    def never_owed(self, reason: str) -> None:
        """Void a duty that should not have been asked, even one that counts as missed."""
        if self.state is DutyState.MISSED:
            self.state, self.void_reason = DutyState.VOID, reason
        self.void(reason)

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


class AttemptState(StrEnum):
    """How far an attempt has come. Only DONE has a check-in; none of the others is held against."""

    OPEN = "open"
    WAITING = "waiting"
    DONE = "done"
    CLOSED = "closed"
    UNFINISHED = "unfinished"


class Challenge(Base):
    """One attempt: a single-use permission to send one capture, with a receipt from the start.

    `actions` are what was asked, in their order; of the token only a hash is kept. A capture that
    is complete (`sent_at`) waits on the server until it is judged.
    """

    __tablename__ = "checkin_challenge"
    __table_args__ = (Index("ix_checkin_challenge_case_id_issued_at", "case_id", "issued_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("supervised_case.id"))
    receipt: Mapped[str | None] = mapped_column(String(16), unique=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    actions: Mapped[list[Any]] = mapped_column(default=list)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="position and answers until judged, sealed for the person"
    )
    claimed_at: Mapped[datetime | None] = mapped_column(doc="somebody judges it since")
    claims: Mapped[int] = mapped_column(default=0)
    closed_at: Mapped[datetime | None] = mapped_column(doc="ended without a check-in")
    close_reason: Mapped[str | None] = mapped_column(String(32))
    used_at: Mapped[datetime | None]
    capture: Mapped[bytes | None] = mapped_column(LargeBinary(32), doc="SHA-256 of what was sent")
    checkin_id: Mapped[int | None] = mapped_column(ForeignKey("checkin.id"))

    def state(self, now: datetime, grace: timedelta) -> AttemptState:
        """How far it has come; what was taken in its life may arrive for `grace` longer."""
        if self.used_at is not None:
            return AttemptState.DONE
        if self.closed_at is not None:
            return AttemptState.CLOSED
        if self.sent_at is not None:
            return AttemptState.WAITING
        in_time = now <= self.expires_at + grace
        return AttemptState.OPEN if in_time else AttemptState.UNFINISHED

    def check(self, now: datetime, grace: timedelta = timedelta(0)) -> None:
        """Say why nothing more can come of it, if so; what was sent in time has all the time."""
        if self.used_at is not None:
            raise Refused("This attempt was already sent. Start again.", code="challenge_used")
        if self.closed_at is not None:
            raise Refused("This attempt was ended. Start again.", code="challenge_closed")
        if self.sent_at is None and now > self.expires_at + grace:
            raise Refused("This attempt took too long. Start again.", code="challenge_expired")

    def send(self, now: datetime, sealed: bytes) -> None:
        """Leave it to be judged, whenever there is room."""
        self.sent_at, self.sealed = now, sealed

    def close(self, now: datetime, reason: str) -> None:
        """End it without a check-in."""
        self.closed_at, self.close_reason, self.sealed = now, reason, None

    def spend(self, now: datetime, capture: bytes, checkin_id: int) -> None:
        """Use it up for one check-in; the same capture sent again finds the same receipt."""
        self.check(now)
        self.used_at, self.capture, self.checkin_id = now, capture, checkin_id
        self.sealed = None


class CheckInFrame(Base):
    """A picture of an attempt on its way to be judged: sealed for the person, then deleted."""

    __tablename__ = "checkin_frame"

    challenge_id: Mapped[int] = mapped_column(ForeignKey("checkin_challenge.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    action: Mapped[int | None] = mapped_column(doc="place of the action then shown; None: straight")
    at_ms: Mapped[int] = mapped_column(doc="since the challenge was issued, as the phone says")
    arrived_at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


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


# NOT_JUDGED stands where an officer was beside the camera and nothing spoke against a living face,
# and before liveness was judged at all.
_PRESENT = frozenset({Liveness.LIVE, Liveness.NOT_JUDGED})
COMPARED = frozenset({Outcome.MATCH, Outcome.NO_MATCH, Outcome.UNCERTAIN})
UNUSABLE = frozenset({Outcome.NO_FACE, Outcome.MANY_FACES, Outcome.POOR_IMAGE})


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
    began_at: Mapped[datetime | None] = mapped_column(doc="when its challenge was issued")
    actions: Mapped[list[Any]] = mapped_column(default=list, doc="asked, in their order")
    cues: Mapped[list[Any]] = mapped_column(
        default=list, doc="what liveness was told by: {name, value, contribution, verdict}"
    )
    frames: Mapped[list[Any]] = mapped_column(
        default=list, doc="times since began_at: {action, at_ms, arrived_ms}"
    )
    fingerprints: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="32 bytes a readable frame, by which a picture sent again is known"
    )
    browser: Mapped[str | None] = mapped_column(String(40), doc="family and major version only")
    phone_model: Mapped[str | None] = mapped_column(String(40), doc="as the browser names it")
    phone_mark: Mapped[str | None] = mapped_column(
        String(16), doc="drawn when a phone is bound, the same for all who bind it; None: shared"
    )

    case: Mapped[Case] = relationship()

    @property
    def counts(self) -> bool:
        """Whether it settles a duty: an officer saw the person, or a living face matched."""
        matched = self.outcome is Outcome.MATCH and self.liveness in _PRESENT
        return matched or self.outcome is Outcome.ATTESTED

    @property
    def for_review(self) -> bool:
        """Whether a face was compared and only an officer can say what that means."""
        return self.outcome in COMPARED and not self.counts


def counted() -> ColumnElement[bool]:
    """CheckIn.counts in SQL."""
    matched = and_(CheckIn.outcome == Outcome.MATCH, CheckIn.liveness.in_(_PRESENT))
    return or_(matched, CheckIn.outcome == Outcome.ATTESTED)


def doubtful() -> ColumnElement[bool]:
    """CheckIn.for_review in SQL."""
    return and_(CheckIn.outcome.in_(COMPARED), ~counted())
