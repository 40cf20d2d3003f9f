"""The fleet: many wearers, one clock, one seed; and a script of what must happen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from shapely.geometry.base import BaseGeometry

from devices.messages import Command, CommandKind, Event, Fix, ResultState
from devices.simulator.person import Dweller
from devices.simulator.truth import Happening, Truth
from devices.simulator.wearer import Chances, Moment, Wearer

INTERVAL_MAX_S = 86_400


@dataclass(frozen=True, slots=True)
class Scripted:
    """What befalls one wearer for certain, `after_s` seconds from the start."""

    device: str
    kind: Happening = Happening.DEPARTURE
    after_s: float = 40.0


class Fleet:
    """Wearers that live by a clock from outside: the same steps give the same readings.

    `speed` scales movement and the hours that people keep, never report times. `boundary` (in
    degrees, x = longitude) is what a departure leaves by its nearest edge and `crossed` refers to.
    """

    def __init__(
        self,
        dwellers: Iterable[Dweller],
        *,
        boundary: BaseGeometry,
        started: datetime,
        seed: int = 0,
        speed: float = 1.0,
        interval_s: tuple[float, float] = (5.0, 10.0),
        chances: Chances | None = None,
        script: Sequence[Scripted] = (),
    ) -> None:
        self._started = self._now = started
        self._speed = speed
        self._truths: list[Truth] = []
        self._wearers = {
            dweller.device: Wearer(
                dweller,
                dice=Random(f"{seed}:{dweller.device}"),
                chances=chances or Chances(),
                interval_s=interval_s,
                boundary=boundary,
                started=started,
                tell=self._truths.append,
            )
            for dweller in dwellers
        }
        self._script = sorted(script, key=lambda it: it.after_s, reverse=True)
        if strangers := {it.device for it in script} - self._wearers.keys():
            raise ValueError(f"the script names devices that nobody wears: {sorted(strangers)}")

    def step(self, now: datetime) -> list[Fix | Event]:
        """Live until `now` and return what gateways hear by then, oldest of each device first."""
        elapsed_s = max(0.0, (now - self._now).total_seconds())
        self._now = max(now, self._now)
        lived = self._now - self._started
        while self._script and lived >= timedelta(seconds=self._script[-1].after_s):
            self._act(self._script.pop())
        moment = Moment(self._now, self._started + lived * self._speed, elapsed_s, self._speed)
        return [said for wearer in self._wearers.values() for said in wearer.step(moment)]

    def truths(self) -> list[Truth]:
        """What has happened since this was last asked."""
        told = self._truths.copy()
        self._truths.clear()
        return told

    def obey(self, device: str, command: Command) -> ResultState:
        """Do what a gateway was asked for one bracelet."""
        wearer = self._wearers.get(device)
        if wearer is None:
            return ResultState.REFUSED
        match command.command:
            case CommandKind.LOCATE:
                wearer.bracelet.locate()
            case CommandKind.INTERVAL:
                return _set_interval(wearer, command)
            case CommandKind.CONFIGURE:
                return ResultState.REFUSED  # a simulated bracelet has nothing to configure
        return ResultState.DONE

    def _act(self, scripted: Scripted) -> None:
        wearer = self._wearers[scripted.device]
        match scripted.kind:
            case Happening.DEPARTURE:
                wearer.depart(self._now)
            case Happening.STRAP_CUT:
                wearer.cut_strap(self._now)
            case Happening.OUTAGE:
                wearer.lose_touch(self._now)


def _set_interval(wearer: Wearer, command: Command) -> ResultState:
    interval_s = command.args.get("interval_s")
    if isinstance(interval_s, str) or interval_s is None or not 1 <= interval_s <= INTERVAL_MAX_S:
        return ResultState.REFUSED
    wearer.bracelet.interval_s = (float(interval_s), float(interval_s))
    return ResultState.DONE
