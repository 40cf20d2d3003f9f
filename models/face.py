"""Face templates: numbers and not photos, sealed under the person's key, versioned by model."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
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
