"""Make, revise and end zones. A zone is never redrawn: a change ends one and makes another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.scope import case_for
from correction_service.tracking.readings import Said, Sent, meant
from correction_service.zones import boundaries, zone_pauses, zone_shapes
from models import area, contradiction, drawing, route
from models.case import ENDED, LEGAL_ZONE, Case
from models.device import Binding, DeviceState
from models.errors import Choice, Invalid, NotFound, Refused, Unclear
from models.user import Permission, User
from models.zone import MARGINS_M, BoundarySource, Zone, ZoneChange, ZoneKind

MARGIN_M = (0.0, 1000.0)
WITH_HOURS = frozenset({ZoneKind.CURFEW, ZoneKind.PLACE})
MADE_BY_HAND = tuple(kind for kind in ZoneKind if kind is not ZoneKind.DESTINATION)
MOST_WORDS = 400
# Who sits still indoors was seen 44 m off for one minute in twenty: in a smaller zone that is a
# crossing, whatever the source.
LEAST_WIDTH_M = 50.0
AS_SENT = Said()
SMALL = (
    "The zone is narrower than positions are exact: at its widest it takes in %(metres)d m around "
    "a point, and a person who sits still is seen %(least)d m off. Draw it larger."
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a zone asks, besides where it lies; `hours` like 22:00-06:00 of a curfew or a place.

    `margin_m` None takes the margin of the source. `reason` is why the zone is meant although it
    was asked about.
    """

    kind: ZoneKind
    name: str
    valid_from: datetime
    valid_to: datetime | None = None
    source: BoundarySource = BoundarySource.DRAWN
    margin_m: float | None = None
    hours: str | None = None
    wording: str | None = None
    reason: str | None = None
    made_by: int | None = None

    def check(self) -> None:
        """Refuse terms that cannot be kept."""
        if not self.name.strip():
            raise Invalid("A zone has a name.", field="name")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise Invalid("A zone ends after it begins.", field="valid_to")
        if self.margin_m is not None and not MARGIN_M[0] <= self.margin_m <= MARGIN_M[1]:
            raise Invalid("A margin is 0 to 1000 m.", field="margin_m")
        if self.kind not in MADE_BY_HAND:
            raise Invalid("A leave opens such a zone by itself.", field="kind")
        _check_hours(self.kind, self.hours)
        _check_wording(self.kind, self.wording)
        if len(self.reason or "") > MOST_WORDS:
            raise Invalid("At most 400 characters fit here.", field="reason")


def beginning(asked: datetime | None, now: datetime) -> datetime:
    """When a zone begins: now, or later; nobody breaks today what is asked of yesterday."""
    if asked is not None and asked < now:
        raise Invalid("A zone does not begin in the past.", field="valid_from")
    return asked or now


def _check_hours(kind: ZoneKind, hours: str | None) -> None:
    if (hours is not None) != (kind in WITH_HOURS):
        raise Invalid(
            "A curfew and a place to be at have hours, and no other zone has.", field="hours"
        )
    if hours is not None:
        area.curfew_hours(hours)


def _check_wording(kind: ZoneKind, wording: str | None) -> None:
    if wording is not None and kind is not ZoneKind.EXCLUSION:
        raise Invalid("Only an exclusion zone is told in the order’s words.", field="wording")
    if len(wording or "") > MOST_WORDS:
        raise Invalid("At most 400 characters fit here.", field="wording")


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
    terms = Terms(
        kind=ZoneKind.HOME,
        name=name,
        source=BoundarySource.ADMINISTRATIVE,
        valid_from=valid_from,
        made_by=made_by,
    )
    zone = _made(case, terms, Zone(shape=zone_shapes.stored(session, geometry), divisions=wanted))
    _refuse_impossible(_clashes(session, zone), "divisions")
    return _kept(session, zone)


def circle(
    session: Session,
    case: Case,
    terms: Terms,
    *,
    lat: float,
    lon: float,
    radius_m: float,
    said: Said = AS_SENT,
) -> Zone:
    """A round zone; `said` tells what the degrees are."""
    area.circle(0.0, 0.0, radius_m)  # refuses a radius that is none
    sent = Sent(places=shapely.Point(lon, lat), radius_m=radius_m, field="lat")
    clear = meant(sent, said, _outlines(session, case, terms))
    (at,) = shapely.get_coordinates(clear.places).tolist()
    zone = Zone(lat=at[1], lon=at[0], radius_m=radius_m, divisions=[], datum=clear.crs.value)
    return _agreed(session, _made(case, terms, zone), field="radius_m")


def drawn(
    session: Session, case: Case, terms: Terms, geojson: object, said: Said = AS_SENT
) -> Zone:
    """A zone drawn on a map or read from a file: GeoJSON; `said` tells what the degrees are.

    A place to be at may be a way, drawn as a line.
    """
    if terms.kind is ZoneKind.PLACE:
        geojson = route.widened(geojson)
    sent = Sent(places=drawing.read(geojson))
    clear = meant(sent, said, _outlines(session, case, terms))
    drawing.check_size(clear.places)
    shape = zone_shapes.stored(session, area.as_geojson(clear.places))
    zone = Zone(shape=shape, divisions=[], datum=clear.crs.value)
    return _agreed(session, _made(case, terms, zone), field=sent.field)


def _outlines(session: Session, case: Case, terms: Terms) -> list[BaseGeometry]:
    on = terms.valid_from.astimezone(LEGAL_ZONE).date()
    return boundaries.around(session, case.agency.division, on)


