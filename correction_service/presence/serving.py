"""Whether people could check in at all: by the web processes' own record, and what a gap excuses.

Every web process writes that it answers. Where no process did, nobody could check in: what was
missed or late for that is ours. The record sees processes and the database, and not a proxy, a line
or a certificate that failed before them.
"""

import tomllib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from correction_service.presence.checkin_evidence import Basis
from models.checkin import CheckInDuty
from models.serving import ServingSpan

STALE = timedelta(minutes=1)  # three beats: whoever is silent longer may be down


class Gap(NamedTuple):
    """A time in which nobody could check in; one that lasts ends now."""

    since: datetime
    until: datetime

    def shared(self, opens: datetime, closes: datetime) -> timedelta:
        """How much of a window it took."""
        return max(min(self.until, closes) - max(self.since, opens), timedelta(0))


@cache
def bases() -> dict[str, Basis]:
    """Read `serving.toml`: each figure and why it is so."""
    text = resources.files(__package__).joinpath("serving.toml").read_text(encoding="utf-8")
    return {name: Basis(**row) for name, row in tomllib.loads(text).items()}


def _minutes(name: str) -> timedelta:
    return timedelta(minutes=bases()[name].value)


def beat(session: Session, server: str, now: datetime) -> None:
    """Write that a process answers; after a gap of its own it begins a new span."""
    going_on = (
        update(ServingSpan)
        .where(ServingSpan.server == server, ServingSpan.until >= now - STALE)
        .values(until=now)
        .returning(ServingSpan.since)
    )
    options = {"synchronize_session": False}
    if session.scalars(going_on, execution_options=options).first() is None:
        session.execute(insert(ServingSpan), [{"server": server, "since": now, "until": now}])


def doubtful(session: Session, now: datetime) -> bool:
    """Whether nobody answers just now, and not for long enough to know what that is."""
    last = session.scalar(select(func.max(ServingSpan.until)))
    return last is not None and STALE < now - last < _minutes("least_minutes")


def gaps(session: Session, since: datetime, now: datetime) -> list[Gap]:
    """Return the gaps that count and end after `since`, whole; of before the first span none."""
    earlier = select(func.max(ServingSpan.until)).where(ServingSpan.until < since)
    answered = session.scalar(earlier) or session.scalar(select(func.min(ServingSpan.since)))
    if answered is None:
        return []
    later = select(ServingSpan.since, ServingSpan.until).where(ServingSpan.until >= since)
    found = []
    for begins, ends in session.execute(later.order_by(ServingSpan.since)):
        found.append(Gap(answered, begins))
        answered = max(answered, ends)
    found.append(Gap(answered, now))
    least = _minutes("least_minutes")
    return [gap for gap in found if gap.until > since and gap.until - gap.since >= least]


def excuse(found: Sequence[Gap], opens: datetime, closes: datetime) -> Gap | None:
    """Return the gap that may have kept somebody from a window: over its end, or much of it."""
    within = [gap for gap in found if gap.since < closes and gap.until > opens]
    over_the_end = [gap for gap in within if gap.until > closes - _minutes("end_minutes")]
    if over_the_end:
        return over_the_end[-1]
    lost = sum((gap.shared(opens, closes) for gap in within), timedelta(0))
    if within and lost >= bases()["share"].value * (closes - opens):
        return max(within, key=lambda gap: gap.shared(opens, closes))
    return None


def kept_from(duty: CheckInDuty, found: Sequence[Gap]) -> Gap | None:
    """Return the gap that excuses a duty not met: in its window, or in the time for coming late."""
    if duty.opens_at is None or duty.closes_at is None or duty.missed_after is None:
        return None
    ends = (duty.closes_at, duty.missed_after)
    return next(filter(None, (excuse(found, duty.opens_at, end) for end in ends)), None)


def of_duties(
    session: Session, asked: Sequence[CheckInDuty], now: datetime
) -> dict[int, Gap | None]:
    """Return by id the gap that excuses each duty, if one does: shown whatever became of it."""
    opened = [duty.opens_at for duty in asked if duty.opens_at is not None]
    found = gaps(session, min(opened), now) if opened else []
    return {duty.id: kept_from(duty, found) for duty in asked}


def on_time(session: Session, duty: CheckInDuty, at: datetime) -> datetime:
    """Return as of when a check-in begun at `at` answers a duty: in time, where we were down."""
    opens, closes = duty.opens_at, duty.closes_at
    if opens is None or closes is None or at <= closes:
        return at
    return closes if excuse(gaps(session, opens, at), opens, closes) else at
