"""Who wears which bracelet under whose order, and how each stood last: kept for all that spoke.

Reading this anew for every fix costs more than all else together, so it is read once a bracelet
and kept as columns (about 600 bytes for a wearer with four zones). Notes of what changed
(`standing`) are read in every transaction before a fix is judged, so an order lifted a second ago
stops the next fix (LCC 29). The roster only ever lets pass; whatever it does not let pass is
judged from the database (`wearers`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from correction_service import wearers
from correction_service.fix_columns import ABSENT, NEVER
from correction_service.standing import Notes
from correction_service.wearers import Bracelet
from models.area import GeoJson
from models.containment import MEMORY, SOURCES, Zoning, blank, unpack
from models.device import DeviceState
from models.grid import micros
from models.ground import PLACE, Drawn, Grounds
from models.zone import Zone, ZoneShape

FOREVER = np.iinfo(np.int64).max
UNWRITTEN = -1  # revision of a state that the database has no row of
NOTES_TRUSTED = timedelta(hours=1)  # notes are swept up after a day
LEFTOVER_PLACES = 100_000

ROW = np.dtype(
    [
        ("known", "?"),  # else it is read again before it is used
        ("device_id", "i4"),
        ("gateway", "i4"),  # place in Roster.gateways
        ("gateway_id", "i4"),
        ("case_id", "i4"),  # of whoever wears it now; 0: nobody
        ("bound_at", "i8"),  # microseconds since 1970, like all moments here
        ("since", "i8"),  # worn and under an order in force
        ("until", "i8"),
        ("revision", "i4"),
        ("heard_at", "i8"),
        ("time", "i8"),  # of the newest fix; NEVER: none
        ("seq", "i8"),
        ("lat", "f8"),
        ("lon", "f8"),
        ("accuracy_m", "f8"),
        ("battery", "f8"),
        ("source", "i1"),
        ("strap", "i1"),  # 1 open, 0 closed
        ("first", "i8"),  # zones: where they begin in places and memory
        ("zones", "i4"),
    ]
)
Rows = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]
_Number = TypeVar("_Number", int, float)


class Roster:
    """Columns of bracelets and of their wearers' zones. One ingester, one thread."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; what is needed is read again."""
        self._notes, self._read_at = Notes(), None
        self._names: dict[str, int] = {}
        self.gateways: dict[str, int] = {}
        self.table: Table = np.zeros(1024, dtype=ROW)
        self.places = np.zeros(1024, dtype=PLACE)
        self.memory = np.zeros(1024, dtype=MEMORY)
        self.refreshed = np.zeros(1024, dtype=np.int64)  # when a zone's incident was last updated
        self.grounds = Grounds()
        self._placed = self._leftover = 0

    _read_at: datetime | None

    def __len__(self) -> int:
        return len(self._names)

    def refresh(self, session: Session, now: datetime) -> None:
        """Take the notes since the last batch; what they name is read again when it speaks."""
        if self._read_at is not None and now - self._read_at > NOTES_TRUSTED:
            self.clear()
        if self._leftover > max(LEFTOVER_PLACES, self._placed // 2):
            self.clear()
        self._read_at = now
        changed = self._notes.new(session)
        if changed:
            table = self.table[: len(self)]
            stale = np.isin(table["device_id"], list(changed.devices))
            stale |= np.isin(table["case_id"], list(changed.cases))
            stale |= np.isin(table["gateway_id"], list(changed.gateways))
            table["known"][stale] = False

    def forget(self, rows: Rows) -> None:
        """What was done to these was not kept: read them again."""
        self.table["known"][rows] = False

    def rows_of(self, session: Session, names: Sequence[str]) -> Rows:
        """The rows of these bracelets, -1 for what is not in the register."""
        rows = np.fromiter((self._names.get(name, -1) for name in names), np.int64, len(names))
        unknown = rows < 0
        unknown[~unknown] = ~self.table["known"][rows[~unknown]]
        if unknown.any():
            self._read(session, {names[at] for at in np.flatnonzero(unknown).tolist()})
            rows = np.fromiter((self._names.get(name, -1) for name in names), np.int64, len(names))
        return rows

    def row_of(self, name: str) -> int | None:
        """The row of a bracelet that was heard before."""
        return self._names.get(name)

    def zoning(self, rows: Rows) -> Zoning:
        """The zones of the wearers of these rows; memories are folded in place."""
        table = self.table[rows]
        return Zoning(
            self.places, self.memory, self.grounds, table["first"], table["zones"].astype(np.int64)
        )

    def _read(self, session: Session, names: set[str]) -> None:
        bracelets = wearers.read(session, names)
        states = _states(session, [it.id for it in bracelets.values()])
        cases = {it.worn_now.case_id for it in bracelets.values() if it.worn_now}
        zones = self._zones(session, cases)
        for name, bracelet in bracelets.items():
            row = self._names.setdefault(name, len(self._names))
            if row == len(self.table):
                self.table = _doubled(self.table)
            case_id = bracelet.worn_now.case_id if bracelet.worn_now else 0
            self._fill(row, bracelet, states.get(bracelet.id), zones.get(case_id, ()))

    def _fill(
        self,
        row: int,
        bracelet: Bracelet,
        state: Row[Any] | None,
        zones: Sequence[tuple[float, ...]],
    ) -> None:
        self._leftover += int(self.table[row]["zones"])
        wearing = bracelet.worn_now
        since, until = _lawful(bracelet)
        remembered = unpack(state.zones) if state is not None else blank(np.zeros(0, np.int64))
        first, count = self._place(zones, remembered)
        self.table[row] = (
            True,
            bracelet.id,
            self.gateways.setdefault(bracelet.gateway, len(self.gateways)),
            bracelet.gateway_id,
            wearing.case_id if wearing else 0,
            micros(wearing.bound_at) if wearing else FOREVER,
            since,
            until,
            *_present(state),
            first,
            count,
        )

    def _place(self, zones: Sequence[tuple[float, ...]], remembered: Table) -> tuple[int, int]:
        """Lay a wearer's zones behind all others, each with what is remembered of it."""
        places = np.array(list(zones), dtype=PLACE)
        memory = blank(places["zone_id"])
        for held in remembered:
            memory[memory["zone_id"] == held["zone_id"]] = held
        first, count = self._placed, len(places)
        self._placed += count
        while self._placed > len(self.places):
            self.places, self.memory = _doubled(self.places), _doubled(self.memory)
            self.refreshed = _doubled(self.refreshed)
        span = slice(first, self._placed)
        self.places[span], self.memory[span], self.refreshed[span] = places, memory, 0
        return first, count

    def _zones(self, session: Session, cases: set[int]) -> dict[int, list[tuple[float, ...]]]:
        """Zones by case; those that have ended too, so that their states end."""
        columns = [getattr(Zone, name) for name in Drawn._fields]
        shapes: dict[int, GeoJson] = {}

        def shape(shape_id: int) -> GeoJson:
            if shape_id not in shapes:
                shapes[shape_id] = session.get_one(ZoneShape, shape_id).geometry
            return shapes[shape_id]

        found: dict[int, list[tuple[float, ...]]] = {}
        query = select(Zone.case_id, *columns).where(Zone.case_id.in_(cases)).order_by(Zone.id)
        for case_id, *drawn in session.execute(query):
            found.setdefault(case_id, []).append(self.grounds.place(Drawn(*drawn), shape))
        return found


def _lawful(bracelet: Bracelet) -> tuple[int, int]:
    """When whoever wears it now has worn it under the newest order: what the roster lets pass."""
    wearing = bracelet.worn_now
    if wearing is None or not wearing.orders:
        return FOREVER, NEVER
    since, until = max(wearing.orders)
    return micros(max(since, wearing.bound_at)), micros(until)


def _present(state: Row[Any] | None) -> tuple[float, ...]:
    """The columns of ROW from `revision` to `strap`."""
    if state is None:
        return (UNWRITTEN, NEVER, NEVER, 0, *[np.nan] * 4, -1, ABSENT)
    return (
        state.revision,
        micros(state.heard_at),
        NEVER if state.time is None else micros(state.time),
        state.seq or 0,
        *(_or(getattr(state, name), np.nan) for name in ("lat", "lon", "accuracy_m", "battery")),
        -1 if state.source is None else SOURCES.index(state.source),
        _or(state.strap_open, ABSENT),
    )


def _or(value: _Number | None, absent: _Number) -> _Number:
    return absent if value is None else value


def _states(session: Session, device_ids: Sequence[int]) -> dict[int, Row[Any]]:
    query = select(DeviceState.__table__).where(DeviceState.device_id.in_(device_ids))
    return {row.device_id: row for row in session.execute(query)}


def _doubled(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([column, np.zeros_like(column)])
