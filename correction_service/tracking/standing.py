"""What the order gate and the zones rest on has changed: the notes, read before each batch."""

from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.standing import StandingChange

# Ids are given out before transactions commit, so "newer than the last id" would miss some. What
# was not visible in the snapshot of the last reading and is now, is exactly what is new.
_NEW_ON_POSTGRESQL = text("""
SELECT pg_current_snapshot()::text AS seen, device_id, case_id, gateway_id
FROM (VALUES (1)) AS always LEFT JOIN standing_change
ON xact >= pg_snapshot_xmin(CAST(:seen AS pg_snapshot))::text::bigint
AND NOT pg_visible_in_snapshot(xact::text::xid8, CAST(:seen AS pg_snapshot))
""")


@dataclass(slots=True)
class Changed:
    """Ids of what changed since the last reading."""

    devices: set[int] = field(default_factory=set)
    cases: set[int] = field(default_factory=set)
    gateways: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.devices or self.cases or self.gateways)


class Notes:
    """How far one reader has read. Its first reading finds nothing: it holds nothing yet."""

    def __init__(self) -> None:
        self._seen: str | int | None = None

    def new(self, session: Session) -> Changed:
        """What was noted and committed since the last call."""
        if session.get_bind().dialect.name == "sqlite":
            rows = self._on_sqlite(session)
        else:
            rows = self._on_postgresql(session)
        changed = Changed()
        for device_id, case_id, gateway_id in rows:
            for kind, number in (
                (changed.devices, device_id),
                (changed.cases, case_id),
                (changed.gateways, gateway_id),
            ):
                if number is not None:
                    kind.add(number)
        return changed

    def _on_sqlite(self, session: Session) -> list[tuple[int | None, ...]]:
        """One writer at a time, so ids are in order of commit."""
        columns = (StandingChange.device_id, StandingChange.case_id, StandingChange.gateway_id)
        query = select(StandingChange.id, *columns).order_by(StandingChange.id)
        if self._seen is None:
            last = session.scalar(
                select(StandingChange.id).order_by(StandingChange.id.desc()).limit(1)
            )
            self._seen = last or 0
            return []
        found = session.execute(query.where(StandingChange.id > self._seen)).all()
        if found:
            self._seen = found[-1].id
        return [tuple(row)[1:] for row in found]

    def _on_postgresql(self, session: Session) -> list[tuple[int | None, ...]]:
        if self._seen is None:
            self._seen = str(session.scalar(text("SELECT pg_current_snapshot()::text")))
            return []
        found = session.connection().execute(_NEW_ON_POSTGRESQL, {"seen": self._seen}).all()
        self._seen = found[0].seen
        return [tuple(row)[1:] for row in found]
