"""Challenges: one permission for one capture, short-lived, of which only a hash is kept.

What is asked of the person is drawn here, when the challenge is issued, so that no picture taken
before can show it; and it is not drawn again for the asking.
"""

import hashlib
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, takewhile
from math import ceil
from operator import attrgetter
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import codes
from correction_service.face import weights
from correction_service.face.actions import Action, draw, possible
from correction_service.settings import Settings
from models.case import Case
from models.checkin import Challenge, CheckIn, Outcome
from models.errors import Refused

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Permit:
    """What the page gets: a token or a receipt to send with, what to ask, and until when."""

    token: str = field(repr=False)
    receipt: str
    actions: tuple[Action, ...]
    expires_at: datetime


def askable() -> tuple[Action, ...]:
    """Return what may be asked here."""
    return possible(weights.listed())


def issue(
    session: Session,
    case: Case,
    now: datetime,
    settings: Settings,
    dice: random.Random | None = None,
) -> Permit:
    """Make a challenge for one attempt of one case; `dice` draws the actions.

    `Refused` names the other ways where too much was drawn within an hour: each draw is one more
    that a film made beforehand may fit.
    """
    session.refresh(case, with_for_update=True)  # two at once do not draw twice
    permit = Permit(
        token=secrets.token_urlsafe(24),
        receipt=codes.new(),
        actions=_standing(session, case, now, settings)
        or _drawn(session, case, now, settings, dice),
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


def _standing(
    session: Session, case: Case, now: datetime, settings: Settings
) -> tuple[Action, ...]:
    """Return what was drawn less than a challenge's life ago and not yet sent; () if nothing was.

    Whoever has a film of the person would otherwise begin anew until the draw fits it. Counted from
    the first of the challenges that share a draw: asking again does not make time for a film.
    """
    life = timedelta(seconds=settings.challenge_seconds)
    lately = (Challenge.case_id == case.id, Challenge.issued_at > now - 2 * life)
    found = session.scalars(select(Challenge).where(*lately).order_by(Challenge.id.desc())).all()
    unsent = takewhile(lambda it: it.sent_at is None and it.used_at is None, found)
    same = list(takewhile(lambda it: it.actions == found[0].actions, unsent))
    if not same or same[-1].issued_at <= now - life:
        return ()
    return tuple(Action(action) for action in same[0].actions)


def _drawn(
    session: Session, case: Case, now: datetime, settings: Settings, dice: random.Random | None
) -> tuple[Action, ...]:
    most = settings.draws_an_hour
    earlier = draws(session, case.id, now - HOUR, now)
    if len(earlier) >= most:
        left = earlier[-most] + HOUR - now
        raise Refused(
            "This was tried many times within an hour. Check in another way, which counts the same,"
            " or try again in %(minutes)d min.",
            code="drawn_often",
            minutes=ceil(left / timedelta(minutes=1)),
        )
    return draw(askable(), rng=dice)


def draws(session: Session, case_id: int, after: datetime, until: datetime) -> Sequence[datetime]:
    """Return when each draw after `after` was last asked, oldest first.

    Asking the same again is no draw, whether pictures came of it or not; nor is one that ended in
    a fault of ours.
    """
    asked = (
        select(Challenge.issued_at, Challenge.actions, CheckIn.outcome)
        .outerjoin(CheckIn, CheckIn.id == Challenge.checkin_id)
        .where(Challenge.case_id == case_id)
        .where(Challenge.issued_at > after, Challenge.issued_at <= until)
        .order_by(Challenge.id)
    )
    same = groupby(session.execute(asked), key=attrgetter("actions"))
    runs = [[*run] for _, run in same]
    return [run[-1].issued_at for run in runs if all(it.outcome != Outcome.FAULT for it in run)]


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
