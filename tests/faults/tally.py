"""Count what is stored against what was said: every reading once, every storm one incident."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from models.audit import AuditRecord
from models.device import Device
from models.fix import DeviceEvent, Fix
from models.incident import Incident, IncidentKind
from models.zone import ZoneChange


@dataclass(frozen=True)
class Tally:
    """Readings said and stored; what is missing, and what is there or was done twice."""

    sent: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.sent + other.sent,
            self.stored + other.stored,
            self.lost + other.lost,
            self.doubled + other.doubled,
        )


def of_kind(session: Session, kind: type[Fix | DeviceEvent], wanted: dict[str, int]) -> Tally:
    """Readings by device: each has a time of its own, so rows beyond the times are doubles."""
    query = (
        select(Device.name, func.count(), func.count(distinct(kind.time)))
        .join(kind, kind.device_id == Device.id)
        .where(Device.name.in_(wanted))
        .group_by(Device.name)
    )
    found = {name: (rows, times) for name, rows, times in session.execute(query)}
    return sum((_one(count, *found.get(name, (0, 0))) for name, count in wanted.items()), Tally())


def _one(wanted: int, rows: int, times: int) -> Tally:
    return Tally(wanted, rows, max(0, wanted - times), max(0, rows - wanted))


def of_effects(session: Session, straps: dict[str, int]) -> Tally:
    """What readings led to: incidents, their counts, changes of zones, and the log of it all.

    By bracelet how often its strap opened: one incident that says so. Who left home is one more.
    """
    return _incidents(session, straps) + _changes(session) + _logged(session)


def _incidents(session: Session, straps: dict[str, int]) -> Tally:
    query = (
        select(Device.name, Incident.kind, Incident.facts)
        .join(Device, Device.id == Incident.device_id)
        .where(Device.name.in_(straps))
    )
    found: dict[str, list[tuple[IncidentKind, int]]] = {name: [] for name in straps}
    for name, kind, facts in session.execute(query):
        found[name].append((kind, facts["times"]))
    return sum((_storms(found[name], times) for name, times in straps.items()), Tally())


def _storms(mine: Sequence[tuple[IncidentKind, int]], times: int) -> Tally:
    kinds = {kind for kind, _ in mine}
    said = sum(count for kind, count in mine if kind is IncidentKind.STRAP_OPENED)
    missing = {IncidentKind.STRAP_OPENED, IncidentKind.LEFT_HOME_AREA} - kinds
    return Tally(
        lost=len(missing) + max(0, times - said),
        doubled=len(mine) - len(kinds) + max(0, said - times),
    )


def _changes(session: Session) -> Tally:
    """Changes that stand and say the same twice."""
    query = (
        select(func.count())
        .where(ZoneChange.superseded_at.is_(None))
        .group_by(ZoneChange.device_id, ZoneChange.zone_id, ZoneChange.since, ZoneChange.state)
        .having(func.count() > 1)
    )
    return Tally(doubled=sum(rows - 1 for rows in session.scalars(query)))


def _logged(session: Session) -> Tally:
    """Every incident was opened once, by the log."""
    created = select(func.count(), func.count(distinct(AuditRecord.subject_id))).where(
        AuditRecord.subject_kind == Incident.__tablename__, AuditRecord.action == "create"
    )
    rows, subjects = session.execute(created).one()
    there = session.scalar(select(func.count()).select_from(Incident)) or 0
    return Tally(lost=max(0, there - subjects), doubled=rows - subjects)
