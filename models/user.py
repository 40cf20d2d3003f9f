"""People who work here, and what each role may do."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.agency import Agency, Office
from models.base import Base, words

LOCK_AFTER_FAILURES = 8
LOCK_FOR = timedelta(minutes=15)


class Role(StrEnum):
    """Seats at the centre (product.md names what each comes for)."""

    OFFICER = "officer"
    OFFICE_HEAD = "office_head"
    COUNTY_HEAD = "county_head"
    UPPER_AGENCY = "upper_agency"
    PROCURATOR = "procurator"
    VOLUNTEER = "volunteer"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """An act that a route asks for; roles hold sets of them."""

    SEE_CASES = "see_cases"
    ACCOMPANY = "accompany"
    SEE_LOCATION = "see_location"
    SEE_PHOTOS = "see_photos"
    SEE_REVIEWS = "see_reviews"
    ENROL = "enrol"
    SUPERVISE = "supervise"
    CONFIRM_POINTS = "confirm_points"
    APPROVE_ORDERS = "approve_orders"
    DECIDE = "decide"
    DECIDE_LEAVE = "decide_leave"
    CORRECT_SENTENCES = "correct_sentences"
    PROPOSE_DESTRUCTION = "propose_destruction"
    AGREE_DESTRUCTION = "agree_destruction"
    ANSWER_PETITIONS = "answer_petitions"
    SEE_AUDIT = "see_audit"
    SEE_OPINIONS = "see_opinions"
    OVERSEE = "oversee"
    ASSIGN = "assign"
    SEE_QUALITY = "see_quality"
    CHANGE_RULES = "change_rules"
    ADMINISTER = "administer"


P = Permission
_OFFICER = frozenset(
    {
        P.SEE_CASES,
        P.SEE_LOCATION,
        P.SEE_PHOTOS,
        P.SEE_REVIEWS,
        P.ENROL,
        P.SUPERVISE,
        P.CONFIRM_POINTS,
        P.SEE_QUALITY,
    }
)
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OFFICER: _OFFICER,
    Role.OFFICE_HEAD: _OFFICER | {P.ASSIGN, P.DECIDE_LEAVE, P.CORRECT_SENTENCES},
    Role.COUNTY_HEAD: _OFFICER
    | {
        P.ASSIGN,
        P.APPROVE_ORDERS,
        P.DECIDE,
        P.DECIDE_LEAVE,
        P.CORRECT_SENTENCES,
        P.PROPOSE_DESTRUCTION,
        P.AGREE_DESTRUCTION,
        P.ANSWER_PETITIONS,
        P.SEE_AUDIT,
        P.SEE_OPINIONS,
        P.CHANGE_RULES,
    },
    Role.UPPER_AGENCY: frozenset(
        {
            P.SEE_CASES,
            P.DECIDE_LEAVE,
            P.AGREE_DESTRUCTION,
            P.ANSWER_PETITIONS,
            P.SEE_AUDIT,
            P.SEE_OPINIONS,
            P.SEE_QUALITY,
            P.CHANGE_RULES,
        }
    ),
    Role.PROCURATOR: frozenset(
        {
            P.SEE_CASES,
            P.SEE_LOCATION,
            P.SEE_REVIEWS,
            P.ANSWER_PETITIONS,
            P.SEE_AUDIT,
            P.SEE_OPINIONS,
            P.OVERSEE,
            P.SEE_QUALITY,
        }
    ),
    Role.VOLUNTEER: frozenset({P.ACCOMPANY}),
    Role.ADMINISTRATOR: frozenset({P.ADMINISTER, P.SEE_AUDIT}),
}


class User(Base):
    """An account of the console; with an office it sees that office, without it the county."""

    __tablename__ = "user_account"
    is_authenticated: ClassVar[bool] = True  # where a stranger's stand-in says False

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(words(Role))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), index=True)
    office_id: Mapped[int | None] = mapped_column(ForeignKey("office.id"))
    email: Mapped[str | None] = mapped_column(doc="where alerts are sent beside the console")
    password_hash: Mapped[str]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(default=0, doc="raised to end every open session")

    agency: Mapped[Agency] = relationship()
    office: Mapped[Office | None] = relationship()

    def may(self, permission: Permission) -> bool:
        """Whether the role holds `permission`."""
        return self.active and permission in PERMISSIONS[self.role]

    @property
    def of_county(self) -> bool:
        """Whether the account is of no one office and supervises the county's cases itself."""
        return self.office_id is None and self.may(Permission.SUPERVISE)

    def locked(self, now: datetime) -> bool:
        """Whether wrong passwords have closed the account for now."""
        return self.locked_until is not None and now < self.locked_until

    def login_failed(self, now: datetime) -> None:
        """Count a wrong password; the eighth closes the account for a quarter of an hour."""
        self.failures += 1
        if self.failures >= LOCK_AFTER_FAILURES:
            self.failures = 0
            self.locked_until = now + LOCK_FOR

    def login_succeeded(self) -> None:
        """Forget earlier failures."""
        self.failures = 0
        self.locked_until = None
