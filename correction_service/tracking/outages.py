"""Dead-man alarm: nothing of any bracelet arrives. A fault of the system, never a person's.

While it lasts and a while after, no silence counts against anyone. One bracelet alone whose way
is open is no outage: that is its own silence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from correction_service.casework import findings
from correction_service.messages import alerts
from correction_service.messages.alerts import Alert
from correction_service.settings import Settings
from correction_service.tracking import ingest_minutes
from models.telemetry import GRACE, Outage, OutageCause, listening_since

USUAL_GAPS = 10  # a quiet this many times as long as between two readings is no chance
CROWD = 2
LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Quiet:
    """Nothing was heard since, though `bracelets` should be; why, as far as can be seen."""

    since: datetime
    bracelets: int
    cause: OutageCause

    @property
    def ours(self) -> bool:
        """Whether this is an outage and not the silence of one bracelet."""
        return self.bracelets >= CROWD or (
            self.bracelets > 0 and self.cause is not OutageCause.UNKNOWN
        )


def watch(session: Session, now: datetime, settings: Settings) -> Outage | None:
    """Open, keep or end the outage of this moment; return the one that lasts."""
    quiet = _quiet(session, now, settings)
    if quiet is not None and not quiet.ours:
        quiet = None
    outage = current(session)
    if outage is not None and (quiet is None or quiet.since > outage.since):
        outage.ended_at = now
        alerts.tell_outage(session, Alert.OUTAGE_OVER, outage, now, settings)
        outage = None
    if quiet is None:
        return None
    if outage is None:
        outage = _opened(session, quiet, now)
        alerts.tell_outage(session, Alert.OUTAGE, outage, now, settings)
    outage.cause, outage.bracelets = quiet.cause, quiet.bracelets
    session.flush()
    return outage


def _opened(session: Session, quiet: Quiet, now: datetime) -> Outage:
    """Open an outage, or again the one of the same quiet whose cause had gone for a while."""
    same = session.scalars(select(Outage).where(Outage.since == quiet.since)).first()
    outage = same or Outage(since=quiet.since, opened_at=now)
    outage.ended_at = None
    outage.cause, outage.bracelets = quiet.cause, quiet.bracelets
    session.add(outage)
    session.flush()
    return outage


def current(session: Session) -> Outage | None:
    """Return the outage that lasts, if there is one."""
    return session.scalars(select(Outage).where(Outage.ended_at.is_(None))).first()


def over_lately(session: Session, now: datetime) -> Outage | None:
    """Return the outage after which silences do not count yet, if there is one."""
    over = select(Outage).where(Outage.ended_at > now - GRACE).order_by(Outage.ended_at.desc())
    return session.scalars(over).first()


def deaf(session: Session, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the times (from, to) of late in which no silence counted, some grace included."""
    lately = or_(Outage.ended_at.is_(None), Outage.ended_at > now - LOOK_BACK)
    found = session.execute(select(Outage.since, Outage.ended_at).where(lately))
    return [(it.since, min(it.ended_at + GRACE, now) if it.ended_at else now) for it in found]


def silent_since(session: Session, now: datetime, settings: Settings) -> datetime:
    """Return the moment before which a bracelet heard last is silent."""
    span = timedelta(minutes=settings.silent_minutes)
    return listening_since(now, span, deaf(session, now))


def _quiet(session: Session, now: datetime, settings: Settings) -> Quiet | None:
    """Say since when nothing is heard, or None: something is, or nothing is to be heard."""
    least = timedelta(minutes=settings.feed_silent_minutes)
    longest = max(least, timedelta(minutes=settings.silent_minutes))
    committed_at = ingest_minutes.last_commit(session)
    if committed_at is not None and now - committed_at < least:
        return None
    worn = findings.worn_rows(now - least, now).subquery()
    latest = select(func.max(worn.c.heard_at), func.min(worn.c.bound_at))
    heard_at, bound_at = session.execute(latest).one()
    if bound_at is None:
        return None
    since = max(it for it in (committed_at, heard_at, bound_at) if it is not None)
    usual = USUAL_GAPS * ingest_minutes.usual_gap(session, since, timedelta(hours=1))
    if now - since < min(max(least, usual), longest):
        return None
    expected = or_(worn.c.heard_at >= since - longest, worn.c.bound_at >= since - longest)
    online = select(func.count(), func.count().filter(worn.c.gateway_online.is_not(False)))
    bracelets, reachable = session.execute(online.where(expected)).one()
    return Quiet(since, bracelets, _cause(session, now, reachable))


def _cause(session: Session, now: datetime, reachable: int) -> OutageCause:
    ingesters = ingest_minutes.alive(session, now)
    if not ingesters:
        return OutageCause.INGEST_DOWN
    if not any(it.connected for it in ingesters):
        return OutageCause.BROKER_AWAY
    return OutageCause.UNKNOWN if reachable else OutageCause.GATEWAYS_OFFLINE
