"""Finish a fix: UTC, WGS-84, and the grid that all telemetry lies on from there on.

Structs are frozen for their readers; what is decoded is finished in place before anyone reads it.
"""

from datetime import UTC, datetime

from msgspec.structs import force_setattr

from devices.datum import Crs, to_wgs84
from devices.faults import WireError
from devices.messages import STEPS, Fix, Reason

# A double of this size has no room for a fraction, so adding it rounds as round() does, in a
# quarter of the time; taking it away again leaves the whole number (below 2**51).
_ROUND = 1.5 * 2**52
_DEGREE, _METRE, _MPS = float(STEPS["lat"]), float(STEPS["accuracy_m"]), float(STEPS["speed_mps"])
_TURN, _SHARE = float(STEPS["heading_deg"]), float(STEPS["battery"])
_WGS84 = Crs.WGS84  # looking a member up takes as long as rounding two numbers


def utc(time: datetime) -> datetime:
    """The same moment in UTC; WireError where no such year exists."""
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the years 1 and 9999 near midnight
        raise WireError(Reason.BAD_TIME) from None


def lay(fix: Fix) -> None:
    """Move a fix to WGS-84 and onto the grid: every number is then a whole one over its steps.

    Written out, for it runs on every fix. An error below half a step is one step, as 0 is no error.
    """
    if fix.crs is not _WGS84:
        _shift_back(fix)
    force_setattr(fix, "lat", (fix.lat * _DEGREE + _ROUND - _ROUND) / _DEGREE)
    force_setattr(fix, "lon", (fix.lon * _DEGREE + _ROUND - _ROUND) / _DEGREE)
    if (value := fix.accuracy_m) is not None:
        force_setattr(fix, "accuracy_m", (value * _METRE + _ROUND - _ROUND or 1.0) / _METRE)
    if (value := fix.speed_mps) is not None:
        force_setattr(fix, "speed_mps", (value * _MPS + _ROUND - _ROUND) / _MPS)
    if (value := fix.heading_deg) is not None:
        force_setattr(fix, "heading_deg", (value * _TURN + _ROUND - _ROUND) / _TURN)
    if (value := fix.battery) is not None:
        force_setattr(fix, "battery", (value * _SHARE + _ROUND - _ROUND) / _SHARE)


def _shift_back(fix: Fix) -> None:
    lat, lon = to_wgs84((fix.lat, fix.lon), fix.crs)
    if not -90 <= lat <= 90:  # noqa: PLR2004 (degrees of a quarter turn)
        raise WireError(Reason.BAD_LAT)
    if not -180 <= lon <= 180:  # noqa: PLR2004 (degrees of half a turn)
        raise WireError(Reason.BAD_LON)
    force_setattr(fix, "lat", lat)
    force_setattr(fix, "lon", lon)
