"""The facts that an order to position rests on, each by its id or by its document's number."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import AppendOnly, Base, words
from models.errors import Invalid, Refused


class EvidenceKind(StrEnum):
    """What may be a fact under a ground of LCC 29; no score, no level and no points."""

    INCIDENT = "incident"
    LEAVE = "leave"
    WARNING = "warning"
    PENALTY = "penalty"
    PROPOSAL = "proposal"
    DOCUMENT = "document"


BY_ID = frozenset({EvidenceKind.INCIDENT, EvidenceKind.LEAVE})
# Measures are rows here, or documents where they were decided before this service or elsewhere.
MEASURES = frozenset({EvidenceKind.WARNING, EvidenceKind.PENALTY, EvidenceKind.PROPOSAL})
NO_GROUND = frozenset({"score", "risk", "flag", "level", "category", "points"})


def evidence_kind(name: str) -> EvidenceKind:
    """Read a kind of evidence; what must never be a ground is refused by its name."""
    if name.strip().lower() in NO_GROUND:
        raise Refused(
            "A score, a level or points is no ground: link the facts underneath (LCC 29).",
            field="facts",
            code="no_ground",
        )
    if name not in set(EvidenceKind):
        raise Invalid("Choose what kind of fact this is.", field="facts")
    return EvidenceKind(name)


class OrderEvidence(AppendOnly, Base):
    """One fact under an order."""

    __tablename__ = "order_evidence"
    __table_args__ = (
        CheckConstraint("subject_id IS NOT NULL OR document IS NOT NULL", name="points_at_a_fact"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("positioning_order.id"), index=True)
    kind: Mapped[EvidenceKind] = mapped_column(words(EvidenceKind))
    subject_id: Mapped[int | None] = mapped_column(doc="the incident, leave or measure")
    document: Mapped[str | None] = mapped_column(String(200), doc="number of the document")

    @classmethod
    def of(
        cls, kind: str, subject_id: int | None = None, document: str | None = None
    ) -> "OrderEvidence":
        """Name a fact: an incident or leave by its id, a measure by id or document, all else so."""
        known = evidence_kind(kind)
        number = (document or "").strip()
        if known in BY_ID and subject_id is None:
            raise Invalid("Choose the incident or leave from the file.", field="facts")
        on_file = known in MEASURES and subject_id is not None
        if known not in BY_ID and not number and not on_file:
            raise Invalid("Give the number of the document.", field="facts")
        return cls(kind=known, subject_id=subject_id, document=number or None)
