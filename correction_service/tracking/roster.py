"""Who wears which bracelet under whose order, and how each stood last: kept for all that spoke.

Reading this anew for every fix costs more than all else together, so it is read once a bracelet
and kept as columns (about 600 bytes for a wearer with four zones). Notes of what changed
(`standing`) are read in every transaction before a fix is judged, so an order lifted a second ago
stops the next fix (LCC 29). The roster only ever lets pass; whatever it does not let pass is
judged from the database (`wearers`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row
from sqlalchemy.orm import Session

from correction_service.storage.fix_columns import ABSENT, NEVER
from correction_service.tracking import register
from correction_service.tracking.standing import Notes
from correction_service.zones import zone_rules
from models.case import ENDED
from models.containment import Zoning
from models.device import Protocol
from models.evidence import SOURCES
from models.grid import micros
from models.ground import PLACE, Drawn, Grounds
from models.memory import MEMORY, Memory, blank, unpack
from models.rules import Rules

FOREVER = np.iinfo(np.int64).max
NATIVE = Protocol.NATIVE.value
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


class Roster:
    """Columns of bracelets and of their wearers' zones. One ingester, one thread."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything; what is needed is read again."""
        self._notes, self._read_at = Notes(), None
        self.rules, self._rules_read_at = Rules(), None
        self._names: dict[str, int] = {}
        self.gateways: dict[str, int] = {}  # by `speaker`
        self.table: Table = np.zeros(1024, dtype=ROW)
        self.places = np.zeros(1024, dtype=PLACE)
        self.memory = np.zeros(1024, dtype=MEMORY)
        self.refreshed = np.zeros(1024, np.uint32)  # second of a zone's incident's last update
        self.grounds = Grounds()
        self._placed = self._leftover = 0

    _read_at: datetime | None
    _rules_read_at: datetime | None

    def __len__(self) -> int:
        return len(self._names)

    def refresh(self, session: Session, now: datetime) -> None:
        """Take the notes since the last batch; what they name is read again when it speaks."""
        if self._read_at is not None and now - self._read_at > NOTES_TRUSTED:
            self.clear()
        if self._leftover > max(LEFTOVER_PLACES, self._placed // 2):
            self.clear()
        self._read_at = now
        if self._rules_read_at is None or now - self._rules_read_at >= zone_rules.READ_EVERY:
            self.rules, self._rules_read_at = zone_rules.read(session), now
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

    def rows_of(self, session: Session, names: Sequence[str], now: datetime) -> Rows:
        """The rows of these bracelets, -1 for what is not in the register."""
        rows = np.fromiter((self._names.get(name, -1) for name in names), np.int64, len(names))
        unknown = rows < 0
        unknown[~unknown] = ~self.table["known"][rows[~unknown]]
        if unknown.any():
            self._read(session, {names[at] for at in np.flatnonzero(unknown).tolist()}, now)
            rows = np.fromiter((self._names.get(name, -1) for name in names), np.int64, len(names))
            rows[~self.table["known"][rows]] = -1  # what bore that name bears another now
        return rows

    def row_of(self, name: str) -> int | None:
        """The row of a bracelet that was heard before."""
        return self._names.get(name)

    def zoning(self, rows: Rows) -> Zoning:
        """The zones of the wearers of these rows; memories are folded in place."""
        table = self.table.take(rows)
        return Zoning(
            self.places, self.memory, self.grounds, table["first"], table["zones"].astype(np.int64)
        )

    def _read(self, session: Session, names: set[str], now: datetime) -> None:
        found = register.bracelets(session, names, now)
        zones = register.zones(session, {it.case_id for it in found if it.case_id}, now)
        drawn = [zones.get(it.case_id, []) for it in found]
        first = self._place(session, drawn, [it.zones or b"" for it in found])
        rows = np.fromiter(map(self._row, (it.name for it in found)), np.int64, len(found))
        self._leftover += int(self.table["zones"][rows].sum())
        fresh = np.zeros(len(found), dtype=ROW)
        fresh["known"] = True
        fresh["gateway"] = [self._gateway(it) for it in found]
        fresh["first"], fresh["zones"] = first, [len(its) for its in drawn]
        for at, it in enumerate(found):
            fresh["bound_at"][at], fresh["since"][at], fresh["until"][at] = _lawful(it)
        for name in ("id", "gateway_id", "case_id"):
            fresh["device_id" if name == "id" else name] = [getattr(it, name) or 0 for it in found]
        _take_states(fresh, found)
        self.table[rows] = fresh

    def _row(self, name: str) -> int:
        row = self._names.setdefault(name, len(self._names))
        if row == len(self.table):
            self.table = _doubled(self.table)
        return row

    def _gateway(self, found: Row[Any]) -> int:
        speaks = speaker(found.gateway if found.active else "", found.protocol)
        return self.gateways.setdefault(speaks, len(self.gateways))

    def _place(
        self, session: Session, drawn: Sequence[Sequence[Drawn]], packed: Sequence[bytes]
    ) -> Rows:
        """Lay wearers' zones behind all others, with what is remembered of each; their firsts."""
        places = self.grounds.places(
            [zone for zones in drawn for zone in zones], lambda it: register.shape(session, it)
        )
        memory = blank(places["zone_id"])
        counts = np.array([len(zones) for zones in drawn], dtype=np.int64)
        first = np.cumsum(counts) - counts
        for begins, count, its in zip(first.tolist(), counts.tolist(), packed, strict=True):
            _recall(memory[begins : begins + count], unpack(its))
        span = slice(self._placed, self._placed + len(places))
        while span.stop > len(self.places):
            self.places, self.memory = _doubled(self.places), _doubled(self.memory)
            self.refreshed = _doubled(self.refreshed)
        self.places[span], self.memory[span], self.refreshed[span] = places, memory, 0
        self._placed = span.stop
        return first + span.start


def speaker(gateway: str, protocol: str) -> str:
    """Who speaks and how, as one word; a closed gateway has no name."""
    return gateway if protocol == NATIVE else f"{protocol}:{gateway}"


def _recall(memory: Memory, remembered: Memory) -> None:
    """Put what is remembered where its zone is; zones that are gone are forgotten."""
    if np.array_equal(memory["zone_id"], remembered["zone_id"]):
        memory[:] = remembered
        return
    for held in remembered:
        memory[memory["zone_id"] == held["zone_id"]] = held


def _lawful(found: Row[Any]) -> tuple[int, int, int]:
    """Since when it is worn; since and until when an order lets it be followed."""
    if found.bound_at is None:
        return FOREVER, FOREVER, NEVER
    bound_at = micros(found.bound_at)
    if found.starts_at is None:
        return bound_at, FOREVER, NEVER
    ended_at = found.state_since if found.case_state in ENDED else None
    ends = (found.ends_at, found.lifted_at, ended_at)
    until = min(end for end in ends if end is not None)
    return bound_at, max(micros(found.starts_at), bound_at), micros(until)


def _take_states(fresh: Table, found: Sequence[Row[Any]]) -> None:
    """The columns of ROW from `revision` to `strap`; numpy takes None for NaN."""
    fresh["revision"] = [UNWRITTEN if it.revision is None else it.revision for it in found]
    for name in ("heard_at", "time"):
        moments = (getattr(it, name) for it in found)
        fresh[name] = [NEVER if at is None else micros(at) for at in moments]
    fresh["seq"] = [it.seq or 0 for it in found]
    for name in ("lat", "lon", "accuracy_m", "battery"):
        fresh[name] = np.array([getattr(it, name) for it in found], dtype=float)
    fresh["source"] = [ABSENT if it.source is None else SOURCES.index(it.source) for it in found]
    fresh["strap"] = [ABSENT if it.strap_open is None else it.strap_open for it in found]


def _doubled(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """With as much room again, which takes no memory before it is used."""
    grown = np.zeros(2 * len(column), dtype=column.dtype)
    grown[: len(column)] = column
    return grown
