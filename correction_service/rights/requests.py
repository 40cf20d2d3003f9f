"""Ask for a copy or a correction of one's data, or petition; who reads it, who answers by when.

A copy and a correction go to who supervises (PIPL 45, 46). A petition never reaches the officers
of the case: the heads read it, but not the one whom it names; one to the procuratorate is read
there alone (LCC 34). What is overdue comes to the heads and to the agency above as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import audit, hours, outbox
from correction_service.db import ring_of
from correction_service.law import legal_days
from correction_service.law.limits import bounds_of
from correction_service.messages import notices
from correction_service.scope import case_for, visible
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.person_request import (
    MOST_TEXT,
    Addressee,
    KeptField,
    PersonRequest,
    PersonRequestState,
    RequestKind,
)
from models.user import Permission, Role, User

MOST_OPEN = 10  # against a flood; nobody needs as many
OF_DATA = (RequestKind.COPY, RequestKind.CORRECTION)
LIMITS = {  # by kind, the limit of the law's table that says how long an answer may take
    RequestKind.COPY: "data_copy",
    RequestKind.CORRECTION: "data_correction",
    RequestKind.PETITION: "petition_answer",
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person writes; `text` may be empty for a copy alone."""

    kind: RequestKind
    text: str = ""
    addressee: Addressee = Addressee.AGENCY
    field: KeptField | None = None
    about: int | None = None

    def check(self) -> None:
        """Refuse what cannot be answered because nothing is said."""
        if self.kind is not RequestKind.COPY and not self.text.strip():
            raise Invalid("Say in a sentence what it is about.", field="text")
        if len(self.text) > MOST_TEXT:
            raise Invalid("At most 2000 characters fit here.", field="text")
        if self.kind is RequestKind.CORRECTION and self.field is None:
            raise Invalid("Choose what is wrong.", field="field")


def ask(session: Session, case: Case, wish: Wish, now: datetime) -> PersonRequest:
    """Take a request; the clock of its answer starts today."""
    wish.check()
    session.refresh(case, with_for_update=True)
    waiting = [it for it in of(session, case.id) if it.state is PersonRequestState.OPEN]
    if len(waiting) >= MOST_OPEN:
        raise Refused("Ten requests wait already. Call your officer, or wait for an answer.")
    if wish.kind is RequestKind.COPY and any(it.kind is RequestKind.COPY for it in waiting):
        raise Refused("Your request for a copy waits already.", code="already_asked")
    if wish.about is not None and wish.about not in {it.id for it in officers(session, case)}:
        raise Invalid("Choose one of the list.", field="about")
    petition = wish.kind is RequestKind.PETITION
    limit = bounds_of(session)[LIMITS[wish.kind]]
    due = legal_days.calendar_of(session).deadline(hours.local_day(now), days=limit.value)
    request = PersonRequest(
        case=case,
        kind=wish.kind,
        addressee=wish.addressee if petition else Addressee.AGENCY,
        field=wish.field if wish.kind is RequestKind.CORRECTION else None,
        about_id=wish.about if petition else None,
        asked_at=now,
        due_on=due.day,
        basis=f"{limit.basis} ({limit.mark.value})",
        state=PersonRequestState.OPEN,
    )
    session.add(request)
    session.flush()
    if wish.text.strip():
        request.put(ring_of(session), "text", wish.text.strip())
    return _changed(session, request, now)


def take(session: Session, user: User, case_id: int, wish: Wish, now: datetime) -> PersonRequest:
    """Write down what a person asks at the counter or by call; ended cases keep their rights.

    Who took it is on the record. A petition is out of the officers' lists from then on.
    """
    return ask(session, case_for(session, user, case_id, Permission.SUPERVISE), wish, now)


def officers(session: Session, case: Case) -> Sequence[User]:
    """The staff whom a person may name: of their office, and of the county itself."""
    here = or_(User.office_id.is_(None), User.office_id == case.office_id)
    query = select(User).where(User.agency_id == case.agency_id, User.active, here)
    found = session.scalars(query.order_by(User.name, User.id))
    return [user for user in found if user.may(Permission.SUPERVISE)]


def of(session: Session, case_id: int) -> Sequence[PersonRequest]:
    """A person's requests, the latest first."""
    query = select(PersonRequest).where(PersonRequest.case_id == case_id)
    return session.scalars(query.order_by(PersonRequest.id.desc())).all()


