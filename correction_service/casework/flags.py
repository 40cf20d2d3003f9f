"""What an officer does with a flag."""

from datetime import datetime

from sqlalchemy.orm import Session

from correction_service import outbox
from models.risk import RiskFlag


def handle(session: Session, flag: RiskFlag, by: int, note: str, now: datetime) -> None:
    """Put a flag away with a note of what was found; refused when it is no longer open."""
    session.refresh(flag, with_for_update=True)
    flag.handle(by, now, note)
    session.flush()
    outbox.live(session, flag.case, "flag", flag.id, now)
