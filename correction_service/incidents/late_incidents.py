"""What late fixes say of incidents: found, ended, or going on after all; nothing is deleted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.incidents import incidents, sightings
from correction_service.zones import zone_watch
from correction_service.zones.zone_watch import Crossing
from models.containment import NOT_IN_FORCE
from models.incident import Incident
from models.incident_kinds import MEANINGS
from models.zone import ZoneState

BEFORE, AFTER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
NOT_SO = "late_fixes"


@dataclass(frozen=True, slots=True)
class Refold:
    """What the fold says now of (begin, end], by the device's clock.

    `crossings` are in order of time; `broken` says by zone whether the wearer was on its wrong
    side when the fold began, `right` whether on its right one; of what is UNKNOWN neither is said.
    `warned` are the zones to which the wearer is on the way when the fold ends.
    """

    device_id: int
    case_id: int
    begin: datetime
    end: datetime
    crossings: Sequence[Crossing]
    broken: Mapping[int, bool]
    right: Mapping[int, bool]
    warned: Collection[int]


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay on one side of a zone; `seen` is None where it began before the fold did."""

    since: datetime
    until: datetime | None
    seen: Crossing | None
    ended_by: str = "back"

    def overlaps(self, incident: Incident) -> bool:
        """Whether the incident is of this very stay."""
        over = incident.ended_at
        if over is None:
            over = AFTER if incident.open_key else max(incident.last_seen_at, incident.since)
        return incident.since < (self.until or AFTER) and self.since <= over


def answer(session: Session, refold: Refold, new: Sequence[Crossing], now: datetime) -> None:
    """Open what only now is seen (`new`), end what was not so, resume what was not over."""
    query = select(Incident).where(
        Incident.case_id == refold.case_id,
        Incident.zone_id.in_(refold.broken),
        Incident.last_seen_at > refold.begin,
    )
    overdue = zone_watch.overdue_in(session, new)
    known: dict[int, list[Incident]] = {}
    for incident in session.scalars(sightings.locked(query)):
        known.setdefault(incident.zone_id or 0, []).append(incident)
    for zone_id, broken in refold.broken.items():
        crossings = [it for it in refold.crossings if it.zone_id == zone_id]
        breaches = list(_breaches(crossings, broken=broken))
        for breach in breaches:
            spared = overdue and breach.seen is not None and breach.seen.yields
            if not spared and any(breach.seen is it for it in new):
                _open(session, breach, known.get(zone_id, ()), now)
        for incident in known.get(zone_id, ()):
            if incident.open_key is not None:
                _mend(session, incident, breaches, refold, now)


def _breaches(crossings: Sequence[Crossing], *, broken: bool) -> Iterator[Stay]:
    """The stays on the wrong side of one zone; UNKNOWN in between does not end one."""
    stay = Stay(BEFORE, None, None) if broken else None
    for it in crossings:
        if it.breaks:
            stay = stay or Stay(_since(it), None, it)
        elif stay is not None and (_freed(it) or it.change.state is not ZoneState.UNKNOWN):
            how = NOT_IN_FORCE if _freed(it) else "back"
            yield replace(stay, until=_since(it), ended_by=how)
            stay = None
    if stay is not None:
        yield stay


def _returns(crossings: Sequence[Crossing], *, right: bool) -> Iterator[Stay]:
    """The stays on the right side of one zone; UNKNOWN ends one: then nobody can tell."""
    stay = Stay(BEFORE, None, None) if right else None
    for it in crossings:
        if stay is not None:
            yield replace(stay, until=_since(it))
        settled = not it.breaks and it.change.state is not ZoneState.UNKNOWN
        stay = Stay(_since(it), None, it) if settled else None
    if stay is not None:
        yield stay


def _since(it: Crossing) -> datetime:
    return datetime.fromtimestamp(it.change.since, UTC)


def _freed(it: Crossing) -> bool:
    return it.change.evidence.get("why") == NOT_IN_FORCE


def _mend(
    session: Session, incident: Incident, breaches: Sequence[Stay], refold: Refold, now: datetime
) -> None:
    """Bring the end of an open incident to what holds now; an officer closes it all the same."""
    same = [it for it in breaches if it.overlaps(incident)]
    if not same:
        _deny(session, incident, refold, now)
        return
    last = same[-1]
    if (last.until is None) != (incident.ended_at is None):
        facts = {"late": True} | ({"ended_by": last.ended_by} if last.until else {})
        incidents.amend(session, incident, now, ended_at=last.until, facts=facts)


def _deny(session: Session, incident: Incident, refold: Refold, now: datetime) -> None:
    """End what was not so, where the fold found the right side; where it found none, nothing.

    What began before a fold that did not know how things stood may have been so: it is over.
    """
    zone_id = incident.zone_id or 0
    if incident.ended_at is not None or zone_id in refold.warned:
        return
    crossings = [it for it in refold.crossings if it.zone_id == zone_id]
    stays = list(_returns(crossings, right=refold.right.get(zone_id, False)))
    if incident.facts.get("approach"):
        _withdraw(session, incident, stays, refold, now)
        return
    back = next((it for it in stays if it.overlaps(incident)), None)
    if back is None:
        return
    unseen = incident.since <= refold.begin < back.since
    how, over = ("back", back.since) if unseen else (NOT_SO, refold.end)
    incidents.amend(session, incident, now, ended_at=over, facts={"ended_by": how, "late": True})


def _withdraw(
    session: Session, incident: Incident, stays: Sequence[Stay], refold: Refold, now: datetime
) -> None:
    """End an approach that came to nothing, where the fold leaves the wearer on the right side."""
    if stays and stays[-1].until is None:
        since = stays[-1].since
        over = since if since > incident.since else refold.end
        facts = {"ended_by": "back", "late": True}
        incidents.amend(session, incident, now, ended_at=over, facts=facts)


def _open(session: Session, breach: Stay, known: Sequence[Incident], now: datetime) -> None:
    """Open what nobody knew of, or confirm what nobody was sure of.

    The wearer may be back already: of what is open before, `_mend` says so.
    """
    if breach.seen is None or any(_sure(it) and breach.overlaps(it) for it in known):
        return
    running = next((it for it in known if it.open_key), None)
    if running is not None and breach.until is not None and breach.until <= running.since:
        # a later stay of the same kind is being worked on: one storm
        facts = {"late": True, "late_since": breach.since.isoformat()}
        running.raise_to(MEANINGS[running.kind].severity, now)
        incidents.amend(session, running, now, ended_at=running.ended_at, facts=facts)
        return
    seen = zone_watch.seen_of(breach.seen, now)
    seen.facts["late"] = True
    sightings.open_or_update(session, seen, now)
    if running is None and breach.until is not None:
        sightings.end(session, seen.key, breach.until, {"ended_by": breach.ended_by}, now)


def _sure(incident: Incident) -> bool:
    """Whether the wearer was surely on the wrong side: neither near it nor nobody knows where."""
    return incident.facts.get("approach") is not True and "where" not in incident.facts
