"""Bring what was said to what everything refers to: moments to UTC, places to WGS-84.

Structs are frozen for their readers; what is decoded is finished in place before anyone reads it.
"""

from datetime import UTC, datetime

from msgspec.structs import force_setattr

from devices.datum import Crs, to_wgs84
from devices.faults import WireError
from devices.messages import Fix, Reason

_WGS84 = Crs.WGS84  # looking a member up takes longer than comparing it


def utc(time: datetime) -> datetime:
    """The same moment in UTC; WireError where no such year exists."""
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the years 1 and 9999 near midnight
        raise WireError(Reason.BAD_TIME) from None


def shift_back(fix: Fix) -> None:
    """Move a fix from its datum, which `crs` goes on naming, to WGS-84; WireError off the globe."""
    if fix.crs is _WGS84:
        return
    lat, lon = to_wgs84((fix.lat, fix.lon), fix.crs)
    if not -90 <= lat <= 90:  # noqa: PLR2004 (degrees of a quarter turn)
        raise WireError(Reason.BAD_LAT)
    if not -180 <= lon <= 180:  # noqa: PLR2004 (degrees of half a turn)
        raise WireError(Reason.BAD_LON)
    force_setattr(fix, "lat", lat)
    force_setattr(fix, "lon", lon)
