"""Challenges: one permission for one capture, short-lived, of which only a hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.settings import Settings
from models.checkin import Challenge
from models.errors import Refused


@dataclass(frozen=True)
class Permit:
    """What the page gets: a token to send with the capture, and until when."""

    token: str = field(repr=False)
    expires_at: datetime


def issue(session: Session, person_id: UUID, now: datetime, settings: Settings) -> Permit:
    """Make a challenge for one attempt of one person."""
    token = secrets.token_urlsafe(24)
    expires_at = now + timedelta(seconds=settings.challenge_seconds)
    session.add(
        Challenge(
            person_id=person_id, token_hash=_hash(token), issued_at=now, expires_at=expires_at
        )
    )
    session.flush()
    return Permit(token, expires_at)


def find(session: Session, person_id: UUID, token: str) -> Challenge:
    """Return the person's challenge; one of somebody else's is unknown here."""
    known = select(Challenge).where(
        Challenge.token_hash == _hash(token), Challenge.person_id == person_id
    )
    challenge = session.scalar(known)
    if challenge is None:
        raise Refused("This attempt is not known. Start again.", code="challenge_unknown")
    return challenge


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
