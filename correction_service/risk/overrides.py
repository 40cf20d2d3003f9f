"""An officer's own word about a case in place of the machine's, with its reason and its end."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import outbox
from models.case import Case
from models.risk import RiskOverride
from models.risk_score import Band
from models.user import User


def set_band(
    session: Session,
    by: User,
    case: Case,
    now: datetime,
    *,
    band: Band | None,
    until: date,
    reason: str,
) -> RiskOverride:
    """Let an officer's band stand until a day; without a band the machine's stands again.

    `Invalid` without a reason, or for longer than `models.risk.OVERRIDE_DAYS`.
    """
    word = RiskOverride.of(case.id, by.id, now, band=band, until=until, reason=reason)
    session.add(word)
    session.flush()
    outbox.live(session, case, "risk_override", word.id, now)
    return word


def said(session: Session, case_id: int) -> list[tuple[RiskOverride, User]]:
    """Every word about a case with who said it, the latest first."""
    query = select(RiskOverride, User).join(User, User.id == RiskOverride.by)
    mine = query.where(RiskOverride.case_id == case_id).order_by(RiskOverride.id.desc())
    return [(row.RiskOverride, row.User) for row in session.execute(mine)]
