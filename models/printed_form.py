"""文书: forms that were printed, each with its number, sealed as it went out."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.case import Case
from models.keys import KeyRing, seal, unseal


class FormKind(StrEnum):
    """The forms that an office prints (domain names in the glossary)."""

    NOTIFICATION = "notification"
    ANNOUNCEMENT = "announcement"
    TEAM_COMMITMENT = "team_commitment"
    PLAN = "plan"
    LEAVE_APPROVAL = "leave_approval"
    REGULAR_TRAVEL_APPROVAL = "regular_travel_approval"
    POSITIONING_APPROVAL = "positioning_approval"
    POSITIONING_DECISION = "positioning_decision"
    POSITIONING_NOTICE = "positioning_notice"
    POSITIONING_END = "positioning_end"
    COMMENDATION_APPROVAL = "commendation_approval"
    COMMENDATION_DECISION = "commendation_decision"
    ADMONITION_APPROVAL = "admonition_approval"
    ADMONITION_DECISION = "admonition_decision"
    WARNING_APPROVAL = "warning_approval"
    WARNING_DECISION = "warning_decision"
    PUBLIC_SECURITY_PROPOSAL = "public_security_proposal"
    SUSPENSION_REVOCATION_PROPOSAL = "suspension_revocation_proposal"
    PAROLE_REVOCATION_PROPOSAL = "parole_revocation_proposal"
    RECOMMITMENT_PROPOSAL = "recommitment_proposal"
    SEARCH_RECORD = "search_record"
    ASSISTED_SEARCH_NOTICE = "assisted_search_notice"
    RELEASE_ANNOUNCEMENT = "release_announcement"
    RELEASE_CERTIFICATE = "release_certificate"


class PrintedForm(AppendOnly, Base):
    """One form as it was printed: never changed; a mistake is mended by printing another.

    The paper is sealed under the person's key, so that it goes when the person's data goes; its
    digest and its number stay.
    """

    __tablename__ = "printed_form"
    __table_args__ = (
        UniqueConstraint("agency_id", "kind", "year", "serial"),
        Index("ix_printed_form_case_id_at", "case_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    kind: Mapped[FormKind] = mapped_column(words(FormKind))
    year: Mapped[int]
    serial: Mapped[int] = mapped_column(doc="counted by agency, kind and year")
    number: Mapped[str] = mapped_column(String(64), doc="as printed: 〔2026〕告字第1号")
    subject_id: Mapped[int | None] = mapped_column(doc="the order or leave that it is about")
    about: Mapped[str | None] = mapped_column(
        String(16), doc="what `subject_id` counts, like a leave or a request for one"
    )
    digest: Mapped[str] = mapped_column(String(64), doc="SHA-256 of the PDF")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]

    case: Mapped[Case] = relationship()

    def put(self, ring: KeyRing, pdf: bytes) -> None:
        """Seal the paper; `id` and `case` are set before."""
        self.sealed = seal(self.case.person.data_key(ring), pdf, self._place)

    def reveal(self, ring: KeyRing) -> bytes:
        """Open the paper; the caller logs that somebody looked."""
        return unseal(self.case.person.data_key(ring), self.sealed, self._place)

    @property
    def _place(self) -> str:
        return f"printed_form.sealed.{self.id}"
