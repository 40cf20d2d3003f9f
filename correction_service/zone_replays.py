"""What the live service would have made of recorded fixes."""

from collections.abc import Callable, Sequence

import numpy as np

from models.area import GeoJson
from models.containment import Zoning, blank
from models.ground import Drawn, Grounds


def zoning(zones: Sequence[Drawn], shape: Callable[[int], GeoJson], each: int = 1) -> Zoning:
    """Zones of which nothing is known yet; `each` of them in a row are one wearer's."""
    grounds = Grounds()
    places = grounds.places(zones, shape)
    first = np.arange(0, len(zones), each, dtype=np.int64)
    return Zoning(places, blank(places["zone_id"]), grounds, first, np.full(len(first), each))
