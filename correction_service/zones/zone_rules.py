"""围栏判定规则: put other figures into force from a moment on, or withdraw them before it comes.

A rule begins some minutes after it was made, and every process reads the rules every minute, so
that none still judges by the old one when another judges by the new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from correction_service.scope import agencies_below
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.rule import RULE, Rule
from models.rules import Rules, checked, figures_of, ruled
from models.user import Permission, User
from models.zone_rule import ZoneRule

READ_EVERY = timedelta(minutes=1)
AHEAD = timedelta(minutes=5)
REASON_LENGTH = 2000


class Standing(StrEnum):
    """Where a rule that somebody made stands."""

    COMING = "coming"
    IN_FORCE = "in_force"
    OVER = "over"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Entry:
    """A rule that was made, by whom, where it stands, and the word against it, if there is one."""

    row: ZoneRule
    rule: Rule
    by: str
    standing: Standing
    withdrawal: ZoneRule | None = None
    withdrawn_by: str | None = None


def read(session: Session) -> Rules:
    """Every rule of this engine that was not withdrawn, each from its moment on.

    Ingest may read no more than these columns: not why, nor by whom.
    """
    withdrawal = aliased(ZoneRule)
    against = select(withdrawal.id).where(withdrawal.withdraws_id == ZoneRule.id)
    own = (ZoneRule.engine == RULE.version, ZoneRule.withdraws_id.is_(None))
    query = (
        select(ZoneRule.version, ZoneRule.engine, ZoneRule.effective_from, ZoneRule.figures)
        .where(*own, ~against.exists())
        .order_by(ZoneRule.effective_from, ZoneRule.version)
    )
    return Rules((it.effective_from, _rule(it)) for it in session.execute(query))


def rule_at(session: Session, moment: datetime) -> Rule:
    """The rule in force at a moment: the one that began last, else the engine's own."""
    return read(session).at(moment)


def _rule(row: ZoneRule | Row[Any]) -> Rule:
    return ruled(row.figures, f"{row.engine}.{row.version}")


def put_into_force(
    session: Session,
    user: User,
    figures: Mapping[str, float],
    *,
    effective_from: datetime,
    reason: str,
    now: datetime,
) -> ZoneRule:
    """Let other figures count from a moment on; figures left out are those of the engine.

    Raises Invalid for a figure out of bounds, no reason, or a moment that is too near; Forbidden
    to who does not answer for every case that would be judged by it.
    """
    _admit(session, user)
    rule = checked(figures)
    if effective_from < now + AHEAD:
        raise Invalid(
            "A rule begins %(minutes)d minutes from now at the earliest, so that all know it.",
            field="effective_from",
            minutes=AHEAD.seconds // 60,
        )
    if figures_of(rule_at(session, effective_from)) == figures_of(rule):
        raise Refused("These figures are in force then in any case.", code="no_change")
    return _add(
        session,
        ZoneRule(
            engine=RULE.version,
            effective_from=effective_from,
            figures=figures_of(rule),
            reason=_reason(reason),
            made_by=user.id,
            made_at=now,
        ),
    )


def withdraw(session: Session, user: User, version: int, *, reason: str, now: datetime) -> ZoneRule:
    """Say that a rule that was to come never begins; the rule before it stays in force."""
    _admit(session, user)
    row = session.scalar(select(ZoneRule).where(ZoneRule.version == version))
    if row is None or row.withdraws_id is not None:
        raise NotFound("There is no such rule.")
    if row.effective_from < now + AHEAD:
        raise Refused(
            "A rule is withdrawn %(minutes)d minutes before it begins at the latest: make another.",
            minutes=AHEAD.seconds // 60,
        )
    if session.scalar(select(ZoneRule.id).where(ZoneRule.withdraws_id == row.id)) is not None:
        raise Refused("This rule was already withdrawn.")
    return _add(
        session,
        ZoneRule(
            engine=row.engine,
            effective_from=row.effective_from,
            figures={},
            reason=_reason(reason),
            made_by=user.id,
            made_at=now,
            withdraws_id=row.id,
        ),
    )


def answers_for_all(session: Session, user: User) -> bool:
    """Whether the user may change rules and every case that they judge is of the user's agency."""
    if not user.may(Permission.CHANGE_RULES) or user.office_id is not None:
        return False
    other = select(Case.id).where(~agencies_below(user.agency_id))
    return session.scalar(other.limit(1)) is None


def _admit(session: Session, user: User) -> None:
    if not answers_for_all(session, user):
        raise Forbidden("Rules judge every case: only the head who answers for all changes them.")


def _reason(reason: str) -> str:
    said = reason.strip()
    if not 0 < len(said) <= REASON_LENGTH:
        raise Invalid("Give a reason of at most %(most)d letters.", field="reason",
                      most=REASON_LENGTH)  # fmt: skip
    return said


def _add(session: Session, row: ZoneRule) -> ZoneRule:
    row.version = (session.scalar(select(func.max(ZoneRule.version))) or 0) + 1
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        raise Refused("Somebody else has just changed the rules: look again.") from None
    return row


def entries(session: Session, now: datetime) -> Sequence[Entry]:
    """Every rule that was made for this engine, the newest first."""
    current = rule_at(session, now).version
    withdrawal, by, withdrawer = aliased(ZoneRule), aliased(User), aliased(User)
    query = (
        select(ZoneRule, by.name, withdrawal, withdrawer.name)
        .join(by, by.id == ZoneRule.made_by)
        .outerjoin(withdrawal, withdrawal.withdraws_id == ZoneRule.id)
        .outerjoin(withdrawer, withdrawer.id == withdrawal.made_by)
        .where(ZoneRule.engine == RULE.version, ZoneRule.withdraws_id.is_(None))
        .order_by(ZoneRule.version.desc())
    )
    return [
        Entry(row, _rule(row), name, _stands(row, gone, current, now), gone, goner)
        for row, name, gone, goner in session.execute(query)
    ]


def _stands(row: ZoneRule, withdrawal: ZoneRule | None, current: str, now: datetime) -> Standing:
    if withdrawal is not None:
        return Standing.WITHDRAWN
    if row.effective_from > now:
        return Standing.COMING
    return Standing.IN_FORCE if _rule(row).version == current else Standing.OVER
