"""Holes in radio coverage: what is said in one is lost or comes late, oldest first."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec.structs import replace

from devices.messages import Event, Fix
from devices.simulator.truth import Happening, Tell, Truth

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Outages:
    """How often one bracelet is out of touch, for how long, and what it then loses for good."""

    per_day: float = 3.0
    mean_s: float = 1200.0
    lost: float = 0.3


class Coverage:
    """The radio of one bracelet. It never loses an event."""

    def __init__(self, device: str, outages: Outages, dice: Random, tell: Tell) -> None:
        self._device = device
        self._outages = outages
        self._dice = dice
        self._tell = tell
        self._held: list[Fix | Event] = []
        self._outage: Truth | None = None
        self._until = datetime.max.replace(tzinfo=UTC)

    def carry(self, said: list[Fix | Event], now: datetime, elapsed_s: float) -> list[Fix | Event]:
        """What arrives now of what was said now and before."""
        if self._dice.random() < self._outages.per_day * elapsed_s / DAY_S:
            self.begin(now)
        if self._outage is None:
            return said
        if now >= self._until:
            return [*self._end(self._outage), *said]
        self._hold(self._outage, said)
        return []

    def begin(self, now: datetime) -> None:
        """Lose touch, for a while that the dice decide; nothing where touch is lost already."""
        if self._outage is not None:
            return
        self._until = now + timedelta(seconds=self._dice.expovariate(1 / self._outages.mean_s))
        self._outage = Truth(device=self._device, kind=Happening.OUTAGE, start=now)
        self._tell(self._outage)

    def _hold(self, outage: Truth, said: list[Fix | Event]) -> None:
        kept = [it for it in said if isinstance(it, Event) or not self._loses()]
        self._held += kept
        self._outage = replace(outage, lost=outage.lost + len(said) - len(kept))

    def _end(self, outage: Truth) -> list[Fix | Event]:
        self._tell(replace(outage, end=self._until))
        arrived, self._held, self._outage = self._held, [], None
        return arrived

    def _loses(self) -> bool:
        return self._dice.random() < self._outages.lost
