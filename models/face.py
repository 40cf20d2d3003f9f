"""Face templates: numbers and not photos, sealed under the person's key, versioned by model.

And how often the comparison with them was found to err, on sets of photos and never on a person.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base, words
from models.keys import KeyRing, seal, unseal
from models.person import Person


class FaceTemplate(Base):
    """What a person's face was at enrolment; at most one a person is in use."""

    __tablename__ = "face_template"
    __table_args__ = (
        Index(
            "uq_face_template_in_use",
            "person_id",
            unique=True,
            sqlite_where=text("retired_at IS NULL"),
            postgresql_where=text("retired_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    model_version: Mapped[str] = mapped_column(String(64))
    photos: Mapped[int] = mapped_column(doc="how many photos the mean is of")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, doc="empty once retired")
    enrolled_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    enrolled_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship()

    def put(self, ring: KeyRing, vector: bytes) -> None:
        """Seal the template's bytes; `person` and `id` are set before."""
        self.sealed = seal(self.person.data_key(ring), vector, f"face_template.sealed.{self.id}")

    def reveal(self, ring: KeyRing) -> bytes:
        """Open the template's bytes."""
        return unseal(
            self.person.data_key(ring), self.sealed or b"", f"face_template.sealed.{self.id}"
        )

    def retire(self, now: datetime) -> None:
        """Take out of use and forget the numbers (withdrawal, release, re-enrolment)."""
        self.retired_at = now
        self.sealed = None


class StoredPhoto(Base):
    """An encrypted file under the data folder, named by its digest; deleted when its time ends."""

    __tablename__ = "stored_photo"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), doc="SHA-256 of the sealed file, its name")
    purpose: Mapped[str] = mapped_column(String(16), doc="enrolment or checkin")
    taken_at: Mapped[datetime]
    delete_after: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class ErrorRate(StrEnum):
    """What was counted (ISO/IEC 19795-1 and 30107-3)."""

    FMR = "fmr"  # strangers taken for the person
    FNMR = "fnmr"  # the person taken for a stranger
    APCER = "apcer"  # attacks taken for a living face
    BPCER = "bpcer"  # living faces taken for an attack


class Compared(StrEnum):
    """What was tried on what."""

    PAIR = "pair"  # two photos
    TEMPLATE = "template"  # a template of several photos and one photo
    PRESENTATION = "presentation"  # pictures alone, for which nothing was asked


class FaceMeasurement(AppendOnly, Base):
    """One error rate of the face check, as measured on a named set."""

    __tablename__ = "face_measurement"
    __table_args__ = (
        CheckConstraint("trials > 0 AND errors BETWEEN 0 AND trials", name="errors_of_trials"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    measured_at: Mapped[datetime]
    kind: Mapped[ErrorRate] = mapped_column(words(ErrorRate))
    compared: Mapped[Compared] = mapped_column(words(Compared))
    errors: Mapped[int]
    trials: Mapped[int]
    low: Mapped[float] = mapped_column(doc="lower end of the 95 % interval of the rate")
    high: Mapped[float] = mapped_column(doc="upper end")
    people: Mapped[int | None] = mapped_column(doc="who took part, where that is known")
    untold: Mapped[int | None] = mapped_column(
        doc="trials without an answer, no error of either kind (non-response, ISO/IEC 30107-3)"
    )
    threshold: Mapped[float | None]
    model_version: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(200), doc="name of the set")
    recorded_by: Mapped[str] = mapped_column(String(64), doc="account's login, or shell")

    @property
    def rate(self) -> float:
        """The share of errors."""
        return self.errors / self.trials
