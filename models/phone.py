"""A person's way into the phone page: an activation code from the officer, then a PIN."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.person import Person

ACTIVATION_FOR = timedelta(hours=72)
PIN_TRIES = 5
PIN_LOCK = timedelta(minutes=15)


class PhoneAccess(Base):
    """One a person. Shared phones are allowed: the page asks for the PIN each time."""

    __tablename__ = "phone_access"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    activation_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    activation_expires: Mapped[datetime | None]
    pin_hash: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    shared: Mapped[bool] = mapped_column(default=False)
    no_smartphone: Mapped[bool] = mapped_column(default=False)
    session_epoch: Mapped[int] = mapped_column(default=0, doc="raised to end every open session")

    person: Mapped[Person] = relationship()

    def locked(self, now: datetime) -> bool:
        """Whether wrong PINs have closed the page for now; the officer can open it."""
        return self.locked_until is not None and now < self.locked_until

    def pin_failed(self, now: datetime) -> None:
        """Count a wrong PIN; the fifth closes the page for a quarter of an hour."""
        self.failures += 1
        if self.failures >= PIN_TRIES:
            self.failures = 0
            self.locked_until = now + PIN_LOCK

    def pin_succeeded(self) -> None:
        """Forget earlier failures."""
        self.failures = 0
        self.locked_until = None

    def offer(self, activation_index: bytes, now: datetime) -> None:
        """Begin again with a new activation code: first phone, lost phone or forgotten PIN."""
        self.activation_index = activation_index
        self.activation_expires = now + ACTIVATION_FOR
        self.pin_hash = None
        self.session_epoch += 1
        self.pin_succeeded()
