"""The packed row of each device: its newest fix, its last sign of life, what zones remember."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.fix_store import Row
from correction_service.wearers import Wearing
from devices.messages import Fix
from models.containment import Memories, pack, unpack
from models.device import DeviceState

OF_THE_FIX = ("time", "seq", "lat", "lon", "accuracy_m")
ALL = (*OF_THE_FIX, "source", "battery", "strap_open")


@dataclass(slots=True)
class State:
    """A device's row while a batch is folded into it."""

    device_id: int
    heard_at: datetime | None = None
    time: datetime | None = None
    seq: int | None = None
    lat: float | None = None
    lon: float | None = None
    accuracy_m: float | None = None
    source: str | None = None
    battery: float | None = None
    strap_open: bool | None = None
    memories: Memories = field(default_factory=dict)

    def advance(self, fixes: Iterable[Fix], wearing: Wearing) -> list[Fix]:
        """Take the fixes of today's wearer that are newer than all before; they, in time order."""
        newer: list[Fix] = []
        for fix in sorted(fixes, key=attrgetter("time", "seq")):
            after = self.time is None or (fix.time, fix.seq) > (self.time, self.seq or 0)
            if after and wearing.worn(fix.time):
                self._take(fix)
                newer.append(fix)
        return newer

    def _take(self, fix: Fix) -> None:
        for name in OF_THE_FIX:
            setattr(self, name, getattr(fix, name))
        self.source = fix.source.value
        if fix.battery is not None:
            self.battery = fix.battery

    def row(self, now: datetime) -> Row:
        """The columns to store."""
        said = {name: getattr(self, name) for name in ALL}
        zones = pack(self.memories)
        return {"device_id": self.device_id, "heard_at": now, "zones": zones, **said}


def load(session: Session, device_ids: Collection[int]) -> dict[int, State]:
    """The states of these devices, locked until the transaction ends; new ones are blank."""
    found = {device_id: State(device_id) for device_id in device_ids}
    query = (
        select(DeviceState.__table__)
        .where(DeviceState.device_id.in_(device_ids))
        .order_by(
            DeviceState.device_id
        )  # always in one order, so that two ingesters never deadlock
        .with_for_update()
    )
    for row in session.execute(query).mappings():
        said = {name: row[name] for name in ("device_id", "heard_at", *ALL)}
        found[row["device_id"]] = State(**said, memories=unpack(row["zones"]))
    return found
