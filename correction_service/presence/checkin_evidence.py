"""旁证: what else a check-in shows, read with a few queries and kept apart from the face's score.

Patterns of time, pictures and phones stand on the page of a review; what comes from positions is
read on demand, and each such look is logged.
"""

import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import viewed
from correction_service.casework import orders
from correction_service.face import fingerprints
from correction_service.face.gates import gates
from correction_service.face.liveness import CueName
from correction_service.presence import challenges
from correction_service.tracking import trails
from models import checkin_evidence as rules
from models.case import Case
from models.checkin import CheckIn, Way, counted
from models.checkin_evidence import Finding, Limits, Sign, Spot

PATTERN_FOR = timedelta(days=30)
OWN_PICTURES_FOR, OTHERS_PICTURES_FOR = timedelta(days=90), timedelta(days=14)
PHONE_FOR = timedelta(days=90)
MOST_CHECKINS = 2000  # of a dozen pictures each: compared in some milliseconds
PRINT_BYTES = 32
RESTS_ON = {  # which figures decide a sign, for the page to say where they come from
    Sign.BRACELET_ELSEWHERE: ("bracelet_within_minutes", "bracelet_apart_m", "least_error_m"),
    Sign.BRACELET_NEAR: ("bracelet_within_minutes", "bracelet_apart_m", "least_error_m"),
    Sign.IMPOSSIBLE_TRAVEL: ("travel_kmh", "travel_m", "unknown_error_m"),
    Sign.POSITION_REPEATED: ("repeats", "repeat_decimals"),
    Sign.SAME_MINUTE: ("minute_span", "minute_checkins", "minute_share"),
    Sign.AFTER_MIDNIGHT: ("midnight_minutes", "midnight_checkins", "midnight_share"),
    Sign.ONE_PHONE: ("phone_people",),
    Sign.MANY_TRIES: ("tries",),
    Sign.LATE_PICTURES: ("late_checkins", "late_share"),
}


Trail = Callable[[Session, int, datetime, datetime], list[trails.Place]]


class Basis(NamedTuple):
    """A figure and why it is so, in both languages; `verified` says that it was measured."""

    value: float
    zh: str
    en: str
    verified: bool


@cache
def bases() -> dict[str, Basis]:
    """Read `evidence.toml`; an unknown or missing entry is a TypeError."""
    text = resources.files(__package__).joinpath("evidence.toml").read_text(encoding="utf-8")
    return {name: Basis(**row) for name, row in tomllib.loads(text).items()}


def limits() -> Limits:
    """From where on something is found; of pictures, alike or late, the face check says it."""
    figures = {name: basis.value for name, basis in bases().items()}
    figures["same_picture_bits"] = gates().same_bits
    figures["prompt_share"] = gates().scales[CueName.PROMPT].good
    return Limits(**figures)  # type: ignore[arg-type] # by name


def rests_on(finding: Finding) -> list[Basis]:
    """The figures that a finding was decided by."""
    return [bases()[name] for name in RESTS_ON.get(finding.sign, ())]


def beside(session: Session, checkin: CheckIn) -> list[Finding]:
    """What the times, the pictures and the phone of a check-in show; no position is read."""
    return [*patterns(session, checkin), *_pictures(session, checkin, limits())]


def patterns(session: Session, checkin: CheckIn) -> list[Finding]:
    """What the times, the tries and the phone show."""
    figures = limits()
    made = _days(session, checkin)
    found = [
        rules.same_minute(made, figures),
        rules.after_midnight(made, figures),
        rules.many_tries(_tries(session, checkin), figures),
        rules.late_pictures(_prompt(session, checkin), figures),
    ]
    if checkin.phone_mark is not None:
        found.append(rules.one_phone(_people(session, checkin), figures))
    return _held(found)


def viewed_positions(session: Session, checkin: CheckIn) -> list[Finding]:
    """What the positions of the phone and of the bracelet show; every look is logged."""
    before, after = _neighbours(session, checkin)
    nearest = [it.id for it in (*before[:1], *after)]
    viewed(session, "view_place", "checkin", checkin.id, *(nearest if _spot(checkin) else ()))
    return _positions(session, checkin, before, after, trails.viewed_trail)


def positions(session: Session, checkin: CheckIn) -> list[Finding]:
    """The same for the machine alone: nobody sees a place by it, and its facts are not to be told.

    Who wants the figures looks at the check-in's page, and that look is logged.
    """
    before, after = _neighbours(session, checkin)
    return _positions(session, checkin, before, after, trails.unseen_trail)


def _neighbours(session: Session, checkin: CheckIn) -> tuple[Sequence[CheckIn], Sequence[CheckIn]]:
    """Check-ins with a position: the last month's before it, newest first, and the next one."""
    earlier = _earlier(checkin, PATTERN_FOR).where(CheckIn.lat.is_not(None))
    before = session.scalars(earlier.order_by(CheckIn.at.desc())).all()
    return before, session.scalars(_later(checkin).order_by(CheckIn.at).limit(1)).all()


def _positions(
    session: Session,
    checkin: CheckIn,
    before: Sequence[CheckIn],
    after: Sequence[CheckIn],
    trail: Trail,
) -> list[Finding]:
    here, figures = _spot(checkin), limits()
    if here is None:
        return []
    found = [
        _bracelet(session, checkin, here, figures, trail),
        rules.travel([here, *_spots([*before[:1], *after])], figures),
        rules.repeated(here, _spots(before), figures),
    ]
    return _held(found)


def _held(found: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in found if finding is not None]


