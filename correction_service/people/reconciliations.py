"""Compare another agency's list with our register, by document numbers alone (信息核对).

Whoever stands on a court's or a police list and not in our register may never have been handed over
(漏管); whoever stands in ours and not on theirs may have been released without our knowing. Neither
is changed by a list: an officer looks, acts, and writes down what was found.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service.db import ring_of
from correction_service.people import imports
from correction_service.scope import visible
from correction_service.sheets import Table
from models.case import ENDED, Case, CaseState
from models.errors import Forbidden, Invalid, NotFound
from models.identity import IdKind
from models.person import Person, id_index
from models.reconciliation import DifferenceKind, Reconciliation, RegisterDifference
from models.user import Permission, User

MOST_TEXT = 200
Kind = DifferenceKind


class Ours(NamedTuple):
    """A case of the register."""

    case_id: int
    state: CaseState


def compare(
    session: Session, user: User, table: Table, source: str, now: datetime
) -> Reconciliation:
    """Compare a list, headed at least by the document number, with the agency's open cases."""
    if not user.may(Permission.ENROL) or user.office_id is not None:
        raise Forbidden("A list is compared with the whole register, by the county.")
    if not source.strip():
        raise Invalid("Say whose list this is, and of which day.", field="source")
    listed, unread = _listed(session, table)
    ours = _ours(session, user)
    found = [*unread, *_theirs(listed, ours), *_only_ours(listed, ours)]
    agreed = sum(1 for index in listed if _open(ours.get(index, ())))
    made = Reconciliation(
        agency_id=user.agency_id,
        source=source.strip()[:MOST_TEXT],
        listed=sum(len(rows) for rows in listed.values()) + len(unread),
        agreed=agreed,
        made_by=user.id,
        made_at=now,
        differences=found,
    )
    session.add(made)
    session.flush()
    return made


def _listed(
    session: Session, table: Table
) -> tuple[Mapping[bytes, list[int]], list[RegisterDifference]]:
    """The rows of the list by blind index, and those whose number cannot be one."""
    ring = ring_of(session)
    rows, faults = imports.rows_of(table, ("id_number",))
    listed: dict[bytes, list[int]] = defaultdict(list)
    unread = [RegisterDifference(kind=Kind.UNREADABLE, row=fault.row) for fault in faults]
    for row in rows:
        try:
            listed[id_index(ring, IdKind.RESIDENT, row.texts["id_number"])].append(row.number)
        except Invalid:
            unread.append(RegisterDifference(kind=Kind.UNREADABLE, row=row.number))
    return listed, unread


def _ours(session: Session, user: User) -> Mapping[bytes, list[Ours]]:
    found: dict[bytes, list[Ours]] = defaultdict(list)
    query = select(Person.id_index, Case.id, Case.state).join(Case, Case.person_id == Person.id)
    for index, case_id, state in session.execute(query.where(visible(user)).order_by(Case.id)):
        found[index].append(Ours(case_id, state))
    return found


def _open(cases: Sequence[Ours]) -> list[Ours]:
    return [it for it in cases if it.state not in ENDED]


def _theirs(
    listed: Mapping[bytes, list[int]], ours: Mapping[bytes, list[Ours]]
) -> Iterator[RegisterDifference]:
    for index, rows in listed.items():
        for again in rows[1:]:
            yield RegisterDifference(kind=Kind.TWICE_THERE, row=again)
        known = ours.get(index, [])
        if not known:
            yield RegisterDifference(kind=Kind.NOT_HERE, row=rows[0])
        elif not _open(known):
            yield RegisterDifference(kind=Kind.ENDED_HERE, row=rows[0], case_id=known[-1].case_id)


def _only_ours(
    listed: Mapping[bytes, list[int]], ours: Mapping[bytes, list[Ours]]
) -> Iterator[RegisterDifference]:
    for index, cases in ours.items():
        running = _open(cases)
        for again in running[1:]:
            yield RegisterDifference(kind=Kind.TWICE_HERE, case_id=again.case_id)
        if running and index not in listed:
            yield RegisterDifference(kind=Kind.NOT_THERE, case_id=running[0].case_id)


def made(session: Session, user: User) -> Sequence[Reconciliation]:
    """The comparisons of the user's agency, the latest first."""
    query = select(Reconciliation).where(Reconciliation.agency_id == user.agency_id)
    return session.scalars(query.order_by(Reconciliation.id.desc()).limit(50)).all()


def differences(session: Session, user: User, made_id: int) -> Sequence[RegisterDifference]:
    """What one comparison of the user's agency found, of cases that the user may see."""
    query = _seen(user).where(RegisterDifference.reconciliation_id == made_id)
    case = joinedload(RegisterDifference.case).joinedload(Case.person)
    open_first = (RegisterDifference.handled_at.is_not(None), RegisterDifference.id)
    return session.scalars(query.options(case).order_by(*open_first)).all()


def handle(
    session: Session, user: User, difference_id: int, note: str, now: datetime
) -> RegisterDifference:
    """Write down what was found and done about a difference."""
    if not user.may(Permission.ENROL):
        raise Forbidden("Your role does not include this.")
    query = _seen(user).where(RegisterDifference.id == difference_id)
    difference = session.scalar(query.with_for_update(of=RegisterDifference))
    if difference is None:
        raise NotFound("There is no such difference in your offices.")
    difference.handle(user.id, now, note)
    session.flush()
    return difference


def _seen(user: User) -> Select[RegisterDifference]:
    mine: ColumnElement[bool] = Reconciliation.agency_id == user.agency_id
    query = select(RegisterDifference).join(RegisterDifference.reconciliation)
    query = query.outerjoin(RegisterDifference.case)
    return query.where(mine, or_(RegisterDifference.case_id.is_(None), visible(user)))
