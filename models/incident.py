"""预警事件: something seen that may matter; one a storm, closed by a person with a cause."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.errors import Invalid, Refused
from models.user import User
from models.zone import Zone


class IncidentKind(StrEnum):
    """What was seen, each with its own rule."""

    LEFT_HOME_AREA = "left_home_area"
    ENTERED_EXCLUSION = "entered_exclusion"
    OUT_IN_CURFEW = "out_in_curfew"
    STRAP_OPENED = "strap_opened"
    CASE_OPENED = "case_opened"
    SEPARATED = "separated"
    JAMMED = "jammed"
    DEVICE_SILENT = "device_silent"
    POWER_OFF = "power_off"
    SOS = "sos"
    IMPOSSIBLE_SPEED = "impossible_speed"
    IMPLAUSIBLE_ACCURACY = "implausible_accuracy"
    AWAY_FROM_PLACE = "away_from_place"
    LEAVE_OVERDUE = "leave_overdue"
    AWAY_FROM_DESTINATION = "away_from_destination"
    CONTACT = "contact"
    GATHERING = "gathering"


class Severity(StrEnum):
    """How soon someone should look."""

    URGENT = "urgent"
    SOON = "soon"
    WATCH = "watch"


class IncidentState(StrEnum):
    """How far the work on an incident is."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ACTING = "acting"
    CLOSED = "closed"


class Tier(StrEnum):
    """How high an incident went because nobody answered."""

    COVER = "cover"
    HEAD = "head"


class Passing(StrEnum):
    """How an incident comes to another owner; the action of the step that says so."""

    ASSIGNED = "assigned"
    HANDED_OVER = "handed_over"
    REASSIGNED = "reassigned"
    TO_COVER = "to_cover"
    TO_HEAD = "to_head"
    RAISED = "raised"  # to whoever has it, again


class Cause(StrEnum):
    """Why it happened, as found by the officer who closes it; false alarms are counted by it."""

    LEFT_WITHOUT_APPROVAL = "left_without_approval"
    APPROVED_ABSENCE = "approved_absence"
    POSITION_DRIFT = "position_drift"
    NO_COVERAGE = "no_coverage"
    DEVICE_FAULT = "device_fault"
    BATTERY_EMPTY = "battery_empty"
    SERVICED = "serviced"
    TAMPERED = "tampered"
    EMERGENCY = "emergency"
    RULE_WRONG = "rule_wrong"
    OTHER = "other"


TIERS = {Passing.TO_COVER: Tier.COVER, Passing.TO_HEAD: Tier.HEAD}
FALSE_ALARMS = frozenset(
    {Cause.POSITION_DRIFT, Cause.NO_COVERAGE, Cause.DEVICE_FAULT, Cause.RULE_WRONG}
)
I = IncidentState  # noqa: E741 - read beside the table below
STEPS: dict[IncidentState, frozenset[IncidentState]] = {
    I.OPEN: frozenset({I.ACKNOWLEDGED, I.ACTING, I.CLOSED}),
    I.ACKNOWLEDGED: frozenset({I.ACTING, I.CLOSED}),
    I.ACTING: frozenset({I.CLOSED}),
    I.CLOSED: frozenset({I.OPEN}),
}


class Incident(Base):
    """While open, `open_key` keeps a storm from opening a second one; closing clears it."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_state_opened_at", "state", "opened_at"),
        Index("ix_incident_opened_at", "opened_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zone.id"))
    kind: Mapped[IncidentKind] = mapped_column(words(IncidentKind))
    severity: Mapped[Severity] = mapped_column(words(Severity))
    state: Mapped[IncidentState] = mapped_column(words(IncidentState), default=IncidentState.OPEN)
    rule: Mapped[str] = mapped_column(String(64), doc="name and version of what raised it")
    since: Mapped[datetime] = mapped_column(doc="when it began, by the device's clock")
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(doc="when the thing seen stopped")
    facts: Mapped[dict[str, Any]] = mapped_column(doc="figures with times and data quality")
    open_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    cause: Mapped[Cause | None] = mapped_column(words(Cause))
    closed_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None] = mapped_column(
        doc="when its present owner was asked; none: nobody was since it was opened or raised"
    )
    tier: Mapped[Tier | None] = mapped_column(words(Tier))

    case: Mapped[Case] = relationship()
    owner: Mapped[User | None] = relationship()
    zone: Mapped[Zone | None] = relationship()
    steps: Mapped[list["IncidentStep"]] = relationship(
        back_populates="incident", order_by="IncidentStep.id"
    )

    def move(
        self,
        state: IncidentState,
        by: int | None,
        now: datetime,
        *,
        cause: Cause | None = None,
        note: str = "",
    ) -> "IncidentStep":
        """Take the next step and write it down; closing needs a cause.

        Whoever takes it owns it; opened again it is nobody's, so that it comes to who is on duty.
        """
        if state not in STEPS[self.state]:
            raise Refused(
                "An incident cannot go from %(before)s to %(after)s.",
                before=self.state.value,
                after=state.value,
            )
        if state is I.CLOSED and cause is None:
            raise Invalid("An incident is closed with a cause.", field="cause")
        self.state = state
        self.cause = cause
        self.closed_at = now if state is I.CLOSED else None
        if state is I.CLOSED:
            self.open_key = None
        self.owner_id = None if state is I.OPEN else by
        self.asked_at, self.tier = (now if state is I.OPEN else None), None
        return self._stepped(state, by, now, cause=cause, note=note)

    def pass_to(
        self, owner_id: int, how: Passing, by: int | None, now: datetime, note: str = ""
    ) -> "IncidentStep":
        """Give it to another owner, in the state that it is in, and write that down.

        The time to answer begins anew.
        """
        if self.state is I.CLOSED:
            raise Refused("A closed incident is given to nobody.")
        self.owner_id, self.asked_at, self.tier = owner_id, now, TIERS.get(how)
        return self._stepped(how, by, now, note=note)

    def raise_to(self, severity: Severity, now: datetime) -> None:
        """Make it more urgent, never less: what was acknowledged was not this, so it is asked anew.

        Whoever has it keeps it, and is told with the clock's next turn: till then `asked_at` is
        none. The time to answer begins anew. Of one that is closed nothing changes.
        """
        order = tuple(Severity)
        if self.state is I.CLOSED or order.index(severity) >= order.index(self.severity):
            return
        self.severity = severity
        if self.state is I.ACKNOWLEDGED:
            self.state = I.OPEN
        self.asked_at, self.tier = (now if self.owner_id is None else None), None
        self._stepped(Passing.RAISED, None, now, note="")

    def _stepped(
        self,
        action: IncidentState | Passing,
        by: int | None,
        now: datetime,
        *,
        cause: Cause | None = None,
        note: str,
    ) -> "IncidentStep":
        step = IncidentStep(
            at=now,
            by=by,
            action=action.value,
            cause=cause,
            note=note.strip(),
            owner_id=self.owner_id,
        )
        self.steps.append(step)
        return step


class IncidentStep(AppendOnly, Base):
    """Who did what about an incident, when."""

    __tablename__ = "incident_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    action: Mapped[str] = mapped_column(String(32))
    cause: Mapped[Cause | None] = mapped_column(words(Cause))
    note: Mapped[str] = mapped_column(String(2000))
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("user_account.id"), doc="whose it is after this step"
    )

    incident: Mapped[Incident] = relationship(back_populates="steps")
