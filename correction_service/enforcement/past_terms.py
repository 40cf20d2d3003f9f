"""What a bracelet said past the true end of a sentence: it goes with the next night (LCC 29, 44).

A paper may say that a term was over already; until somebody agreed to it, positions were stored
that no order covers. Nobody looks at them any more (`trails`), and they are deleted as those of a
closed case are: with a receipt, and not before what holds the case is over.
"""

from collections.abc import Sequence
from datetime import date, datetime

import structlog
from sqlalchemy import ColumnElement, Row, and_, delete, select
from sqlalchemy.orm import Session

from correction_service import hours, retention
from correction_service.audit import SYSTEM
from correction_service.db import Database, among
from correction_service.enforcement import deletions
from correction_service.enforcement.deletions import Gone, Kept, Rule
from correction_service.settings import Settings
from correction_service.storage import history, packing
from correction_service.storage.history import HistoryBroken
from models.case import Case
from models.device import Binding
from models.fix import DeviceEvent, PackedDay
from models.movement import MovementDay
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import User
from models.zone import Zone, ZoneChange

# a case's id and last day, the bracelet that it wore, from when to when
Worn = Row[int, date, int, datetime, datetime | None]

log = structlog.get_logger()


def run(database: Database, settings: Settings, now: datetime) -> int:
    """Delete what lies past a corrected end; return of how many wearings something went."""
    with database.reading() as session:
        rule = deletions.rule(session, settings, "past_term")
        found = _wearings(session, now, deletions.free())
    went = 0
    for worn in found:
        try:
            with database.transaction(SYSTEM, "retention") as session:
                went += _end(session, worn, rule, now)
        except HistoryBroken:
            log.warning("not_deleted", device=worn.device_id, case=worn.id)
    return went


def held(session: Session, user: User, now: datetime) -> list[Kept]:
    """The cases of the user's offices of which this is kept for now, each with why."""
    found = _wearings(session, now, ~deletions.free())
    return deletions.kept(session, user, among(session, Case.id, {it.id for it in found}))


def _wearings(session: Session, now: datetime, which: ColumnElement[bool]) -> Sequence[Worn]:
    """What was worn past a day that a correction may have moved, by which cases."""
    corrected = select(SentenceCorrection.case_id).where(
        SentenceCorrection.state == CorrectionState.AGREED
    )
    query = (
        select(Case.id, Case.term_end, Binding.device_id, Binding.bound_at, Binding.unbound_at)
        .join(Binding, Binding.case_id == Case.id)
        .where(Case.id.in_(corrected), Case.term_end < hours.local_day(now), which)
    )
    rows = session.execute(query.order_by(Binding.id)).all()
    return [it for it in rows if hours.day_end(it.term_end) < (it.unbound_at or now)]


def _end(session: Session, worn: Worn, rule: Rule, now: datetime) -> bool:
    """Delete a wearing's part after the end; the receipt names the span, and counts each fix."""
    end = hours.day_end(worn.term_end)
    since, until = max(end, worn.bound_at), worn.unbound_at or now
    positions = history.fixes(session, worn.device_id, since, until)["time"]
    kinds = {
        "position": deletions.gone(it.isoformat() for it in history.moments(positions)),
        PackedDay.__tablename__: deletions.gone(
            it.hex() for it in packing.take_out(session, worn.device_id, since, until, now)
        ),
    }
    for name in (*history.tables(session), DeviceEvent.__tablename__):
        kinds[name] = retention.clear(session, name, worn.device_id, since, until)
    kinds |= _of_case(session, worn, end)
    deletions.receipt(session, worn.id, kinds, rule, now, span=(since, until))
    return any(it.rows for it in kinds.values())


def _of_case(session: Session, worn: Worn, end: datetime) -> dict[str, Gone]:
    """Delete what was made of these positions: days of movement, decided states of zones."""
    zones = select(Zone.id).where(Zone.case_id == worn.id)
    moved = and_(MovementDay.case_id == worn.id, MovementDay.day > worn.term_end)
    decided = and_(ZoneChange.zone_id.in_(zones), ZoneChange.since >= end)
    which = ((MovementDay, MovementDay.day, moved), (ZoneChange, ZoneChange.id, decided))
    kinds = {}
    for of, key, past in which:
        kinds[of.__tablename__] = deletions.gone(session.scalars(select(key).where(past)).all())
        session.execute(delete(of).where(past), execution_options={"synchronize_session": False})
    return kinds
