"""案件: one sentence served in the community, its clocks, its team, its state (一案一码)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, and_
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency, Office
from models.base import Base, words
from models.errors import Invalid, Refused
from models.identity import Sex
from models.person import Person

LEGAL_ZONE = ZoneInfo("Asia/Shanghai")  # legal days are days of this zone
SPECIALIST = "specialist"  # on the team of a minor (LCC 52)


class Category(StrEnum):
    """矫正类别 (LCC 2)."""

    PUBLIC_SURVEILLANCE = "public_surveillance"
    SUSPENDED_SENTENCE = "suspended_sentence"
    PAROLE = "parole"
    OUTSIDE_PRISON = "outside_prison"


class CaseState(StrEnum):
    """Where a case stands (domain.md §1); one missed check-in never makes ABSCONDED."""

    AWAITING_REPORT = "awaiting_report"
    UNDER_CORRECTION = "under_correction"
    ON_LEAVE = "on_leave"
    LOST_CONTACT = "lost_contact"
    ABSCONDED = "absconded"
    DETAINED = "detained"
    TRANSFERRING = "transferring"
    RELEASED = "released"
    TERMINATED = "terminated"
    TRANSFERRED = "transferred"  # to an agency outside the service: the sentence goes on there


class EndedAs(StrEnum):
    """How a case ended: 解除 by term or pardon (LCC 44), 终止 by all else (LCC 45)."""

    TERM_OVER = "term_over"
    PARDON = "pardon"
    SUSPENSION_REVOKED = "suspension_revoked"
    PAROLE_REVOKED = "parole_revoked"
    RECOMMITTED = "recommitted"
    DEATH = "death"
    OTHER = "other"  # such as an acquittal on retrial


class Level(StrEnum):
    """管理等级."""

    STRICT = "strict"
    ORDINARY = "ordinary"
    LENIENT = "lenient"


S = CaseState
ENDED = frozenset({S.RELEASED, S.TERMINATED, S.TRANSFERRED})
SUSPENDING = ENDED | {S.DETAINED, S.AWAITING_REPORT}
IN_HAND = frozenset({S.UNDER_CORRECTION, S.ON_LEAVE, S.LOST_CONTACT, S.ABSCONDED, S.DETAINED})
NEXT: dict[CaseState, frozenset[CaseState]] = {
    S.AWAITING_REPORT: frozenset({S.UNDER_CORRECTION, S.DETAINED, S.TERMINATED}),
    **{state: (IN_HAND | {S.TRANSFERRING} | ENDED) - {state} for state in IN_HAND},
    S.TRANSFERRING: IN_HAND | ENDED,
    S.RELEASED: frozenset(),
    S.TERMINATED: frozenset(),
    S.TRANSFERRED: frozenset(),
}

ENDINGS: dict[CaseState, frozenset[EndedAs]] = {
    S.RELEASED: frozenset({EndedAs.TERM_OVER, EndedAs.PARDON}),
    S.TERMINATED: frozenset(EndedAs) - {EndedAs.TERM_OVER, EndedAs.PARDON},
}


class Case(Base):
    """A supervised sentence of one person at one office."""

    __tablename__ = "supervised_case"
    __table_args__ = (
        CheckConstraint("term_end >= term_start", name="term_runs_forward"),
        CheckConstraint(
            "ended_as IS NULL OR state IN ('released', 'terminated')", name="ended_once_over"
        ),
        Index("ix_supervised_case_office_state", "office_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True, doc="一案一码")
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    office_id: Mapped[int] = mapped_column(ForeignKey("office.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    category: Mapped[Category] = mapped_column(words(Category))
    deciding_authority: Mapped[str]
    effective_on: Mapped[date] = mapped_column(doc="judgment effective; the reporting clock starts")
    reported_on: Mapped[date | None]
    term_start: Mapped[date]
    term_end: Mapped[date]
    state: Mapped[CaseState] = mapped_column(words(CaseState), default=CaseState.AWAITING_REPORT)
    state_since: Mapped[datetime]
    state_note: Mapped[str | None] = mapped_column(doc="why it is in this state, in their words")
    ended_as: Mapped[EndedAs | None] = mapped_column(
        words(EndedAs), doc="None of an ended case: it moved away, or ended before this was asked"
    )
    ended_by: Mapped[str | None] = mapped_column(
        String(400), doc="the paper that ended it, by its number"
    )
    detained_since: Mapped[datetime | None] = mapped_column(
        doc="in custody since this legal day began, by the custodian's paper (LCC 32)"
    )
    counted_since: Mapped[datetime | None] = mapped_column(
        doc="custody ended then: no interval of reports is counted from before (LCC 32)"
    )
    level: Mapped[Level] = mapped_column(words(Level), default=Level.ORDINARY)
    minor: Mapped[bool] = mapped_column(default=False, doc="by age when correction starts, LCC 58")

    person: Mapped[Person] = relationship(back_populates="cases")
    office: Mapped[Office] = relationship()
    agency: Mapped[Agency] = relationship()
    team: Mapped[list["TeamMember"]] = relationship(
        back_populates="case", cascade="all, delete-orphan"
    )

    @property
    def supervised(self) -> bool:
        """Whether check-ins and absence rules run now; detention suspends them (LCC 32)."""
        return self.state not in SUSPENDING

    def supervised_at(self, now: datetime) -> bool:
        """Whether they run at `now`: the term ends on its day, whatever paper is open (LCC 44)."""
        return self.supervised and now.astimezone(LEGAL_ZONE).date() <= self.term_end

    def days_under(self, first: date, last: date) -> int:
        """Count the days of first…last on which the case was under correction."""
        if self.reported_on is None:
            return 0
        end = min(last, self.term_end)
        if self.state in ENDED:
            end = min(end, self.state_since.astimezone(LEGAL_ZONE).date())
        return max((end - max(first, self.reported_on)).days + 1, 0)

    def move(self, state: CaseState, now: datetime, note: str | None = None) -> None:
        """Take the case to another state, if the law lets it go there; `note` says why."""
        if state not in NEXT[self.state]:
            raise Refused(
                "A case cannot go from %(before)s to %(after)s.",
                before=self.state.value,
                after=state.value,
                field="state",
            )
        if self.state is S.DETAINED:
            self.counted_since = now  # the release is entered on its day or later, never before
        self.state = state
        self.state_since = now
        self.state_note = note
        self.detained_since = None  # it is given with its day: custody.begin

    def report_in(self, day: date, now: datetime) -> None:
        """Record 报到: correction begins once the team is right."""
        if day < self.effective_on:
            raise Invalid(
                "The day of reporting in is before the judgment took effect.", field="reported_on"
            )
        self.check_team()
        self.reported_on = day
        self.move(CaseState.UNDER_CORRECTION, now)

    def check_team(self) -> None:
        """Refuse a team without members, a woman's without a woman, a minor's without a specialist.

        LCC 25; LCC 52 for minors.
        """
        if not self.team:
            raise Refused("A correction team is set up first (LCC 25).", field="team")
        if self.person.sex is Sex.FEMALE and all(m.sex is not Sex.FEMALE for m in self.team):
            raise Refused("A woman's correction team must contain a woman (LCC 25).", field="team")
        if self.minor and all(m.part != SPECIALIST for m in self.team):
            raise Refused(
                "A minor's correction team must contain somebody who knows young people (LCC 52).",
                field="team",
            )


def supervised_on(day: date) -> ColumnElement[bool]:
    """Case.supervised_at in SQL, for a legal day."""
    return and_(Case.state.not_in(SUSPENDING), Case.term_end >= day)


class TeamMember(Base):
    """A member of a 矫正小组: officer, neighbour, relative, employer, volunteer."""

    __tablename__ = "team_member"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    name: Mapped[str]
    sex: Mapped[Sex] = mapped_column(words(Sex))
    part: Mapped[str] = mapped_column(String(64), doc="officer, family, neighbour, volunteer …")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)

    case: Mapped[Case] = relationship(back_populates="team")
