"""Watch new fixes for what contradicts itself, and raise or end what `models.oddity` tells.

What is remembered of a bracelet stands in memory alone, beside the roster: an ingester that
starts begins its counts anew, which delays a telling by minutes; what was told before it asks the
database once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.hardware import service_sessions
from correction_service.incidents import sightings
from correction_service.storage.fix_columns import ABSENT, NEVER, Columns
from correction_service.tracking.gate import Gated
from correction_service.tracking.roster import Roster, Rows
from models.area import METRES_A_DEGREE
from models.evidence import SOURCES, error_m
from models.grid import STEPS, moment
from models.incident import Incident, IncidentKind
from models.oddity import MEMORY, MICROS, Oddity, Steps, Told, fold, marks, odd

KINDS = {
    Oddity.UNWORN: IncidentKind.SEPARATED,
    Oddity.TOO_FAST: IncidentKind.IMPOSSIBLE_SPEED,
    Oddity.FALSELY_EXACT: IncidentKind.IMPLAUSIBLE_ACCURACY,
}
OVER = {
    Oddity.UNWORN: "reunited",
    Oddity.TOO_FAST: "plausible",
    Oddity.FALSELY_EXACT: "plausible",
}
LBS = SOURCES.index("lbs")


class Oddities:
    """What one ingester remembers, by the number of the bracelet. One thread.

    `begin` goes before each batch, and `undo` after one that was not committed.
    """

    def __init__(self) -> None:
        self._memory = np.zeros(1024, dtype=MEMORY)
        self._told: dict[int, tuple[int, Oddity]] | None = None  # when we started: (case, what)
        self._before: list[tuple[Rows, Any]] = []

    def begin(self) -> None:
        """The batch before is committed."""
        self._before = []

    def undo(self) -> None:
        """The batch was not committed: it comes again."""
        for devices, memory in reversed(self._before):
            self._memory[devices] = memory
        self._before = []

    def look(
        self, session: Session, roster: Roster, gated: Gated, newer: Rows, now: datetime
    ) -> None:
        """Take the fixes that are newer than the roster's; before the roster takes them."""
        if not newer.size:
            return
        rows = gated.rows[newer]
        self._know(session, roster, np.unique(rows))
        devices = roster.table["device_id"][rows].astype(np.int64)
        held = self._memory.take(devices)
        steps = _steps(roster, rows, gated.columns.take(newer), held)
        marked = marks(steps)
        told: list[Told] = []
        for at in np.flatnonzero(odd_bracelets(rows, odd(steps, marked, held))).tolist():
            told += fold(self._memory[devices[at]], steps, marked, at)
        last = np.append(np.diff(rows) != 0, [True])
        for name in ("east_m", "north_m"):
            self._memory[name][devices[last]] = np.nan_to_num(getattr(steps, name)[last])
        if told:
            _answer(session, roster, rows, told, now)

    def _know(self, session: Session, roster: Roster, rows: Rows) -> None:
        """Make room, begin anew with a new wearer, and note how things stood before the batch."""
        table = roster.table.take(rows)
        devices = table["device_id"].astype(np.int64)
        while devices.max() >= len(self._memory):
            grown = np.zeros(2 * len(self._memory), dtype=MEMORY)
            grown[: len(self._memory)] = self._memory
            self._memory = grown
        held = self._memory.take(devices)
        self._before.append((devices, held.copy()))
        if self._told is None:
            self._told = _told_before(session)
        fresh = np.flatnonzero(held["bound_at"] != table["bound_at"])
        blank = np.zeros(len(fresh), dtype=MEMORY)
        blank["bound_at"] = table["bound_at"][fresh]
        for place, at in enumerate(fresh.tolist()):
            case_id, told = self._told.get(int(devices[at]), (0, Oddity(0)))
            if case_id == table["case_id"][at]:
                blank["told"][place] = told
        self._memory[devices[fresh]] = blank


def odd_bracelets(rows: Rows, odd_steps: Any) -> Any:  # noqa: ANN401 - masks beside the rows
    """All steps of the bracelets that have an odd one: a later one may end what it began."""
    return np.isin(rows, rows[odd_steps]) if odd_steps.any() else odd_steps


