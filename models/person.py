"""社区矫正对象: the supervised person; what is secret is sealed under their own key."""

import hashlib
import secrets
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.errors import Refused
from models.identity import IdKind, Sex, birth_date, normalise, sex_of
from models.keys import KEY_BYTES, KeyRing, seal, unseal

if TYPE_CHECKING:
    from models.case import Case

SEALED_FIELDS = frozenset({"id_number", "phone", "address"})


def id_index(ring: KeyRing, kind: IdKind, number: str) -> bytes:
    """Return the blind index of a document number; `Invalid` when it cannot be one."""
    return ring.blind("person.id_number", f"{kind}:{normalise(kind, number)}")


def phone_index(ring: KeyRing, phone: str) -> bytes:
    """Return the blind index of a phone number as it is stored."""
    return ring.blind("person.phone", phone)


class Person(Base):
    """One human being; a second sentence is a second case of the same person."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sex: Mapped[Sex] = mapped_column(words(Sex))
    born_on: Mapped[date | None]
    id_kind: Mapped[IdKind] = mapped_column(words(IdKind))
    id_index: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, doc="blind index")
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary, doc="empty after erasure")
    id_number_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]

    cases: Mapped[list["Case"]] = relationship(back_populates="person")

    @classmethod
    def enrol(
        cls,
        ring: KeyRing,
        now: datetime,
        *,
        name: str,
        id_kind: IdKind,
        id_number: str,
        sex: Sex | None = None,
        born_on: date | None = None,
    ) -> "Person":
        """Make a person with a fresh data key; a resident ID gives sex and birth by itself."""
        number = normalise(id_kind, id_number)
        if id_kind is IdKind.RESIDENT:
            sex, born_on = sex_of(number), birth_date(number)
        if sex is None:
            raise Refused("Without a resident ID the sex is entered by hand.", field="sex")
        person = cls(
            id=uuid4(),
            name=name.strip(),
            sex=sex,
            born_on=born_on,
            id_kind=id_kind,
            created_at=now,
        )
        place = person._place("wrapped_key")
        person.wrapped_key = ring.wrap(secrets.token_bytes(KEY_BYTES), place)
        person.put(ring, "id_number", number)
        person.id_index = id_index(ring, id_kind, number)
        return person

    def _place(self, column: str) -> str:
        return f"person.{column}.{self.id}"

    def data_key(self, ring: KeyRing) -> bytes:
        """Return the key that seals everything of this person; refused after erasure."""
        if self.wrapped_key is None:
            raise Refused("This person's data was erased when its retention ended.", code="erased")
        return ring.unwrap(self.wrapped_key, self._place("wrapped_key"))

    def rewrap(self, ring: KeyRing) -> None:
        """Wrap the data key under the ring's key in use (key rotation)."""
        self.wrapped_key = ring.wrap(self.data_key(ring), self._place("wrapped_key"))

    @property
    def erased(self) -> bool:
        """Whether the data key was destroyed: only an id is left."""
        return self.wrapped_key is None

    def erase(self) -> None:
        """Destroy the data key and what names the person; nothing opens any more, even in a log.

        Sex and kind of document stay for counts. Where a column may not be empty it says nothing:
        an index of the random id.
        """
        self.wrapped_key = self.phone_index = self.phone_sealed = self.address_sealed = None
        self.name, self.born_on, self.id_number_sealed = "", None, b""
        self.id_index = hashlib.sha256(self.id.bytes).digest()

    def put(self, ring: KeyRing, column: str, value: str | None) -> None:
        """Seal one of `SEALED_FIELDS`."""
        if column not in SEALED_FIELDS:
            raise KeyError(column)
        sealed = value and seal(self.data_key(ring), value.encode(), self._place(column))
        setattr(self, f"{column}_sealed", sealed or None)
        if column == "phone":
            self.phone_index = phone_index(ring, value) if value else None

    def reveal(self, ring: KeyRing, column: str) -> str | None:
        """Open one of `SEALED_FIELDS`. The caller logs that someone looked."""
        if column not in SEALED_FIELDS:
            raise KeyError(column)
        sealed: bytes | None = getattr(self, f"{column}_sealed")
        if sealed is None:
            return None
        return unseal(self.data_key(ring), sealed, self._place(column)).decode()

    def minor_on(self, day: date) -> bool:
        """Whether the person was under eighteen on `day` (LCC 52: at the start of correction)."""
        if self.born_on is None:
            return False
        before = (day.month, day.day) < (self.born_on.month, self.born_on.day)
        return day.year - self.born_on.year - before < 18  # noqa: PLR2004 - majority, Civil Code 17
