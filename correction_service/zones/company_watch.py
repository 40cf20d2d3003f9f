"""Who is together though an order keeps them apart: looked at each minute, all pairs at once.

Only people whom a ban in force names are looked at, while each wears a bracelet under an order.
An old position, or one of a cell tower, says nothing. What is unknown is no contact, and for half
an hour it ends none.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy import delete, exists, insert, or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework import findings
from correction_service.incidents import sightings
from correction_service.incidents.sightings import Seen
from devices.messages import Source
from models.case import Case, supervised_on
from models.company import CompanyBan, CompanyBanCase, CompanyPair, MeetingPlace
from models.device import Binding, DeviceState
from models.evidence import SOURCES, error_m
from models.incident import Incident, IncidentKind, Severity
from models.nearness import Nearness, Sight, advance, apart_m, faded
from models.order import PositioningOrder
from models.zone import Zone, ZoneKind

FRESH = timedelta(minutes=5)
GROUP = 3  # of one ban, together: a gathering
NEIGHBOURS_M = 300.0
LIVING = frozenset({ZoneKind.CURFEW, ZoneKind.PLACE})  # where they live or work
KINDS = (IncidentKind.CONTACT, IncidentKind.GATHERING)
APART, NO_EVIDENCE, NOT_IN_FORCE, GREW = "apart", "no_evidence", "not_in_force", "grew"
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wearer:
    """Somebody whom a ban names and who wears a bracelet under an order."""

    case_id: int
    office_id: int
    agency_id: int
    device_id: int
    sight: Sight | None  # None: nothing fresh and fine enough


@dataclass(slots=True)
class Watched:
    """Everything that one look needs: bans by number, wearers, pairs to keep apart, memories."""

    bans: Mapping[int, Collection[int]]
    wearers: Mapping[int, Wearer]
    known: dict[Pair, Nearness]
    gone: dict[Pair, str] = field(default_factory=dict)  # why a pair is no longer remembered

    def pairs(self) -> set[Pair]:
        """Who is to keep apart from whom, and can be seen to."""
        return {
            (one, other)
            for members in self.bans.values()
            for one, other in combinations(sorted(set(members) & self.wearers.keys()), 2)
        }


def watch(session: Session, now: datetime) -> int:
    """Look at everybody whom a ban names; return how many pairs are together."""
    watched = _read(session, now)
    if not watched.bans and not watched.known:
        return 0
    before = dict(watched.known)
    places = _places(session, now)
    pairs = watched.pairs()
    for pair in sorted(pairs):
        _look(watched, pair, places)
    for pair, known in list(watched.known.items()):
        if pair not in pairs or faded(known, now):
            del watched.known[pair]
            watched.gone[pair] = NOT_IN_FORCE if pair not in pairs else NO_EVIDENCE
    if watched.known != before:
        _keep(session, watched.known)
    together = {pair: it for pair, it in watched.known.items() if it.together}
    _answer(session, watched, together, now)
    return len(together)


def _read(session: Session, now: datetime) -> Watched:
    bans: dict[int, set[int]] = {}
    current = or_(CompanyBan.valid_to.is_(None), CompanyBan.valid_to > now)
    named = select(CompanyBanCase.ban_id, CompanyBanCase.case_id).join(CompanyBanCase.ban)
    for ban_id, case_id in session.execute(named.where(CompanyBan.valid_from <= now, current)):
        bans.setdefault(ban_id, set()).add(case_id)
    wearers = {it.case_id: it for it in _wearers(session, now)} if bans else {}
    known = {(it.one_id, it.other_id): _recalled(it) for it in session.scalars(select(CompanyPair))}
    return Watched(bans, wearers, known)


def _recalled(pair: CompanyPair) -> Nearness:
    return Nearness(
        together=pair.together,
        evidence=timedelta(seconds=pair.evidence_s),
        since=pair.since,
        near_at=pair.near_at,
        at=pair.at,
        apart_m=pair.apart_m,
        error_m=pair.error_m,
    )


def _wearers(session: Session, now: datetime) -> Iterator[Wearer]:
    """Who is named by any ban in force and wears a bracelet under an order in force."""
    current = or_(CompanyBan.valid_to.is_(None), CompanyBan.valid_to > now)
    named = exists().where(
        CompanyBanCase.case_id == Case.id,
        CompanyBanCase.ban_id == CompanyBan.id,
        CompanyBan.valid_from <= now,
        current,
    )
    ordered = exists().where(PositioningOrder.case_id == Case.id, findings.in_force(now))
    state = (DeviceState.time, DeviceState.lat, DeviceState.lon)
    quality = (DeviceState.accuracy_m, DeviceState.source)
    worn = (Binding.device_id, Binding.bound_at)
    query = (
        select(Case.id, Case.office_id, Case.agency_id, *worn, *state, *quality)
        .join(Binding, (Binding.case_id == Case.id) & Binding.unbound_at.is_(None))
        .join(DeviceState, DeviceState.device_id == Binding.device_id)
        .where(named, ordered, supervised_on(hours.local_day(now)))
    )
    for row in session.execute(query):
        yield Wearer(row.id, row.office_id, row.agency_id, row.device_id, _sight(row, now))


def _sight(row: Any, now: datetime) -> Sight | None:  # noqa: ANN401 - a row of _wearers
    if row.time is None or row.lat is None or row.lon is None or row.source is None:
        return None
    if row.source == Source.LBS or row.time < max(now - FRESH, row.bound_at):
        return None
    source = SOURCES.index(row.source)
    claimed_m = np.array([row.accuracy_m], dtype=float)  # numpy takes None for NaN
    return Sight(row.time, row.lat, row.lon, float(error_m(claimed_m, np.array([source]))[0]))


def _places(session: Session, now: datetime) -> dict[int, list[MeetingPlace]]:
    current = or_(MeetingPlace.ended_at.is_(None), MeetingPlace.ended_at > now)
    found: dict[int, list[MeetingPlace]] = {}
    for place in session.scalars(select(MeetingPlace).where(current)):
        found.setdefault(place.agency_id, []).append(place)
    return found


def _look(watched: Watched, pair: Pair, places: Mapping[int, Sequence[MeetingPlace]]) -> None:
    one, other = (watched.wearers[case_id] for case_id in pair)
    if one.sight is None or other.sight is None:
        return
    if any(_met(it, places.get(it.agency_id, ())) for it in (one, other)):
        return  # at the centre, in class: that is no contact, and no evidence against one
    before = watched.known.pop(pair, None)
    after = advance(before, one.sight, other.sight)
    if after is not None:
        watched.known[pair] = after
    elif before is not None:
        watched.gone[pair] = APART


def _met(wearer: Wearer, places: Iterable[MeetingPlace]) -> bool:
    """Whether somebody is, or may be, where people may meet."""
    sight = wearer.sight
    return sight is not None and any(
        apart_m(sight, Sight(sight.at, it.lat, it.lon, 0.0)) <= it.radius_m + sight.error_m
        for it in places
    )


def _keep(session: Session, known: Mapping[Pair, Nearness]) -> None:
    """Few are near each other at a time: all are written anew, and no audit row for a minute."""
    session.execute(delete(CompanyPair))
    rows = [
        {
            "one_id": one,
            "other_id": other,
            "together": it.together,
            "evidence_s": round(it.evidence.total_seconds()),
            "since": it.since,
            "near_at": it.near_at,
            "at": it.at,
            "apart_m": round(it.apart_m),
            "error_m": round(it.error_m),
        }
        for (one, other), it in known.items()
    ]
    if rows:
        session.execute(insert(CompanyPair), rows)


def _answer(
    session: Session, watched: Watched, together: Mapping[Pair, Nearness], now: datetime
) -> None:
    """One incident a storm and office: open it, bring it up to date, end what is over."""
    cases = {case_id for pair in together for case_id in pair}
    living, closed = _living(session, cases, now), _closed(session, cases)
    seen = {
        it.key: it
        for group in groups(together)
        for it in _seen(watched, group, together, living)
        if not any(_same_storm(it, before) for before in closed)
    }
    open_now = select(Incident).where(Incident.kind.in_(KINDS), Incident.open_key.is_not(None))
    running = {str(it.open_key): it for it in session.scalars(open_now) if it.ended_at is None}
    same = {
        key
        for key, it in running.items()
        if key in seen and it.facts["cases"] == seen[key].facts["cases"]
    }
    with sightings.gathered(session, {*seen, *running}, now) as found:
        for key in sorted(seen.keys() - same):
            found.seen(seen[key])
        for key, it in running.items():
            if key not in seen:
                found.ended(key, it.last_seen_at, {"ended_by": _why(watched, seen, it)})
    sightings.refresh(session, {key: (seen[key].at, seen[key].facts) for key in same})


def _closed(session: Session, case_ids: Collection[int]) -> Sequence[Incident]:
    if not case_ids:
        return ()
    mine = (Incident.kind.in_(KINDS), Incident.case_id.in_(case_ids))
    return session.scalars(select(Incident).where(*mine, Incident.open_key.is_(None))).all()


def _same_storm(seen: Seen, closed: Incident) -> bool:
    """Whether an officer has closed this very meeting: then it is not raised again."""
    of_it = (closed.kind, closed.case_id, closed.facts["cases"])
    same = of_it == (seen.kind, seen.case_id, seen.facts["cases"])
    return same and closed.last_seen_at >= seen.since


def groups(pairs: Iterable[Pair]) -> list[frozenset[int]]:
    """People who are together, through others too: A with B and B with C is one group."""
    found: list[frozenset[int]] = []
    for pair in pairs:
        joined = [group for group in found if group & set(pair)]
        found = [group for group in found if group not in joined]
        found.append(frozenset(pair).union(*joined))
    return found


def _seen(
    watched: Watched,
    group: frozenset[int],
    together: Mapping[Pair, Nearness],
    living: Mapping[int, Sequence[Sight]],
) -> Iterator[Seen]:
    """What a group raises: one sighting for each office that has somebody in it."""
    pairs = {pair: it for pair, it in together.items() if set(pair) <= group}
    bans = [ban for ban, members in watched.bans.items() if len(group & set(members)) > 1]
    gathered = any(len(group & set(watched.bans[ban])) >= GROUP for ban in bans)
    near = all(_neighbours(living, *pair) for pair in pairs)
    since, at = min(it.since for it in pairs.values()), max(it.near_at for it in pairs.values())
    first: dict[int, Wearer] = {}
    for case_id in sorted(group):
        first.setdefault(watched.wearers[case_id].office_id, watched.wearers[case_id])
    for wearer in first.values():
        yield Seen(
            kind=IncidentKind.GATHERING if gathered else IncidentKind.CONTACT,
            case_id=wearer.case_id,
            device_id=wearer.device_id,
            since=since,
            at=at,
            facts={
                "cases": sorted(group),
                "bans": sorted(bans),
                "near_m": round(max(it.apart_m for it in pairs.values())),
                "near_error_m": round(max(it.error_m for it in pairs.values())),
                "together_s": round((at - since).total_seconds()),
                "neighbours": near,
            },
            severity=Severity.WATCH if near else Severity.SOON,
        )


def _living(session: Session, case_ids: Collection[int], now: datetime) -> dict[int, list[Sight]]:
    """Where these people live or work, as far as zones say."""
    if not case_ids:
        return {}
    current = or_(Zone.valid_to.is_(None), Zone.valid_to > now)
    homes = select(Zone.case_id, Zone.lat, Zone.lon).where(
        Zone.case_id.in_(case_ids),
        Zone.kind.in_(LIVING),
        Zone.valid_from <= now,
        current,
    )
    found: dict[int, list[Sight]] = {}
    for case_id, lat, lon in session.execute(homes):
        if lat is not None and lon is not None:
            found.setdefault(case_id, []).append(Sight(now, lat, lon, 0.0))
    return found


def _neighbours(living: Mapping[int, Sequence[Sight]], one: int, other: int) -> bool:
    return any(
        apart_m(here, there) <= NEIGHBOURS_M
        for here in living.get(one, ())
        for there in living.get(other, ())
    )


def _why(watched: Watched, seen: Mapping[str, Seen], ended: Incident) -> str:
    """Why what was seen of some people is not seen any more."""
    cases = set(ended.facts["cases"])
    if any(cases <= set(it.facts["cases"]) for it in seen.values()):
        return GREW
    reasons = {why for pair, why in watched.gone.items() if set(pair) <= cases}
    return next((why for why in (APART, NOT_IN_FORCE) if why in reasons), NO_EVIDENCE)