def _told_before(session: Session) -> dict[int, tuple[int, Oddity]]:
    """What is open and goes on, by bracelet."""
    columns = (Incident.device_id, Incident.case_id, Incident.kind)
    open_now = (Incident.open_key.is_not(None), Incident.ended_at.is_(None))
    query = select(*columns).where(Incident.kind.in_(KINDS.values()), *open_now)
    oddities = {kind: oddity for oddity, kind in KINDS.items()}
    found: dict[int, tuple[int, Oddity]] = {}
    for device_id, case_id, kind in session.execute(query):
        assert device_id is not None  # noqa: S101 - what a bracelet shows names it
        _, told = found.get(device_id, (case_id, Oddity(0)))
        found[device_id] = (case_id, told | oddities[kind])
    return found


def _steps(roster: Roster, rows: Rows, columns: Columns, held: Any) -> Steps:  # noqa: ANN401 - MEMORY
    """The way to each fix from the one before, which for a bracelet's first is the roster's."""
    table = roster.table.take(rows)
    first = np.diff(rows, prepend=-1) != 0
    none = first & (table["time"] == NEVER)
    accuracy_m = columns["accuracy_m"] / STEPS["accuracy_m"]
    accuracy_m[columns["accuracy_m"] == ABSENT] = np.nan
    lat, lon = columns["lat"] / STEPS["lat"], columns["lon"] / STEPS["lon"]
    error = _error_m(accuracy_m, columns["source"])
    before_lat, before_lon = _before(table["lat"], lat, first), _before(table["lon"], lon, first)
    before_error = _before(_error_m(table["accuracy_m"], table["source"]), error, first)
    east = (lon - before_lon) * METRES_A_DEGREE * np.cos(np.radians(lat))
    north = (lat - before_lat) * METRES_A_DEGREE
    elapsed_s = (columns["time"] - _before(table["time"], columns["time"], first)) / MICROS
    return Steps(
        at=columns["time"],
        elapsed_s=np.where(none, np.nan, elapsed_s),
        east_m=np.where(none, np.nan, east),
        north_m=np.where(none, np.nan, north),
        before_east_m=_before(held["east_m"].astype(float), east, first),
        before_north_m=_before(held["north_m"].astype(float), north, first),
        error_m=error + before_error,
        claimed_m=accuracy_m,
        worn=columns["worn"],
    )


def _before(of_first: Any, column: Any, first: Any) -> Any:  # noqa: ANN401 - columns of any kind
    """The value of the fix before: of the same bracelet, or what was known before the batch."""
    shifted = np.roll(column, 1)
    return np.where(first, of_first, shifted)


def _error_m(accuracy_m: Any, source: Any) -> Any:  # noqa: ANN401 - columns
    """A cell's position may be kilometres off: nothing is judged by it."""
    known = np.maximum(source, 0)
    return np.where(known == LBS, np.inf, error_m(accuracy_m, known))


def _answer(
    session: Session, roster: Roster, rows: Rows, told: Sequence[Told], now: datetime
) -> None:
    table = roster.table.take(rows[[it.fix for it in told]])
    cases, devices = table["case_id"].tolist(), table["device_id"].tolist()
    whose = list(zip(told, cases, devices, strict=True))
    keys = {sightings.key_of(KINDS[it.oddity], case, device) for it, case, device in whose}
    services = service_sessions.running(session, set(cases), now)
    with sightings.gathered(session, keys, now) as found:
        for it, case_id, device_id in whose:
            since, kind = moment(it.since), KINDS[it.oddity]
            if not it.begins:
                key = sightings.key_of(kind, case_id, device_id)
                found.ended(key, since, {"ended_by": OVER[it.oddity]})
                continue
            seen = sightings.Seen(
                kind=kind,
                case_id=case_id,
                device_id=device_id,
                since=since,
                at=since,
                facts={"told_by": "fix", **it.facts},
            )
            services.tell(found, seen)
