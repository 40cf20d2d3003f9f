"""奖惩: a reward, penalty or proposal from its facts to its service; a person decides every step.

Points, levels and scores are no fact here: the closed list of facts does not have them (LCC 28).
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    case,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import ENDED, Case, Category, EndedAs
from models.errors import Invalid, Refused


class MeasureKind(StrEnum):
    """The rungs of the ladder (domain of LCC 28, 46 to 49)."""

    COMMENDATION = "commendation"
    ADMONITION = "admonition"
    WARNING = "warning"
    PUBLIC_SECURITY = "public_security"
    REVOKE_SUSPENSION = "revoke_suspension"
    REVOKE_PAROLE = "revoke_parole"
    RECOMMITMENT = "recommitment"


K = MeasureKind
# What an end of supervision is proposed for; public surveillance cannot be revoked at all.
ENDS = {
    K.REVOKE_SUSPENSION: Category.SUSPENDED_SENTENCE,
    K.REVOKE_PAROLE: Category.PAROLE,
    K.RECOMMITMENT: Category.OUTSIDE_PRISON,
}
PROPOSALS = frozenset({*ENDS, K.PUBLIC_SECURITY})  # others decide; the agency proposes


class MeasureState(StrEnum):
    """Prepared, decided by the county or not, and for a proposal what the authority said."""

    PREPARED = "prepared"
    DECIDED = "decided"
    REFUSED = "refused"
    GRANTED = "granted"
    DENIED = "denied"


S = MeasureState
OVER = frozenset({S.REFUSED, S.DENIED})


class FactKind(StrEnum):
    """What a measure may rest on: rows of the file, or a document by its number."""

    DUTY = "duty"
    CHECKIN = "checkin"
    INCIDENT = "incident"
    LEAVE = "leave"
    MEASURE = "measure"
    ATTENDANCE = "attendance"
    DOCUMENT = "document"


class Measure(Base):
    """One measure, prepared by one officer and decided by another."""

    __tablename__ = "measure"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> prepared_by", name="two_people"),
        Index("ix_measure_case_id_kind", "case_id", "kind"),
        Index("ix_measure_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[MeasureKind] = mapped_column(words(MeasureKind))
    limb: Mapped[str] = mapped_column(String(32), doc="which of the rung's facts, by its code")
    law: Mapped[str] = mapped_column(String(64), doc="the article beside it, with its mark")
    found: Mapped[str] = mapped_column(String(4000), doc="the facts, as the officer found them")
    days: Mapped[int | None] = mapped_column(doc="days late or out of supervision, as found")
    unchanged: Mapped[str | None] = mapped_column(
        String(2000), doc="why there was no change (仍不改正): a person's finding, never a count"
    )
    happened_on: Mapped[date]
    prepared_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    prepared_at: Mapped[datetime]
    statement: Mapped[str | None] = mapped_column(
        String(4000), doc="what the person says to it, or that they say nothing"
    )
    heard_at: Mapped[datetime | None]
    heard_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    guardian: Mapped[str | None] = mapped_column(String(400), doc="who was called for a minor, how")
    state: Mapped[MeasureState] = mapped_column(words(MeasureState), default=S.PREPARED)
    number: Mapped[str | None] = mapped_column(String(64), doc="of the decision or proposal")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(String(2000))
    outcome_at: Mapped[datetime | None] = mapped_column(doc="when the police or court said so")
    outcome: Mapped[str | None] = mapped_column(String(400), doc="their decision by its number")
    served_at: Mapped[datetime | None]
    served_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    served_how: Mapped[str | None] = mapped_column(String(400))
    copied_at: Mapped[datetime | None] = mapped_column(doc="to the procuratorate (IM 32)")
    copied_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    copy_number: Mapped[str | None] = mapped_column(String(64))

    case: Mapped[Case] = relationship()
    facts: Mapped[list["MeasureFact"]] = relationship(
        back_populates="measure", cascade="all, delete-orphan"
    )

    @classmethod
    def prepare(cls, case: Case, kind: MeasureKind, **given: object) -> "Measure":
        """Begin the file of a measure, or refuse one that the law does not have for this person."""
        if case.state in ENDED:
            raise Refused("The case has ended.", code="case_ended")
        if kind in ENDS and case.category is Category.PUBLIC_SURVEILLANCE:
            raise Refused("Public surveillance cannot be revoked.", field="kind")
        if kind in ENDS and case.category is not ENDS[kind]:
            raise Refused("This proposal is for another category of sentence.", field="kind")
        return cls(case=case, kind=kind, state=S.PREPARED, **given)

    @property
    def in_force(self) -> bool:
        """Whether it counts: decided by the county, or granted where others decide."""
        return self.state is (S.GRANTED if self.kind in PROPOSALS else S.DECIDED)

    def hear(self, statement: str, by: int, now: datetime) -> None:
        """Write down what the person says; that they say nothing is written down too."""
        self._refuse_unless(S.PREPARED)
        if not statement.strip():
            raise Invalid("Write what the person says, or that they say nothing.", field="note")
        self.statement, self.heard_by, self.heard_at = statement.strip(), by, now

    def call_guardian(self, who: str) -> None:
        """Write down that the guardian of a minor was called (LCC 53, 54)."""
        self._refuse_unless(S.PREPARED)
        if not who.strip():
            raise Invalid("Say who was called, and how.", field="note")
        self.guardian = who.strip()

    def decide(self, by: int, now: datetime, *, agreed: bool, number: str, reason: str) -> None:
        """A second person decides, once the person was heard and a minor's guardian called."""
        self._refuse_unless(S.PREPARED)
        if by == self.prepared_by:
            raise Refused("Somebody other than who prepared it decides.", code="own_measure")
        if not reason.strip():
            raise Invalid("The decision gives its reason.", field="note")
        if agreed:
            self._refuse_after_death()
            self._refuse_unheard()
            if not number.strip():
                raise Invalid("Give the number of the document.", field="number")
        self.state = S.DECIDED if agreed else S.REFUSED
        self.number = number.strip() or None
        self.decided_by, self.decided_at, self.decision = by, now, reason.strip()

    def _refuse_after_death(self) -> None:
        if self.case.ended_as is EndedAs.DEATH and self.kind is not K.COMMENDATION:
            raise Refused("Nobody is penalised after their death.")

    def _refuse_unheard(self) -> None:
        if self.kind is not K.COMMENDATION and self.statement is None:
            raise Refused("The person is heard first.", field="statement")
        if self.case.minor and self.kind is not K.COMMENDATION and self.guardian is None:
            raise Refused("The guardian of a minor is called first (LCC 53).", field="guardian")

    def answered(self, now: datetime, *, granted: bool, outcome: str) -> None:
        """Write down what the police or the court decided on a proposal."""
        if self.kind not in PROPOSALS:
            raise Refused("The county itself decides this.")
        self._refuse_unless(S.DECIDED)
        if not outcome.strip():
            raise Invalid("Give the number of the document.", field="note")
        self.state = S.GRANTED if granted else S.DENIED
        self.outcome_at, self.outcome = now, outcome.strip()

    def serve(self, by: int, now: datetime, how: str) -> None:
        """Write down that the decision was handed to the person, and how."""
        self._refuse_undecided()
        if self.served_at is not None:
            raise Refused("This decision was already served.")
        if not how.strip():
            raise Invalid("Say how it was handed over.", field="note")
        self.served_at, self.served_by, self.served_how = now, by, how.strip()

    def copy(self, by: int, now: datetime, number: str) -> None:
        """Write down that the procuratorate has its copy, by the letter's number."""
        self._refuse_undecided()
        if self.copied_at is not None:
            raise Refused("The procuratorate already has its copy.")
        if not number.strip():
            raise Invalid("Give the number of the letter.", field="note")
        self.copied_at, self.copied_by, self.copy_number = now, by, number.strip()

    def _refuse_undecided(self) -> None:
        if self.state in {S.PREPARED, S.REFUSED}:
            raise Refused("This is not decided.")

    def _refuse_unless(self, state: MeasureState) -> None:
        if self.state is not state:
            raise Refused("This was already decided.", code="already_decided")


def in_force() -> ColumnElement[bool]:
    """Measure.in_force in SQL."""
    return Measure.state == case((Measure.kind.in_(PROPOSALS), S.GRANTED), else_=S.DECIDED)


class MeasureFact(Base):
    """One fact under a measure: a row of the file by its id, or a document by its number."""

    __tablename__ = "measure_fact"
    __table_args__ = (
        UniqueConstraint("measure_id", "kind", "reference"),
        Index("ix_measure_fact_kind_reference", "kind", "reference"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    measure_id: Mapped[int] = mapped_column(ForeignKey("measure.id"))
    kind: Mapped[FactKind] = mapped_column(words(FactKind))
    reference: Mapped[str] = mapped_column(String(64))

    measure: Mapped[Measure] = relationship(back_populates="facts")

    @property
    def key(self) -> str:
        """What drafts of points call the same fact: duty:17."""
        return f"{self.kind.value}:{self.reference}"
