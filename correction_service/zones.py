"""Make and end zones. A zone is never redrawn: a change ends one and makes another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from correction_service import boundaries
from models import area
from models.area import GeoJson
from models.case import ENDED, LEGAL_ZONE, Case
from models.errors import Invalid, Refused
from models.zone import Zone, ZoneKind

MARGIN_M = (0.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a zone asks, besides where it lies; `hours` only for a curfew, like 22:00-06:00."""

    kind: ZoneKind
    name: str
    valid_from: datetime
    valid_to: datetime | None = None
    margin_m: float = 50.0
    hours: str | None = None
    made_by: int | None = None

    def check(self) -> None:
        """Refuse terms that cannot be kept."""
        if not self.name.strip():
            raise Invalid("A zone has a name.", field="name")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise Invalid("A zone ends after it begins.", field="valid_to")
        if not MARGIN_M[0] <= self.margin_m <= MARGIN_M[1]:
            raise Invalid("A margin is 0 to 1000 m.", field="margin_m")
        if (self.hours is not None) != (self.kind is ZoneKind.CURFEW):
            raise Invalid("A curfew zone has hours, and no other zone has.", field="hours")
        if self.hours is not None:
            area.curfew_hours(self.hours)


def home_of_divisions(
    session: Session,
    case: Case,
    codes: Sequence[str],
    *,
    valid_from: datetime,
    made_by: int | None = None,
) -> Zone:
    """The home area of a county, or of all districts of a city together (IM 26)."""
    wanted = sorted(set(codes))
    on = valid_from.astimezone(LEGAL_ZONE).date()
    geometry = boundaries.union(session, wanted, on)
    name = "、".join(boundaries.name_of(session, code, on) for code in wanted)
    terms = Terms(kind=ZoneKind.HOME, name=name, valid_from=valid_from, made_by=made_by)
    return _add(session, case, terms, geometry, wanted)


def circle(
    session: Session, case: Case, terms: Terms, *, lat: float, lon: float, radius_m: float
) -> Zone:
    """A round zone; degrees of WGS-84."""
    return _add(session, case, terms, area.circle(lat, lon, radius_m))


def drawn(session: Session, case: Case, terms: Terms, geojson: object) -> Zone:
    """A zone drawn on a map or read from a file: GeoJSON in WGS-84, mended where it can be."""
    return _add(session, case, terms, area.checked(geojson))


def end(session: Session, zone: Zone, now: datetime) -> None:
    """The zone asks nothing from now on."""
    if zone.valid_to is not None and zone.valid_to <= now:
        raise Refused("This zone has ended already.")
    zone.valid_to = now
    session.flush()


def _add(
    session: Session, case: Case, terms: Terms, geometry: GeoJson, divisions: Sequence[str] = ()
) -> Zone:
    terms.check()
    if case.state in ENDED:
        raise Refused("The case has ended: no zone is made for it.")
    zone = Zone(
        case=case,
        kind=terms.kind,
        name=terms.name.strip(),
        geometry=geometry,
        divisions=list(divisions),
        margin_m=terms.margin_m,
        hours=terms.hours,
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        made_by=terms.made_by,
    )
    session.add(zone)
    session.flush()
    return zone
