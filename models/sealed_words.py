"""What a person writes and what is answered, sealed under their key, so that it goes with it."""

from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.case import Case
from models.keys import KeyRing, seal, unseal

SEALED = frozenset({"text", "answer"})


class SealedWords:
    """Mixed into a table with an `id` and the `case` of the person whose words they are."""

    __tablename__: Any
    id: Mapped[int]
    case: Mapped[Case]

    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    answer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    def put(self, ring: KeyRing, column: str, value: str) -> None:
        """Seal one of `SEALED`; `id` and `case` are set before."""
        place = self._place(column)
        key = self.case.person.data_key(ring)
        setattr(self, f"{column}_sealed", seal(key, value.encode(), place))

    def reveal(self, ring: KeyRing, column: str) -> str:
        """Open one of `SEALED`, "" where nothing was written. The caller logs who looked."""
        place = self._place(column)
        sealed: bytes | None = getattr(self, f"{column}_sealed")
        if sealed is None:
            return ""
        return unseal(self.case.person.data_key(ring), sealed, place).decode()

    def _place(self, column: str) -> str:
        if column not in SEALED:
            raise KeyError(column)
        return f"{self.__tablename__}.{column}.{self.id}"
