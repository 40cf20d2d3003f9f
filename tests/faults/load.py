"""Real gateways in a process of their own: `python -m tests.faults.load FOLDER`.

What they say follows from the tick's number alone, and a tick is written down after its readings
are kept. So the ticks that stand on disk say exactly what must be stored, whoever was killed.
"""

import math
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from devices.backlog import Backlog
from devices.gateway import Gateway
from devices.link import MqttSettings
from devices.messages import Command, Event, EventKind, Fix, ResultState
from tests.faults.wearers import AWAY, HOME

PLAN, STOP = "plan.json", "stop"
STEP = timedelta(seconds=20)  # between two fixes of a bracelet, by its clock
LEAVES_AT = 15  # the tick at which everybody leaves home
STRAP_EVERY, STRAP_AT = 10, 5  # ticks between two words of a strap, and the first of them
PAUSE_S = 0.02


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateways of one drill do."""

    port: int
    bracelets: dict[str, list[str]]  # by gateway
    period_s: float  # between two ticks
    start: datetime  # the time of tick 0, by the bracelets' clocks
    resend_after_s: float
    batch: int = 1
    forgets_every: int = 0  # ticks after which a bracelet counts from 0 again; 0: never
    clock_off_years: int = 0  # of the gateways


def said_at(plan: Plan, device: str, tick: int) -> Iterator[Fix | Event]:
    """What one bracelet says at one tick; fixes and events share one counter."""
    number = 2 * (tick % plan.forgets_every if plan.forgets_every else tick)
    at = plan.start + tick * STEP
    lat, lon = HOME if tick < LEAVES_AT else AWAY
    drift = 1e-5 * (tick % 7)
    yield Fix(device=device, seq=number, time=at, lat=lat + drift, lon=lon, accuracy_m=8)
    if tick % STRAP_EVERY == STRAP_AT:
        yield Event(device=device, seq=number + 1, time=at, event=EventKind.STRAP_OPEN)


def straps(ticks: int) -> int:
    """How often each strap spoke in so many ticks."""
    return len(range(STRAP_AT, ticks, STRAP_EVERY))


def ticks_kept(folder: Path, gateway: str) -> int:
    """How many ticks a gateway has kept; whoever was killed."""
    file = folder / f"{gateway}.ticks"
    return int(file.read_text() or 0) if file.exists() else 0


class _Talker:
    """One gateway with its bracelets."""

    def __init__(self, folder: Path, plan: Plan, name: str) -> None:
        settings = MqttSettings(host="127.0.0.1", port=plan.port, client_id=name)
        backlog = Backlog(folder / f"{name}.sqlite", capacity=sys.maxsize)
        self._plan = plan
        self._file = folder / f"{name}.ticks"
        self._tick = ticks_kept(folder, name)
        self.gateway = Gateway(
            name,
            settings,
            backlog,
            _obey,
            resend_after=timedelta(seconds=plan.resend_after_s),
            batch=plan.batch,
        )

    def talk(self) -> None:
        """Keep what the bracelets say at this tick, and then write the tick down."""
        plan, devices = self._plan, self._plan.bracelets[self.gateway.name]
        self.gateway.keep(it for device in devices for it in said_at(plan, device, self._tick))
        self._tick += 1
        written = self._file.with_suffix(".new")
        written.write_text(str(self._tick))
        written.replace(self._file)

    def pump(self) -> None:
        """Move what is owed, by a clock that may be wrong."""
        off = timedelta(days=365 * self._plan.clock_off_years)
        self.gateway.pump(datetime.now(UTC) + off)


def _obey(_device: str, _command: Command) -> ResultState:
    return ResultState.DONE


def main(folder: Path) -> None:
    """Talk until told to stop, then until nothing is owed."""
    plan = msgspec.json.decode((folder / PLAN).read_bytes(), type=Plan)
    talkers = [_Talker(folder, plan, name) for name in plan.bracelets]
    due_s = time.monotonic()
    while True:
        if (folder / STOP).exists():
            due_s = math.inf
        if time.monotonic() >= due_s:
            due_s = max(due_s + plan.period_s, time.monotonic())
            for talker in talkers:
                talker.talk()
        for talker in talkers:
            talker.pump()
        if due_s == math.inf and not any(len(it.gateway.backlog) for it in talkers):
            break
        time.sleep(PAUSE_S)
    for talker in talkers:
        talker.gateway.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
