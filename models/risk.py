"""What the daily sweep found: each flag with reasons, a clock and the law beside it."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import LEGAL_ZONE, Case
from models.errors import Invalid, Refused
from models.risk_score import Band

ORDER_WARNING_DAYS = (15, 3)  # LCC 29: an extension is assessed and approved before the end
OVERRIDE_DAYS = 30  # after a month somebody looks again
TERM_WARNING_DAYS = 30  # LCC 44: the certificate and three notices are ready on the day

# What a reason says and which innocent explanations it may have, as keys of translations. A reason
# is {"fact", "at", "quality", "facts", "innocent"}; its facts fill the sentence's places. A reason
# that was scored has "family", "points" and "subject" (incident:17) as well.
SENTENCES = {
    "not_reported": "Has not reported in; the last day was %(by)s.",
    "checkin_missed": "No check-in between %(opens)s and %(until)s.",
    "checkin_unfinished": "Began a check-in at %(began)s and did not finish it.",
    "checkin_unclear": "Checked in at %(began)s; the picture did not show one face clearly.",
    "other_way_asked": "Asked for help or another way of checking in at %(began)s.",
    "unfinished_often": "Not finished %(times)s times in the last %(days)s days.",
    "delivery_proved": "The request arrived (%(channel)s).",
    "last_check_in": "The latest check-in that counted.",
    "never_checked_in": "No check-in has counted so far.",
    "tries_not_counted": "Tried %(tries)s times without success; the latest: %(outcome)s.",
    "device_silent": "The bracelet has sent nothing since; battery then: %(battery)s.",
    "gateway": "The gateway of the bracelet is %(state)s.",
    "order_ends": "The positioning order ends; an extension is decided before.",
    "term_ends": "The term ends; tracking stops on the day, whatever paperwork is open.",
    "deduction_moot": "%(points)s points were deducted for what was since found otherwise.",
    "overridden": "An officer set this band: %(reason)s",
    "template_unusable": "The enrolled face could not be used: enrol anew; other ways count.",
    "sign_bracelet_elsewhere": "At a check-in the bracelet was not where the phone was.",
    "sign_impossible_travel": "Between two check-ins the phone would have outrun every train.",
    "sign_position_repeated": "The very same position, to the last digit, at several check-ins.",
    "sign_same_minute": "Always the same minutes: %(times)s of %(of)s days between %(from)s and "
    "%(until)s.",
    "sign_after_midnight": "Mostly in the first %(minutes)s minutes after midnight: %(times)s of "
    "%(of)s days.",
    "sign_one_phone": "%(people)s people checked in from this phone, each as the owner.",
    "sign_many_tries": "%(tries)s tries before this one on the same day.",
    "sign_late_pictures": "Pictures came later than taken at %(times)s of %(of)s check-ins.",
    "scored_checkin_missed": "A check-in was missed.",
    "scored_checkin_late": "A check-in came late.",
    "scored_checkin_no_match": "An officer found that somebody else checked in.",
    "scored_strap_opened": "The strap was opened.",
    "scored_case_opened": "The case of the bracelet was opened.",
    "scored_separated": "The bracelet was away from the wrist.",
    "scored_power_off": "The bracelet was switched off.",
    "scored_jammed": "Radio was disturbed at the bracelet.",
    "scored_left_home_area": "Was outside the home area.",
    "scored_entered_exclusion": "Was in an exclusion zone.",
    "scored_out_in_curfew": "Was out in hours of curfew.",
    "scored_away_from_place": "Was not at the place to be at.",
    "scored_new_place": "Was at a place more than 10 km from any of the four weeks before.",
    "scored_other_night": "Spent the night where no night of the four weeks before was spent.",
    "scored_unusually_far": "Went half as far again from home as hardly ever before.",
    "scored_leave_overdue": "A leave is over without a return.",
    "scored_away_from_destination": "On leave, but away from the destination.",
    "scored_contact": "Was together with somebody an order keeps apart.",
    "scored_gathering": "Was together with several people an order keeps apart.",
    "scored_lost_contact": "An officer wrote down that the person cannot be reached.",
    "scored_not_delivered": "A message could not be delivered.",
    "scored_earlier_absence": "Left without approval earlier, as an officer found.",
    "scored_earlier_tampering": "Tampered with a bracelet earlier, as an officer found.",
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
    "work": "Work, a family matter or an errand.",
    "position_drift": "The position was wrong.",
    "serviced": "The bracelet was being looked after.",
    "knocked": "The bracelet was knocked or caught on something.",
    "moved_home": "The household moved, or the person stayed with family.",
    "delayed": "Delayed on the way.",
    "chance": "They met by chance, or share a place to work or to be treated.",
    "number_changed": "The number changed.",
    "long_ago": "It was long ago, and was dealt with then.",
    "cell_towers": "A position by cell towers or WiFi may be far off.",
    "plane": "A journey by plane, perhaps on approved leave.",
    "phone_left": "Somebody else carries the phone, or it was lent for the check-in.",
    "cached_position": "The phone gives its last position again, or that of the WiFi.",
    "reminder": "A reminder rings, or the request arrives at this time.",
    "night_shift": "Night shifts, or fear of forgetting it.",
    "sent_twice": "The phone sent the same attempt twice.",
    "same_place": "The same wall, light and posture.",
    "slow_link": "A slow or broken connection where the person lives.",
    "household": "A family or a lodging with one phone that nobody marked as shared.",
}


class FlagKind(StrEnum):
    """What a sweep looks for."""

    LATE_TO_REPORT = "late_to_report"
    CHECKIN_MISSED = "checkin_missed"
    CHECKIN_UNFINISHED = "checkin_unfinished"
    DEVICE_SILENT = "device_silent"
    ORDER_ENDING = "order_ending"
    TERM_ENDING = "term_ending"
    DEDUCTION_MOOT = "deduction_moot"
    SLIPPING_AWAY = "slipping_away"
    ENROL_ANEW = "enrol_anew"
    CHECKIN_EVIDENCE = "checkin_evidence"


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
    band: Mapped[Band | None] = mapped_column(words(Band), doc="of a flag that was scored")
    points: Mapped[float | None] = mapped_column(doc="what the evidence came to when last seen")
    weights: Mapped[str | None] = mapped_column(String(32), doc="version that they were scored by")
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


class RiskOverride(AppendOnly, Base):
    """An officer's word in place of the band, for a time and with a reason; the latest stands."""

    __tablename__ = "risk_override"
    __table_args__ = (CheckConstraint("length(reason) > 0", name="has_reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    band: Mapped[Band | None] = mapped_column(words(Band), doc="none: as scored again")
    until: Mapped[date] = mapped_column(doc="the last day it holds")
    reason: Mapped[str] = mapped_column(String(2000))
    by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]

    @classmethod
    def of(
        cls, case_id: int, by: int, now: datetime, *, band: Band | None, until: date, reason: str
    ) -> "RiskOverride":
        """Refuse one without a reason, or one that lasts longer than an officer can foresee."""
        if not reason.strip():
            raise Invalid("An officer's band gives its reason.", field="reason")
        today = now.astimezone(LEGAL_ZONE).date()
        if not today <= until <= today + timedelta(days=OVERRIDE_DAYS):
            raise Invalid(
                "An officer's band holds from today for at most %(days)s days.",
                field="until",
                days=OVERRIDE_DAYS,
            )
        return cls(case_id=case_id, band=band, until=until, reason=reason.strip(), by=by, at=now)
