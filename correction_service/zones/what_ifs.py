"""推演: try figures on stored positions before they count; asked by a head, done in the background.

What is told are counts; the look at each person's trail is in the log as the asker's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session, joinedload

from correction_service.zones import zone_rules
from models.errors import Forbidden, NotFound, Refused
from models.rule import Rule
from models.rules import checked, figures_of
from models.user import Permission, User
from models.what_if import UNDER_WAY, WhatIf, WhatIfState

PERIOD = timedelta(days=30)
SHOWN = 10
PROPOSED = "proposed"  # version of a rule that has none yet


def ask(session: Session, user: User, figures: Mapping[str, float], now: datetime) -> WhatIf:
    """Ask what the last 30 days would have been under other figures; one at a time each.

    Raises Invalid for a figure out of bounds; figures that are left out are the engine's own.
    """
    _admit(user)
    rule = checked(figures)._replace(version=PROPOSED)
    mine = (WhatIf.asked_by == user.id, WhatIf.state.in_(UNDER_WAY))
    if session.scalar(select(WhatIf.id).where(*mine).limit(1)) is not None:
        raise Refused("One that you asked for is still under way: wait for it, or cancel it.")
    asked = WhatIf(
        asked_by=user.id,
        agency_id=user.agency_id,
        office_id=user.office_id,
        asked_at=now,
        since=now - PERIOD,
        until=now,
        present=_fields(zone_rules.rule_at(session, now)),
        proposed=_fields(rule),
        result={},
    )
    session.add(asked)
    session.flush()
    return asked


def _admit(user: User) -> None:
    if not user.may(Permission.CHANGE_RULES):
        raise Forbidden("Your role does not include this.")


def _fields(rule: Rule) -> dict[str, Any]:
    return {"version": rule.version, **figures_of(rule)}


def what_if_for(session: Session, user: User, what_if_id: int) -> WhatIf:
    """One that the user, or somebody with the same sight then, asked for."""
    _admit(user)
    found = session.scalar(_seen(user).where(WhatIf.id == what_if_id))
    if found is None:
        raise NotFound("There is no such what-if.")
    return found


def latest(session: Session, user: User) -> Sequence[WhatIf]:
    """What was asked for lately by who sees the same cases, the newest first."""
    _admit(user)
    return session.scalars(_seen(user).order_by(WhatIf.id.desc()).limit(SHOWN)).all()


def _seen(user: User) -> Select[WhatIf]:
    here = WhatIf.office_id.is_not_distinct_from(user.office_id)
    same = (WhatIf.agency_id == user.agency_id, here)
    return select(WhatIf).where(*same).options(joinedload(WhatIf.user))


def cancel(session: Session, what_if: WhatIf, now: datetime) -> None:
    """Let it be; whoever runs it finds out at its next step."""
    session.refresh(what_if, with_for_update={"of": WhatIf})  # it may be done by now
    if what_if.state not in UNDER_WAY:
        raise Refused("It is over already.")
    what_if.state, what_if.finished_at = WhatIfState.CANCELLED, now
    session.flush()


def claim(session: Session, now: datetime) -> WhatIf | None:
    """Take the oldest that waits, or that a process left behind: only one process asks."""
    waiting = select(WhatIf.id).where(WhatIf.state.in_(UNDER_WAY)).order_by(WhatIf.id).limit(1)
    chosen = session.scalar(waiting)
    if chosen is None:
        return None
    taken = (
        update(WhatIf)
        .where(WhatIf.id == chosen, WhatIf.state.in_(UNDER_WAY))
        .values(state=WhatIfState.RUNNING, beat_at=now, progress=0.0)
        .returning(WhatIf.id)
        .execution_options(synchronize_session=False)
    )
    if session.scalar(taken) is None:
        return None
    query = select(WhatIf).where(WhatIf.id == chosen)
    return session.scalar(query.options(joinedload(WhatIf.user)))


def keep(session: Session, what_if_id: int, was: datetime, now: datetime, **values: object) -> bool:
    """Write how far it is and tell whether: not once it is cancelled or taken over since `was`."""
    mine = (
        WhatIf.id == what_if_id,
        WhatIf.state == WhatIfState.RUNNING,
        WhatIf.beat_at == was,
    )
    written = (
        update(WhatIf)
        .where(*mine)
        .values(beat_at=now, **values)
        .returning(WhatIf.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(written) is not None