def _earlier(checkin: CheckIn, within: timedelta) -> Select[CheckIn]:
    """The case's own check-ins by phone before this one."""
    span = CheckIn.at.between(checkin.at - within, checkin.at)
    mine = (CheckIn.case_id == checkin.case_id, CheckIn.way == Way.PHONE, CheckIn.id != checkin.id)
    return select(CheckIn).where(*mine, span)


def _later(checkin: CheckIn) -> Select[CheckIn]:
    mine = (CheckIn.case_id == checkin.case_id, CheckIn.way == Way.PHONE)
    return select(CheckIn).where(*mine, CheckIn.at > checkin.at, CheckIn.lat.is_not(None))


def _days(session: Session, checkin: CheckIn) -> list[datetime]:
    """When the person began on each day of the last month: the first time of a day counts."""
    began = func.coalesce(CheckIn.began_at, CheckIn.at)
    times = [checkin.began_at or checkin.at]
    times += session.scalars(_earlier(checkin, PATTERN_FOR).with_only_columns(began)).all()
    first: dict[object, datetime] = {}
    for at in sorted(times):
        first.setdefault(hours.local_day(at), at)
    return list(first.values())


def _tries(session: Session, checkin: CheckIn) -> int:
    """How often something new was asked that day, since an earlier one counted, and not this."""
    began = checkin.began_at or checkin.at
    after = hours.day_start(hours.local_day(began))
    that_day = (CheckIn.at.between(after, began), counted())
    last = session.scalar(
        _earlier(checkin, PATTERN_FOR).with_only_columns(func.max(CheckIn.at)).where(*that_day)
    )
    asked = challenges.draws(session, checkin.case_id, last or after, began)
    return max(len(asked) - 1, 0)


def _prompt(session: Session, checkin: CheckIn) -> list[float]:
    """Which share of the pictures came as taken: of each counted check-in of the last month."""
    if not checkin.counts:
        return []
    earlier = _earlier(checkin, PATTERN_FOR).with_only_columns(CheckIn.cues).where(counted())
    cues = [it for found in (checkin.cues, *session.scalars(earlier)) for it in found]
    told = [it["value"] for it in cues if it["name"] == CueName.PROMPT]
    return [share for share in told if share is not None]


def _pictures(session: Session, checkin: CheckIn, figures: Limits) -> list[Finding]:
    """Whether pictures of this check-in came before: from the person, or from anybody here."""
    mine = _prints(checkin.fingerprints)
    if not mine:
        return []
    person, agency = checkin.case.person_id, checkin.case.agency_id
    own = _before(session, checkin, OWN_PICTURES_FOR, Case.person_id == person)
    others = _before(
        session, checkin, OTHERS_PICTURES_FOR, Case.person_id != person, Case.agency_id == agency
    )
    own_bits, own_at = _nearest(mine, own)
    return rules.seen_before(own_bits, _nearest(mine, others)[0], own_at, figures)


Sent = Sequence[tuple[datetime, bytes]]


def _before(
    session: Session, checkin: CheckIn, within: timedelta, *whose: ColumnElement[bool]
) -> Sent:
    sent = (CheckIn.fingerprints.is_not(None), CheckIn.id < checkin.id)
    span = CheckIn.at > checkin.at - within
    query = select(CheckIn.at, CheckIn.fingerprints).join(CheckIn.case).where(*sent, span, *whose)
    rows = session.execute(query.order_by(CheckIn.id.desc()).limit(MOST_CHECKINS))
    return [(row.at, row.fingerprints) for row in rows]


def _nearest(mine: Sequence[bytes], sent: Sent) -> tuple[int | None, datetime | None]:
    """The fewest bits between any of two pictures, and when the other one was sent."""
    prints = [(at, print_) for at, packed in sent for print_ in _prints(packed)]
    if not prints:
        return None, None
    apart = fingerprints.distances(mine, [print_ for _, print_ in prints]).min(axis=0)
    place = int(apart.argmin())
    return int(apart[place]), prints[place][0]


def _prints(packed: bytes | None) -> list[bytes]:
    whole = packed or b""
    return [whole[i : i + PRINT_BYTES] for i in range(0, len(whole), PRINT_BYTES)]


def _people(session: Session, checkin: CheckIn) -> int:
    """How many people of the agency checked in from the phone that this one came from."""
    here = (Case.agency_id == checkin.case.agency_id, CheckIn.phone_mark == checkin.phone_mark)
    lately = CheckIn.at.between(checkin.at - PHONE_FOR, checkin.at)
    query = select(func.count(Case.person_id.distinct())).select_from(CheckIn).join(CheckIn.case)
    return session.scalar(query.where(*here, lately)) or 0


def _bracelet(
    session: Session, checkin: CheckIn, here: Spot, figures: Limits, trail: Trail
) -> Finding | None:
    """How far the bracelet was; nothing is read where no order was in force then (LCC 29)."""
    if orders.in_force(session, checkin.case, checkin.at) is None:
        return None
    within = timedelta(minutes=figures.bracelet_within_minutes)
    places = trail(session, checkin.case_id, checkin.at - within, checkin.at + within)
    fixes = [Spot(it.time, it.lat, it.lon, it.accuracy_m, it.source) for it in places]
    return rules.bracelet(here, fixes, figures)


def _spots(checkins: Iterable[CheckIn]) -> list[Spot]:
    return [spot for spot in map(_spot, checkins) if spot is not None]


def _spot(checkin: CheckIn) -> Spot | None:
    if checkin.lat is None or checkin.lon is None:
        return None
    return Spot(checkin.at, checkin.lat, checkin.lon, checkin.accuracy_m)
