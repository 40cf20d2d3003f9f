"""管理等级: an officer sets a person's supervision level with a reason, and each change is kept.

A level is how closely somebody is looked after and no penalty; which there are and what they ask
is the county's own (LCC 24 asks for plans that fit the person, V; the three names R).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.messages import notices
from correction_service.people.cases import open_case_for
from models.assessment import LevelSuggestion, SuggestionState
from models.case import Case, Level
from models.errors import Invalid, Refused
from models.level_change import LevelBasis, LevelChange
from models.user import Permission, User

MOST_REASON = 2000
BY_HAND = tuple(it for it in LevelBasis if it is not LevelBasis.SUGGESTION)


def set_level(
    session: Session,
    user: User,
    case_id: int,
    level: Level,
    basis: LevelBasis,
    *,
    reason: str,
    now: datetime,
) -> LevelChange:
    """Set a level by an officer's judgment; what closed quarters suggested is overtaken by it."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    lock(session, case)
    if basis not in BY_HAND:
        raise Invalid("Choose one of the list.", field="basis")
    if not reason.strip():
        raise Invalid("The decision gives its reason.", field="note")
    if len(reason) > MOST_REASON:
        raise Invalid("At most 2000 characters fit here.", field="note")
    if level is case.level:
        raise Refused("The person has this level already.", field="level")
    open_ones = (LevelSuggestion.case_id == case.id, LevelSuggestion.state == SuggestionState.OPEN)
    session.execute(update(LevelSuggestion).where(*open_ones).values(state=SuggestionState.PASSED))
    made = LevelChange(level=level, basis=basis, reason=reason.strip(), made_by=user.id)
    return _write(session, case, made, now)


def lock(session: Session, case: Case) -> None:
    """Lock a case, before its suggestions: two officers do not both change the same level.

    Its key stays free, so that what closed quarters suggest can point to it meanwhile.
    """
    session.refresh(case, with_for_update={"key_share": True})


def take(
    session: Session, suggestion: LevelSuggestion, by: int, reason: str, now: datetime
) -> LevelChange | None:
    """Write down the level that an officer took from a suggestion, unless it stands already."""
    if suggestion.case.level is suggestion.level:
        return None
    basis = LevelBasis.SUGGESTION
    made = LevelChange(level=suggestion.level, basis=basis, reason=reason.strip(), made_by=by)
    made.suggestion_id = suggestion.id
    return _write(session, suggestion.case, made, now)


def _write(session: Session, case: Case, made: LevelChange, now: datetime) -> LevelChange:
    made.case_id, made.before = case.id, case.level
    made.since, made.made_at = hours.local_day(now), now
    case.level = made.level
    session.add(made)
    session.flush()
    notices.queue(session, case, "level", now)
    outbox.live(session, case, "case", case.id, now)
    return made


def of(session: Session, case_id: int) -> Sequence[LevelChange]:
    """The changes of a case, the latest first."""
    mine = select(LevelChange).where(LevelChange.case_id == case_id)
    return session.scalars(mine.order_by(LevelChange.id.desc())).all()


def on(day: date) -> ColumnElement[Any]:
    """A case's level at the end of a legal day, in SQL: what no change speaks of is as today."""
    mine = LevelChange.case_id == Case.id
    until = select(LevelChange.level).where(mine, LevelChange.since <= day)
    after = select(LevelChange.before).where(mine, LevelChange.since > day)
    return func.coalesce(
        until.order_by(LevelChange.id.desc()).limit(1).correlate(Case).scalar_subquery(),
        after.order_by(LevelChange.id).limit(1).correlate(Case).scalar_subquery(),
        Case.level,
    )
