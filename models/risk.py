"""What the daily sweep found: each flag with reasons, a clock and the law beside it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case
from models.errors import Invalid, Refused

ORDER_WARNING_DAYS = (15, 3)  # LCC 29: an extension is assessed and approved before the end
TERM_WARNING_DAYS = 30  # LCC 44: the certificate and three notices are ready on the day

# What a reason says and which innocent explanations it may have, as keys of translations. A reason
# is {"fact", "at", "quality", "facts", "innocent"}; its facts fill the sentence's places.
SENTENCES = {
    "not_reported": "Has not reported in; the last day was %(by)s.",
    "checkin_missed": "No check-in between %(opens)s and %(until)s.",
    "delivery_proved": "The request arrived (%(channel)s).",
    "last_check_in": "The latest check-in that counted.",
    "never_checked_in": "No check-in has counted so far.",
    "tries_not_counted": "Tried %(tries)s times without success; the latest: %(outcome)s.",
    "device_silent": "The bracelet has sent nothing since; battery then: %(battery)s.",
    "gateway": "The gateway of the bracelet is %(state)s.",
    "order_ends": "The positioning order ends; an extension is decided before.",
    "term_ends": "The term ends; tracking stops on the day, whatever paperwork is open.",
    "deduction_moot": "%(points)s points were deducted for what was since found otherwise.",
}
INNOCENT = {
    "handover_late": "The papers or the hand-over came late.",
    "not_told": "The duty may not have been explained.",
    "custody": "In custody elsewhere.",
    "illness": "Ill or in hospital.",
    "phone_trouble": "Phone lost, broken, without credit or without network.",
    "bad_light_or_camera": "Bad light or a bad camera.",
    "service_fault": "A fault of this service.",
    "no_coverage": "No coverage where the person is.",
    "battery_empty": "The battery is empty.",
    "device_fault": "The device is broken.",
    "gateway_down": "The gateway is down.",
}


class FlagKind(StrEnum):
    """What a sweep looks for."""

    LATE_TO_REPORT = "late_to_report"
    CHECKIN_MISSED = "checkin_missed"
    DEVICE_SILENT = "device_silent"
    ORDER_ENDING = "order_ending"
    TERM_ENDING = "term_ending"
    DEDUCTION_MOOT = "deduction_moot"


class FlagState(StrEnum):
    """A flag waits for an officer, is done with, or went away by itself."""

    OPEN = "open"
    HANDLED = "handled"
    PASSED = "passed"


class RiskFlag(Base):
    """A proposal to look, never a finding. `key` makes a rerun of the sweep harmless."""

    __tablename__ = "risk_flag"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "key"),
        Index("ix_risk_flag_state_day", "state", "day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[FlagKind] = mapped_column(words(FlagKind))
    key: Mapped[str] = mapped_column(String(64), doc="what it is about: duty:17, order:3")
    day: Mapped[date] = mapped_column(doc="the first day it was seen")
    due: Mapped[datetime | None] = mapped_column(doc="the clock beside it")
    law: Mapped[str] = mapped_column(String(64), doc="LCC 21, IM 38 …")
    reasons: Mapped[list[Any]] = mapped_column(doc="facts with times and quality")
    state: Mapped[FlagState] = mapped_column(words(FlagState), default=FlagState.OPEN)
    raised_at: Mapped[datetime]
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    handled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(2000))

    case: Mapped[Case] = relationship()

    def handle(self, by: int, now: datetime, note: str) -> None:
        """An officer is done with it, and says in a note what was found."""
        if self.state is not FlagState.OPEN:
            raise Refused("This flag is no longer open.", code="already_handled")
        if not note.strip():
            raise Invalid("The note says what was found and done.", field="note")
        self.state = FlagState.HANDLED
        self.handled_by, self.handled_at, self.note = by, now, note.strip()

    def see(self, reasons: list[Any], due: datetime | None) -> None:
        """Keep an open flag's facts current; one that had passed and holds again is open again."""
        if self.state is FlagState.HANDLED:
            return
        self.state, self.reasons, self.due = FlagState.OPEN, reasons, due

    def fade(self) -> None:
        """What was seen no longer holds: the flag goes by itself."""
        if self.state is FlagState.OPEN:
            self.state = FlagState.PASSED
