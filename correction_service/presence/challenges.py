"""Challenges: one permission for one capture, short-lived, of which only a hash is kept.

What is asked of the person is drawn here, when the challenge is issued, so that no picture taken
before can show it.
"""

import hashlib
import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import codes
from correction_service.face.actions import Action, draw
from correction_service.settings import Settings
from models.case import Case
from models.checkin import Challenge
from models.errors import Refused


@dataclass(frozen=True)
class Permit:
    """What the page gets: a token or a receipt to send with, what to ask, and until when."""

    token: str = field(repr=False)
    receipt: str
    actions: tuple[Action, ...]
    expires_at: datetime


def issue(
    session: Session,
    case: Case,
    now: datetime,
    settings: Settings,
    dice: random.Random | None = None,
) -> Permit:
    """Make a challenge for one attempt of one case; `dice` draws the actions."""
    permit = Permit(
        token=secrets.token_urlsafe(24),
        receipt=codes.new(),
        actions=draw(rng=dice),
        expires_at=now + timedelta(seconds=settings.challenge_seconds),
    )
    session.add(
        Challenge(
            person_id=case.person_id,
            case_id=case.id,
            receipt=permit.receipt,
            token_hash=_hash(permit.token),
            actions=[action.value for action in permit.actions],
            issued_at=now,
            expires_at=permit.expires_at,
        )
    )
    session.flush()
    return permit


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
