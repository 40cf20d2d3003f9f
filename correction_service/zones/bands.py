"""State bands: what was decided about each zone over a time, unknown where nothing was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.zone import Zone, ZoneChange, ZoneKind, ZoneState


@dataclass(frozen=True)
class Stretch:
    """One state from one moment to another."""

    state: ZoneState
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Band:
    """A zone and its stretches without a hole between `since` and `until` of the question."""

    zone: Zone
    stretches: tuple[Stretch, ...]

    def side(self, state: ZoneState) -> str:
        """Return right, wrong or unknown: inside is right but for exclusion zones."""
        if state is ZoneState.UNKNOWN:
            return state.value
        asked = ZoneState.OUTSIDE if self.zone.kind is ZoneKind.EXCLUSION else ZoneState.INSIDE
        return "right" if state is asked else "wrong"


def of_case(
    session: Session,
    case_id: int,
    since: datetime,
    until: datetime,
    as_of: datetime | None = None,
) -> list[Band]:
    """Return a band for every zone of the case that asked something in the time.

    As it is known now; or as it was known at `as_of`, before later fixes came.
    """
    current = or_(Zone.valid_to.is_(None), Zone.valid_to > since)
    zones = select(Zone).where(Zone.case_id == case_id, Zone.valid_from < until, current)
    return [
        Band(zone, _stretches(_changes(session, zone.id, until, as_of), since, until))
        for zone in session.scalars(zones.order_by(Zone.kind, Zone.id))
    ]


def _changes(
    session: Session, zone_id: int, until: datetime, as_of: datetime | None
) -> Sequence[ZoneChange]:
    """Changes before `until` in order; of two for one moment the later decision stands."""
    query = select(ZoneChange).where(ZoneChange.zone_id == zone_id, ZoneChange.since < until)
    still = ZoneChange.superseded_at.is_(None)
    if as_of is None:
        query = query.where(still)
    else:
        then = or_(still, ZoneChange.superseded_at > as_of)
        query = query.where(ZoneChange.recorded_at <= as_of, then)
    return session.scalars(query.order_by(ZoneChange.since, ZoneChange.id)).all()


def _stretches(
    changes: Sequence[ZoneChange], since: datetime, until: datetime
) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    state, begins = ZoneState.UNKNOWN, since
    for change in changes:
        if change.since > begins:
            found.append(Stretch(state, begins, change.since))
            begins = change.since
        state = change.state
    found.append(Stretch(state, begins, until))
    return tuple(found)
