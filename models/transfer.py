"""变更执行地: the move of a case to another agency, until the person has reported in (IM 30–31).

The person's duties go on at the old place until they have reported in at the new one. Where the
new place does not work with this service, the old one enters what its letters say, and the case
ends here as moved away once its receipt says that the person is there.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency, Office
from models.base import Base, words
from models.case import ENDED, LEGAL_ZONE, Case, CaseState
from models.errors import Invalid, Refused


class TransferState(StrEnum):
    """Asked by the person, the new place consulted, decided, file sent, reported in there."""

    ASKED = "asked"
    CONSULTED = "consulted"
    AGREED = "agreed"
    REFUSED = "refused"
    SENT = "sent"
    RECEIVED = "received"
    WITHDRAWN = "withdrawn"


S = TransferState
RUNNING = frozenset({S.ASKED, S.CONSULTED, S.AGREED, S.SENT})
ON_THE_WAY = frozenset({S.AGREED, S.SENT})
_RUNNING = text("state IN ('asked', 'consulted', 'agreed', 'sent')")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter of the other place: its number and its day."""

    number: str
    on: date | None


class Transfer(Base):
    """One move, with both places, what each said and when."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("from_agency_id <> to_agency_id", name="to_another_agency"),
        CheckConstraint("(to_agency_id IS NULL) <> (to_name IS NULL)", name="to_one_place"),
        Index(
            "uq_transfer_running",
            "case_id",
            unique=True,
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"), index=True)
    from_agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    from_office_id: Mapped[int] = mapped_column(ForeignKey("office.id"))
    to_agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"), index=True)
    to_office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    to_name: Mapped[str | None] = mapped_column(String(120), doc="of an agency outside the service")
    to_county: Mapped[str | None] = mapped_column(String(120), doc="its county and prefecture")
    to_address: Mapped[str | None] = mapped_column(
        String(200), doc="where its papers go, or a code"
    )
    state: Mapped[TransferState] = mapped_column(words(TransferState), default=S.ASKED)
    asked_on: Mapped[date]
    moves_on: Mapped[date] = mapped_column(doc="when the person wants to move")
    why: Mapped[str] = mapped_column(String(400), doc="reason and proof, in the person's words")
    asked_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    consult_number: Mapped[str | None] = mapped_column(String(64), doc="of the letter to consult")
    replied_at: Mapped[datetime | None]
    replied_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reply_agrees: Mapped[bool | None]
    reply: Mapped[str | None] = mapped_column(String(400), doc="what the new place says, and why")
    reply_number: Mapped[str | None] = mapped_column(String(64), doc="of the letter from outside")
    reply_on: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decision: Mapped[str | None] = mapped_column(String(400), doc="its reason")
    report_by: Mapped[date | None] = mapped_column(doc="last day to report in at the new place")
    sent_number: Mapped[str | None] = mapped_column(String(64), doc="of the letter with the file")
    sent_on: Mapped[date | None] = mapped_column(doc="by letter to an agency outside")
    reported_on: Mapped[date | None]
    receipt_number: Mapped[str | None] = mapped_column(
        String(64), doc="of the receipt from outside"
    )
    received_at: Mapped[datetime | None]
    received_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    withdrawn_why: Mapped[str | None] = mapped_column(String(400))

    case: Mapped[Case] = relationship()
    from_agency: Mapped[Agency] = relationship(foreign_keys=[from_agency_id])
    to_agency: Mapped[Agency | None] = relationship(foreign_keys=[to_agency_id])
    to_office: Mapped[Office | None] = relationship(foreign_keys=[to_office_id])

    @property
    def outside(self) -> bool:
        """Whether the new place does not work with this service, so that only letters come."""
        return self.to_agency_id is None and self.to_agency is None

    @property
    def place(self) -> str:
        """The name of the agency of the new place."""
        return self.to_agency.name if self.to_agency else f"{self.to_name}（{self.to_county}）"

    @property
    def days_late(self) -> int:
        """How many days after the last one the person reported in: a fact, and no more."""
        if self.reported_on is None or self.report_by is None:
            return 0
        return max((self.reported_on - self.report_by).days, 0)

    def consult(self, number: str) -> None:
        """The old place asks the new one, by letter."""
        self._refuse_unless(S.ASKED)
        self.consult_number = _said(number, "number", "Give the number of the letter.")
        self.state = S.CONSULTED

    def answer(self, by: int, now: datetime, *, agrees: bool, reply: str) -> None:
        """The new place says whether it can take the case, and why."""
        self._refuse_unless(S.CONSULTED)
        if self.replied_at is not None:
            raise Refused("The new place has replied already.")
        self.reply = _said(reply, "note", "Say why.")
        self.replied_at, self.replied_by, self.reply_agrees = now, by, agrees

    def answer_by_letter(
        self, letter: Letter, by: int, now: datetime, *, agrees: bool, reply: str
    ) -> None:
        """What an agency outside says in its letter, which the old place enters."""
        self.answer(by, now, agrees=agrees, reply=reply)
        self.reply_on = self._day(letter.on, self.asked_on, now)
        self.reply_number = _said(letter.number, "number", "Give the number of the letter.")

    def agree(self, by: int, now: datetime, report_by: date, reason: str) -> None:
        """The old place decides for it; the case is on its way, the duties go on."""
        self._refuse_unless(S.CONSULTED)
        if not self.reply_agrees:
            raise Refused("The new place has not agreed.", field="decision")
        self.decision = _said(reason, "note", "The decision gives its reason.")
        self.state, self.decided_by, self.decided_at = S.AGREED, by, now
        self.report_by = report_by
        self.case.move(CaseState.TRANSFERRING, now, self.decision)

    def refuse(self, by: int, now: datetime, reason: str) -> None:
        """The old place decides against it, with the reason."""
        if self.state not in {S.ASKED, S.CONSULTED}:
            raise Refused("This was already decided.", code="already_decided")
        self.decision = _said(reason, "note", "The decision gives its reason.")
        self.state, self.decided_by, self.decided_at = S.REFUSED, by, now

    def send(self, number: str) -> None:
        """The file went to the new place, before the person or after."""
        if self.state not in {S.AGREED, S.RECEIVED} or self.sent_number is not None:
            raise Refused("This step of the move is not next.", code="not_next")
        self.sent_number = _said(number, "number", "Give the number of the letter.")
        if self.state is S.AGREED:
            self.state = S.SENT

    def receive(self, office: Office, day: date, by: int, now: datetime) -> None:
        """The person reported in at the new place, whose case it is from now on."""
        self._refuse_arrival()
        if office.agency_id != self.to_agency_id:
            raise Invalid("There is no such office among yours.", field="office")
        self.state, self.to_office_id, self.reported_on = S.RECEIVED, office.id, day
        self.received_at, self.received_by = now, by
        self.case.office_id, self.case.agency_id = office.id, office.agency_id
        if self.case.state is CaseState.TRANSFERRING:
            self.case.move(CaseState.UNDER_CORRECTION, now)

    def send_outside(self, letter: Letter, now: datetime) -> None:
        """The file went to an agency outside, on a day."""
        on = self._day(letter.on, self._decided_on, now)
        self.send(letter.number)
        self.sent_on = on

    def receive_outside(self, receipt: Letter, by: int, now: datetime) -> None:
        """The receipt of an agency outside says that the person is there: here the case ends."""
        self._refuse_arrival()
        day, last = self._day(receipt.on, self._decided_on, now), self.case.term_end
        if day > last:
            raise Invalid(
                "The term ended on %(day)s, before this day: release the person here (LCC 44).",
                field="on",
                day=str(last),
            )
        number = _said(receipt.number, "number", "Give the number of the receipt.")
        self.state, self.reported_on, self.receipt_number = S.RECEIVED, day, number
        self.received_at, self.received_by = now, by
        self.case.move(CaseState.TRANSFERRED, now, f"{self.place} {number}")

    @property
    def _decided_on(self) -> date:
        return self.decided_at.astimezone(LEGAL_ZONE).date() if self.decided_at else self.asked_on

    def _refuse_arrival(self) -> None:
        if self.state not in ON_THE_WAY or self.decided_at is None:
            raise Refused("This move is not agreed.")
        if self.case.state in ENDED:
            raise Refused("The case has ended.", code="case_ended")

    @staticmethod
    def _day(day: date | None, earliest: date, now: datetime) -> date:
        """A day of a letter: neither to come nor before what it follows."""
        if day is None:
            raise Invalid("Choose a day.", field="on")
        if day > now.astimezone(LEGAL_ZONE).date():
            raise Invalid("This day is still to come.", field="on")
        if day < earliest:
            raise Invalid("This day is before %(day)s.", field="on", day=str(earliest))
        return day

    def withdraw(self, by: int, now: datetime, reason: str) -> None:
        """The move does not happen after all; the case stays where it is."""
        if self.state not in RUNNING:
            raise Refused("This move has ended.")
        self.withdrawn_why = _said(reason, "note", "Say why.")
        self.state, self.withdrawn_by, self.withdrawn_at = S.WITHDRAWN, by, now
        if self.case.state is CaseState.TRANSFERRING:
            self.case.move(CaseState.UNDER_CORRECTION, now, self.withdrawn_why)

    def _refuse_unless(self, state: TransferState) -> None:
        if self.state is not state:
            raise Refused("This step of the move is not next.", code="not_next")


def _said(said: str, field: str, otherwise: str) -> str:
    if not said.strip():
        raise Invalid(otherwise, field=field)
    return said.strip()
