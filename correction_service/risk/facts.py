"""What the register knows that may speak of slipping away: one query a kind, for all cases at once.

Left out is what an officer found innocent or protected, what came while the person was lawfully
away, and what an officer has looked at since: a flag that was handled begins anew from there.
Silence of a bracelet is no fact: it says that nothing is known, never that somebody is at fault.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.tracking.wearer_days import on_sqlite, seconds
from models.assessment import protected
from models.case import Case, CaseState, supervised_on
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.incident import Cause, Incident, IncidentKind
from models.leave import Leave, LeaveState
from models.movement import MovementDay
from models.notice import Notice, NoticeState
from models.review import not_the_person
from models.risk import FlagKind, FlagState, RiskFlag
from models.risk_score import DAY_S, Facts, Weights, joined

AT_ONCE = 50_000  # rows in memory as Python objects
EPOCH, EPOCH_JULIAN = date(1970, 1, 1), 2_440_587.5
YEAR = timedelta(days=365)
UNDELIVERED = timedelta(days=1)  # carriers try again for hours
SPEAKS = frozenset({Cause.LEFT_WITHOUT_APPROVAL, Cause.TAMPERED, Cause.OTHER})
KINDS = frozenset(
    {
        IncidentKind.STRAP_OPENED,
        IncidentKind.CASE_OPENED,
        IncidentKind.SEPARATED,
        IncidentKind.POWER_OFF,
        IncidentKind.JAMMED,
        IncidentKind.LEFT_HOME_AREA,
        IncidentKind.ENTERED_EXCLUSION,
        IncidentKind.OUT_IN_CURFEW,
        IncidentKind.AWAY_FROM_PLACE,
        IncidentKind.LEAVE_OVERDUE,
        IncidentKind.AWAY_FROM_DESTINATION,
        IncidentKind.CONTACT,
        IncidentKind.GATHERING,
    }
)
EARLIER = {
    "earlier_absence": Cause.LEFT_WITHOUT_APPROVAL,
    "earlier_tampering": Cause.TAMPERED,
}
SUBJECTS = {  # which table an item's `ref` is of, where it is no incident
    "checkin_missed": "duty",
    "checkin_late": "duty",
    "checkin_no_match": "checkin",
    "new_place": "day",
    "other_night": "day",
    "unusually_far": "day",
    "lost_contact": "case",
    "not_delivered": "notice",
}
Rows = Select[*tuple[Any, ...]]
Source = tuple[str, Rows]  # the item, and (case_id, since 1970 in seconds, id of the row)


def gather(session: Session, weights: Weights, at: datetime, *whose: ColumnElement[bool]) -> Facts:
    """Read all facts of `weights.window_days` before `at`, of supervised cases that match."""
    since = at - timedelta(days=weights.window_days)
    sources = [
        *_duties(session, since, at),
        *_incidents(session, since, at),
        *_movement(session, since, at),
        *_contact(session, since, at),
        *_history(session, since, at),
    ]
    mine = (supervised_on(hours.local_day(at)), *whose)
    parts = [_read(session, weights.names.index(item), rows.where(*mine)) for item, rows in sources]
    return _unseen(session, joined(parts))


def subject(item: str, ref: int) -> str:
    """Name the row that a fact rests on: incident:17, duty:4, day:2026-11-20."""
    kind = SUBJECTS.get(item, "incident")
    return f"{kind}:{EPOCH + timedelta(days=ref) if kind == 'day' else ref}"


def _read(session: Session, item: int, rows: Rows) -> Facts:
    """A row becomes three numbers as it comes; no object of the ORM is made."""
    parts = []
    for some in session.execute(rows, execution_options={"yield_per": AT_ONCE}).partitions():
        case, at_s, ref = (np.array(column) for column in zip(*some, strict=True))
        parts.append(
            Facts(
                case.astype(np.int64),
                np.full(len(case), item, np.int64),
                at_s.astype(np.float64),
                ref.astype(np.int64),
            )
        )
    return joined(parts)


def _unseen(session: Session, facts: Facts) -> Facts:
    """Leave out what an officer has looked at: older than the latest flag that was handled."""
    handled = (RiskFlag.kind == FlagKind.SLIPPING_AWAY, RiskFlag.state == FlagState.HANDLED)
    query = select(RiskFlag.case_id, func.max(seconds(session, RiskFlag.handled_at)))
    looked = session.execute(query.where(*handled).group_by(RiskFlag.case_id)).all()
    if not looked or not len(facts):
        return facts
    cases, at_s = (np.array(column) for column in zip(*sorted(map(tuple, looked)), strict=True))
    place = np.minimum(np.searchsorted(cases, facts.case), len(cases) - 1)
    seen = (cases[place] == facts.case) & (facts.at_s <= at_s[place].astype(np.float64))
    return facts.only(~seen)


def _duties(session: Session, since: datetime, at: datetime) -> Iterable[Source]:
    for item, state, moment in (
        ("checkin_missed", DutyState.MISSED, CheckInDuty.missed_after),
        ("checkin_late", DutyState.LATE, CheckInDuty.closes_at),
    ):
        rows = select(CheckInDuty.case_id, seconds(session, moment), CheckInDuty.id)
        which = (CheckInDuty.state == state, CheckInDuty.closes_at.between(since, at))
        yield item, rows.join(CheckInDuty.case).where(*which, _unprotected(CheckInDuty, "duty"))
    rows = select(CheckIn.case_id, seconds(session, CheckIn.at), CheckIn.id).join(CheckIn.case)
    found = and_(not_the_person(), _unprotected(CheckIn, "checkin"))
    yield "checkin_no_match", rows.where(CheckIn.at.between(since, at), found)


def _unprotected(table: type[CheckInDuty | CheckIn | Incident], kind: str) -> ColumnElement[bool]:
    return ~protected(table.case_id, f"{kind}:" + cast(table.id, String))


def _incidents(session: Session, since: datetime, at: datetime) -> Iterable[Source]:
    """Open ones, and those that no officer found innocent or protected."""
    open_or_found = or_(Incident.cause.is_(None), Incident.cause.in_(SPEAKS))
    speaks = and_(open_or_found, _unprotected(Incident, "incident"))
    window = Incident.since.between(since, at)
    rows = select(Incident.case_id, seconds(session, Incident.since), Incident.id)
    for kind in sorted(KINDS):
        which = (Incident.kind == kind, speaks, window)
        yield kind.value, rows.join(Incident.case).where(*which)


def _movement(session: Session, since: datetime, at: datetime) -> Iterable[Source]:
    """A day is a fact from its end on, unless it was one of a leave."""
    first, last = hours.local_day(since), hours.local_day(at)
    number = _days_since_1970(session)
    ends_s = number * DAY_S + (hours.day_end(EPOCH).timestamp())
    away = exists().where(
        Leave.case_id == MovementDay.case_id,
        Leave.state != LeaveState.CANCELLED,
        seconds(session, Leave.starts_at) < ends_s,
        seconds(session, Leave.ends_at) > ends_s - DAY_S,
    )
    for item, odd in (
        ("new_place", MovementDay.new_place_m),
        ("other_night", MovementDay.other_night_m),
        ("unusually_far", MovementDay.unusually_far_m),
    ):
        rows = select(MovementDay.case_id, ends_s, number)
        rows = rows.join(Case, Case.id == MovementDay.case_id)
        yield item, rows.where(odd.is_not(None), MovementDay.day.between(first, last), ~away)


def _days_since_1970(session: Session) -> ColumnElement[int]:
    if on_sqlite(session):
        return cast(func.julianday(MovementDay.day) - EPOCH_JULIAN, Integer)
    return cast(MovementDay.day - literal(EPOCH), Integer)


def _contact(session: Session, since: datetime, at: datetime) -> Iterable[Source]:
    lost = (Case.state == CaseState.LOST_CONTACT, Case.state_since.between(since, at))
    yield "lost_contact", select(Case.id, seconds(session, Case.state_since), Case.id).where(*lost)
    waits = (
        Notice.state == NoticeState.TO_CALL,
        Notice.created_at.between(since, at - UNDELIVERED),
    )
    rows = select(Case.id, seconds(session, Notice.created_at), Notice.id)
    yield "not_delivered", rows.join(Case, Case.person_id == Notice.person_id).where(*waits)


def _history(session: Session, since: datetime, at: datetime) -> Iterable[Source]:
    rows = select(Incident.case_id, seconds(session, Incident.since), Incident.id)
    before = and_(Incident.since.between(at - YEAR, since), _unprotected(Incident, "incident"))
    for item, cause in EARLIER.items():
        yield item, rows.join(Incident.case).where(Incident.cause == cause, before)
