"""矫正方案: what is aimed at, what is done for it, and when it is looked at again (LCC 24)."""

import json
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import AppendOnly, Base
from models.case import Case
from models.keys import KeyRing, seal, unseal


class Aims(NamedTuple):
    """The words of a plan."""

    goals: str
    measures: str


class CorrectionPlan(AppendOnly, Base):
    """One version of a case's plan; the highest is in force, earlier ones stay as they were.

    The words are sealed under the person's key, so that they go when the person's data goes.
    """

    __tablename__ = "correction_plan"
    __table_args__ = (UniqueConstraint("case_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    version: Mapped[int]
    review_on: Mapped[date]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_by: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]

    case: Mapped[Case] = relationship()

    def put(self, ring: KeyRing, aims: Aims) -> None:
        """Seal the words; `case` and `version` are set before."""
        text = json.dumps(aims._asdict(), ensure_ascii=False).encode()
        self.sealed = seal(self.case.person.data_key(ring), text, self._place)

    def reveal(self, ring: KeyRing) -> Aims:
        """Open the words; the caller logs that somebody looked."""
        return Aims(**json.loads(unseal(self.case.person.data_key(ring), self.sealed, self._place)))

    @property
    def _place(self) -> str:
        return f"correction_plan.sealed.{self.case.id}.{self.version}"