def _made(case: Case, terms: Terms, zone: Zone) -> Zone:
    """The zone with its terms, not kept yet."""
    terms.check()
    if case.state in ENDED:
        raise Refused("The case has ended: no zone is made for it.")
    zone.case = case
    zone.kind, zone.name, zone.hours = terms.kind, terms.name.strip(), terms.hours
    zone.source, zone.made_by = terms.source, terms.made_by
    zone.margin_m = MARGINS_M[terms.source] if terms.margin_m is None else terms.margin_m
    zone.valid_from, zone.valid_to = terms.valid_from, terms.valid_to
    zone.wording = (terms.wording or "").strip() or None
    zone.reason = (terms.reason or "").strip() or None
    return zone


def _agreed(session: Session, zone: Zone, field: str) -> Zone:
    """Keep a zone that can be meant: what is doubtful about it needs a reason."""
    clashes = _clashes(session, zone)
    _refuse_impossible(clashes, field)
    doubts = [Choice(it.name.lower(), it, {"other": other}) for other, it in clashes]
    width_m = contradiction.width_m(zone)
    if width_m < LEAST_WIDTH_M:
        facts = {"metres": round(width_m), "least": int(LEAST_WIDTH_M)}
        doubts.insert(0, Choice("small", SMALL, facts))
    if doubts and zone.reason is None:
        raise Unclear(
            "This zone is doubtful. Change it, or say why it is meant as it is.",
            field=field,
            answer="reason",
            choices=doubts,
        )
    return _kept(session, zone)


def _clashes(session: Session, zone: Zone) -> list[tuple[int, contradiction.Clash]]:
    """The numbers of the case's other zones that contradict this one, and how."""
    others = [it for it in of(session, zone.case) if it is not zone and it.kind in MADE_BY_HAND]
    return contradiction.of(zone, others)


def _refuse_impossible(clashes: Sequence[tuple[int, contradiction.Clash]], field: str) -> None:
    for other, clash in clashes:
        if clash in contradiction.IMPOSSIBLE:
            raise Refused(clash, field=field, code="contradiction", other=other)


def _kept(session: Session, zone: Zone) -> Zone:
    session.add(zone)
    session.flush()
    zone_pauses.rest_new(session, zone)
    return zone


def of(session: Session, case: Case) -> Sequence[Zone]:
    """All zones of a case, ended ones too, newest first."""
    return session.scalars(
        select(Zone).where(Zone.case_id == case.id).order_by(Zone.id.desc())
    ).all()


def states(session: Session, case: Case) -> dict[int, ZoneChange]:
    """What was decided last about each zone; nothing of one that was not decided about yet."""
    changes = (
        select(ZoneChange)
        .join(Zone)
        .where(Zone.case_id == case.id, ZoneChange.superseded_at.is_(None))
        .order_by(ZoneChange.since, ZoneChange.id)
    )
    return {it.zone_id: it for it in session.scalars(changes)}


def placed(session: Session, case: Case) -> bool:
    """Whether the bracelet that is worn now has told any position since it was fitted."""
    worn = (Binding.case_id == case.id, Binding.unbound_at.is_(None))
    query = select(DeviceState.device_id).join(
        Binding,
        (Binding.device_id == DeviceState.device_id) & (DeviceState.time >= Binding.bound_at),
    )
    return session.scalar(query.where(*worn)) is not None


def zone_for(session: Session, user: User, zone_id: int) -> Zone:
    """A zone that the user may change; one of an unseen case does not exist for them."""
    zone = session.get(Zone, zone_id)
    if zone is None:
        raise NotFound("There is no such zone.")
    case_for(session, user, zone.case_id, Permission.SUPERVISE)
    return zone


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The terms of a zone that may change: how long, at which hours, told in which words."""

    valid_to: datetime | None
    hours: str | None
    wording: str | None


def revise(session: Session, zone: Zone, revision: Revision, now: datetime) -> Zone:
    """Change how long a zone holds, its hours, its words; the zone that holds from now on.

    Other hours begin a zone of their own, so that a decision keeps the hours it was judged by.
    """
    _refuse_ended(zone, now)
    _check_hours(zone.kind, revision.hours)
    _check_wording(zone.kind, revision.wording)
    if revision.valid_to is not None and revision.valid_to <= max(now, zone.valid_from):
        raise Invalid("A zone ends after it begins.", field="valid_to")
    if revision.hours != zone.hours and zone.valid_from < now:
        zone = zone_pauses.succeed(session, zone, now, zone.valid_to)
    for later in zone_pauses.after(session, zone):  # how long it holds is said of its last part
        revise(session, later, revision, now)
        revision = replace(revision, valid_to=zone.valid_to)
    zone.valid_to, zone.hours = revision.valid_to, revision.hours
    zone.wording = (revision.wording or "").strip() or None
    _refuse_impossible(_clashes(session, zone), "hours")
    return _kept(session, zone)


def end(session: Session, zone: Zone, now: datetime) -> None:
    """The zone asks nothing from now on, nor after the leaves that it rests for."""
    _refuse_ended(zone, now)
    _end(session, zone, now)
    session.flush()


def _end(session: Session, zone: Zone, now: datetime) -> None:
    for later in zone_pauses.after(session, zone):
        _end(session, later, now)
    zone.valid_to = now


def _refuse_ended(zone: Zone, now: datetime) -> None:
    if zone.valid_to is not None and zone.valid_to <= now:
        raise Refused("This zone has ended already.")
