"""异议 (IM 32): an entry is objected to, the county answers, and after it the procuratorate.

How many working days keep a deduction provisional, and how many there are to answer, stands in the
entry's rulebook. Objecting later is as good, but the deduction counts meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import points
from correction_service.law import legal_days
from correction_service.messages import notices
from correction_service.scope import case_for, visible
from models.assessment import Objection, ObjectionState
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.points import PointsEntry, Rulebook
from models.user import Permission, User

TEXT_LENGTH = 2000


def object_to(
    session: Session,
    case: Case,
    entry_id: int,
    text: str,
    *,
    now: datetime,
    taken_by: User | None = None,
) -> Objection:
    """Take a person's objection to an entry of their ledger, from the phone or by an officer."""
    entry = session.get(PointsEntry, entry_id, with_for_update=True)
    if entry is None or entry.case_id != case.id:
        raise NotFound("There is no such entry in your offices.")
    if not text.strip():
        raise Invalid("Say in a sentence what is wrong with it.", field="text")
    if len(text) > TEXT_LENGTH:
        raise Invalid("At most 2000 characters fit here.", field="text")
    _refuse_settled(session, entry)
    rules = session.get_one(Rulebook, entry.rulebook_id).rules
    calendar, today = legal_days.calendar_of(session), hours.local_day(now)
    entered_on = hours.local_day(entry.made_at)
    in_time = calendar.deadline(entered_on, working_days=rules["objection_working_days"])
    timely = not in_time.over(today)
    objection = Objection(
        entry=entry,
        case=case,
        text=text.strip(),
        made_at=now,
        taken_by=taken_by.id if taken_by else None,
        timely=timely,
        holds=timely and entry.points < 0,
        due_on=calendar.deadline(today, working_days=rules["answer_working_days"]).day,
        state=ObjectionState.OPEN,
    )
    session.add(objection)
    return _changed(session, objection, now)


def _refuse_settled(session: Session, entry: PointsEntry) -> None:
    if session.scalar(select(Objection.id).where(Objection.entry_id == entry.id)) is not None:
        raise Refused("This entry was already objected to.", code="already_objected")
    back = select(PointsEntry.id).where(PointsEntry.reverses_id == entry.id)
    if entry.reverses_id is not None or session.scalar(back) is not None:
        raise Refused("This entry was already taken back.", code="already_reversed")


def answer(
    session: Session,
    user: User,
    objection_id: int,
    state: ObjectionState,
    *,
    note: str,
    now: datetime,
) -> Objection:
    """Uphold or dismiss an objection, in writing; upheld, a second line takes the entry back."""
    objection = objection_for(session, user, objection_id, Permission.DECIDE)
    if state is ObjectionState.OPEN:
        raise Invalid("Choose one of the list.", field="state")
    objection.decide(state, user.id, now, note)
    if state is ObjectionState.UPHELD:
        _take_back(session, objection.entry, user, now, note)
    notices.queue(session, objection.case, "objection", now)
    return _changed(session, objection, now)


def _take_back(session: Session, entry: PointsEntry, user: User, now: datetime, note: str) -> None:
    """A penalty for the same fact may have taken it back meanwhile: once is enough."""
    back = select(PointsEntry.id).where(PointsEntry.reverses_id == entry.id)
    if session.scalar(back) is None:
        points.reverse(session, entry, user.id, now, note)


def carry_on(session: Session, case: Case, objection_id: int, now: datetime) -> Objection:
    """Note that the person turns to the procuratorate, which reads it at its own seat."""
    objection = session.get(Objection, objection_id, with_for_update=True)
    if objection is None or objection.case_id != case.id:
        raise NotFound("There is no such objection in your offices.")
    objection.carry_on(now)
    return _changed(session, objection, now)


def objection_for(
    session: Session, user: User, objection_id: int, permission: Permission
) -> Objection:
    """Return an objection of a case that the user may see and act on, under lock."""
    objection = session.get(Objection, objection_id, with_for_update=True)
    if objection is None:
        raise NotFound("There is no such objection in your offices.")
    case_for(session, user, objection.case_id, permission)
    return objection


def to_answer(user: User) -> Select[Objection]:
    """Objections in the user's offices that nobody answered, the nearest clock first."""
    query = select(Objection).join(Objection.case).where(visible(user))
    waiting = query.where(Objection.state == ObjectionState.OPEN)
    beside = (joinedload(Objection.case).joinedload(Case.person), joinedload(Objection.entry))
    return waiting.options(*beside).order_by(Objection.due_on, Objection.id)


def of(session: Session, case_id: int) -> dict[int, Objection]:
    """Return the objections of a case by the entry that each is to."""
    found: Sequence[Objection] = session.scalars(
        select(Objection).where(Objection.case_id == case_id)
    ).all()
    return {objection.entry_id: objection for objection in found}


def _changed(session: Session, objection: Objection, now: datetime) -> Objection:
    session.flush()
    outbox.live(session, objection.case, "points", objection.entry_id, now)
    return objection
