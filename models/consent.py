"""Separate consent to the face check: given, withdrawn.

人脸识别技术应用安全管理办法 art. 8; PIPL 29.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import AppendOnly, Base, words


class ConsentPurpose(StrEnum):
    """What is consented to, each apart."""

    FACE_CHECK = "face_check"


class Consent(AppendOnly, Base):
    """One act of giving or withdrawing; the latest by `id` is in force. Refusing costs nothing."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_person_id_purpose", "person_id", "purpose"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    purpose: Mapped[ConsentPurpose] = mapped_column(words(ConsentPurpose))
    given: Mapped[bool]
    text_version: Mapped[str] = mapped_column(String(32), doc="which wording was shown")
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]