def mine(session: Session, case: Case, request_id: int) -> PersonRequest:
    """A person's own request, under lock; `NotFound` for anybody else's."""
    query = select(PersonRequest).where(PersonRequest.id == request_id)
    found = session.scalar(query.where(PersonRequest.case_id == case.id).with_for_update())
    if found is None:
        raise NotFound("There is no such request.")
    return found


def carry_on(session: Session, case: Case, request_id: int, now: datetime) -> PersonRequest:
    """Note that the person turns to the procuratorate, which reads request and answer."""
    request = mine(session, case, request_id)
    request.carry_on(now)
    return _changed(session, request, now)


def to_answer(user: User, now: datetime) -> Select[PersonRequest]:
    """What waits for this user's answer, the nearest last day first."""
    query = _readable(user, now).where(PersonRequest.state == PersonRequestState.OPEN)
    whose = joinedload(PersonRequest.case)
    query = query.options(whose.joinedload(Case.person), whose.joinedload(Case.office))
    return query.order_by(PersonRequest.due_on, PersonRequest.id)


def answered(user: User, now: datetime) -> Select[PersonRequest]:
    """What was answered, the latest first; the procuratorate's own and what came on to it."""
    query = _readable(user, now).where(PersonRequest.state != PersonRequestState.OPEN)
    query = query.options(joinedload(PersonRequest.case).joinedload(Case.person))
    return query.order_by(PersonRequest.answered_at.desc(), PersonRequest.id.desc())


def _readable(user: User, now: datetime) -> Select[PersonRequest]:
    query = select(PersonRequest).join(PersonRequest.case)
    return query.where(visible(user), _not_about(user), _for(user, now))


def _not_about(user: User) -> ColumnElement[bool]:
    return or_(PersonRequest.about_id.is_(None), PersonRequest.about_id != user.id)


def _for(user: User, now: datetime) -> ColumnElement[bool]:
    """Match what the user's seat reads."""
    to_agency = PersonRequest.addressee == Addressee.AGENCY
    if user.role is Role.PROCURATOR:
        return or_(~to_agency, PersonRequest.carried_on_at.is_not(None))
    found: list[Any] = []
    if user.may(Permission.SUPERVISE):
        found.append(PersonRequest.kind.in_(OF_DATA))
    if user.may(Permission.ANSWER_PETITIONS):
        overdue = PersonRequest.due_on < hours.local_day(now)
        found.append(and_(to_agency, or_(PersonRequest.kind == RequestKind.PETITION, overdue)))
    return or_(*found) if found else false()


def request_for(session: Session, user: User, request_id: int, now: datetime) -> PersonRequest:
    """A request that the user may read, under lock; another does not exist for them."""
    query = _readable(user, now).where(PersonRequest.id == request_id)
    found = session.scalar(query.with_for_update(of=PersonRequest))
    if found is None:
        raise NotFound("There is no such request in your offices.")
    return found


def view(session: Session, request: PersonRequest) -> tuple[str, str]:
    """Open what was asked and answered for somebody to read; the look is on record."""
    audit.viewed(session, "view_request", "person_request", request.id)
    ring = ring_of(session)
    return request.reveal(ring, "text"), request.reveal(ring, "answer")


def answers(user: User, request: PersonRequest) -> bool:
    """Whether one who reads a request is of the authority that it is addressed to."""
    return (user.role is Role.PROCURATOR) == (request.addressee is Addressee.PROCURATORATE)


def answer(
    session: Session, user: User, request_id: int, *, granted: bool, note: str, now: datetime
) -> PersonRequest:
    """Answer in writing; the person is told, and reads it on the phone page."""
    request = request_for(session, user, request_id, now)
    if not answers(user, request):
        raise Refused("Whom it is addressed to answers it.")
    request.decide(ring_of(session), user.id, now, granted=granted, answer=note)
    notices.queue(session, request.case, "request", now)
    return _changed(session, request, now)


def _changed(session: Session, request: PersonRequest, now: datetime) -> PersonRequest:
    """Open pages learn of requests about data; of a petition none does, its readers are few."""
    session.flush()
    if request.kind in OF_DATA:
        outbox.live(session, request.case, "case", request.case_id, now)
    return request
