"""Leave that a person of the tests asks for on the phone, and who decides it."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import leave_answers, leave_requests
from correction_service.casework.leave_requests import Asking, Wish
from correction_service.db import Database
from correction_service.settings import Settings
from models.case import Case
from models.leave import LeaveReason
from models.user import Role, User
from tests.county import NOW, County

DAY = timedelta(days=1)
PDF, JPEG = b"%PDF-1.7 x", b"\xff\xd8\xff\xe0 x"
WISH = Wish(
    reason=LeaveReason.MEDICAL,
    divisions=["520100"],
    starts_at=NOW + 4 * DAY,
    ends_at=NOW + 7 * DAY,
    why="到贵阳复查",
)


def lasting(days: int) -> Wish:
    return replace(WISH, ends_at=WISH.starts_at + days * DAY)


def user(session: Session, county: County, role: Role) -> User:
    return session.get_one(User, county.users[role])


def ask(
    database: Database,
    settings: Settings,
    county: County,
    wish: Wish = WISH,
    files: tuple[bytes, ...] = (),
) -> int:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        return leave_requests.ask(
            session, settings, case, wish, asking=Asking(files=files), now=NOW
        ).id


def approve(database: Database, county: County, request: int, role: Role) -> int:
    with database.transaction(SYSTEM, "test") as session:
        who = user(session, county, role)
        return leave_answers.approve(session, who, request, "外出审批表 9", NOW).id
