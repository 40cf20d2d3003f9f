"""What really happened, told beside what the bracelets said about it."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Happening(StrEnum):
    """What a detector should find, or should not mistake for something else."""

    DEPARTURE = "departure"
    STRAP_CUT = "strap_cut"
    OUTAGE = "outage"


class Truth(Struct, frozen=True, kw_only=True):
    """One happening, told when it begins (`end` null) and again when more is known.

    `crossed` is when a departure really crossed the boundary; `lost` counts the fixes of an
    outage that never arrive. The last telling of a device, kind and start holds.
    """

    device: str
    kind: Happening
    start: datetime
    end: datetime | None = None
    crossed: datetime | None = None
    lost: int = 0


Tell = Callable[[Truth], None]
