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
PIN_TRIES_A_DAY = 20


class PhoneAccess(Base):
    """One a person. Shared phones are allowed: the page asks for the PIN each time."""

    __tablename__ = "phone_access"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    activation_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    activation_expires: Mapped[datetime | None]
    pin_hash: Mapped[str | None]
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    day_failures: Mapped[int] = mapped_column(default=0, doc="wrong PINs since `failing_since`")
    failing_since: Mapped[datetime | None] = mapped_column(doc="the first wrong PIN of 24 hours")
    shared: Mapped[bool] = mapped_column(default=False)
    no_smartphone: Mapped[bool] = mapped_column(default=False)
    session_epoch: Mapped[int] = mapped_column(default=0, doc="raised to end every open session")

    person: Mapped[Person] = relationship()

    def locked(self, now: datetime) -> bool:
        """Whether wrong PINs have closed the page for now; the officer can open it."""
        return self.locked_until is not None and now < self.locked_until

    def pin_failed(self, now: datetime) -> None:
        """Count a wrong PIN: five close the page a while, twenty in a day until an officer acts."""
        if self.failing_since is None or now - self.failing_since > timedelta(days=1):
            self.failing_since, self.day_failures = now, 0
        self.failures += 1
        self.day_failures += 1
        if self.day_failures >= PIN_TRIES_A_DAY:
            self.close()
        if self.failures >= PIN_TRIES:
            self.failures = 0
            self.locked_until = now + PIN_LOCK

    def close(self) -> None:
        """Forget the PIN and end every session: only a new activation code opens the page."""
        self.pin_hash = None
        self.activation_index = self.activation_expires = None
        self.session_epoch += 1

    def pin_succeeded(self) -> None:
        """Forget the failures in a row; those of the day stay counted."""
        self.failures = 0
        self.locked_until = None

    def offer(self, activation_index: bytes, now: datetime) -> None:
        """Begin again with a new activation code: first phone, lost phone or forgotten PIN."""
        self.close()
        self.activation_index = activation_index
        self.activation_expires = now + ACTIVATION_FOR
        self.day_failures, self.failing_since = 0, None
        self.pin_succeeded()

    def activate(self, pin_hash: str) -> None:
        """Spend the activation code for a PIN."""
        self.activation_index = self.activation_expires = None
        self.pin_hash = pin_hash
