"""Requests for leave: asked on the phone page, decided by a person of the right level (IM 27).

With a good reason leave must be approved (LCC 27), so nothing but a person refuses, and says why.
A late request is taken too; one that nobody decides stays open and stays on the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import leave_proofs, leave_routes, leaves
from correction_service.casework.leave_routes import level_of
from correction_service.casework.leaves import Approval
from correction_service.law.limits import bounds_of
from correction_service.messages import notices
from correction_service.scope import visible
from correction_service.settings import Settings
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveLevel, LeaveRequest, RequestState, check_level
from models.user import Permission, User

MOST_OPEN = 10  # against a flood; nobody needs as many
MOST_WHY = 400


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks for: why, where to (GB/T 2260 codes), from when, back by when."""

    reason: LeaveReason
    divisions: Sequence[str]
    starts_at: datetime
    ends_at: datetime
    why: str
    regular: bool = False

    def check(self, session: Session, case: Case, now: datetime) -> None:
        """Refuse what no leave can be; being late with it is no reason to."""
        if not self.divisions:
            raise Invalid("Say where to: a county, district or city.", field="destination")
        if self.ends_at <= now:
            raise Invalid("A leave ends later than now.", field="ends_at")
        leaves.check_length(session, case, self.starts_at, self.ends_at)
        if not self.why.strip():
            raise Invalid("Say in a few words what it is for.", field="why")
        if len(self.why) > MOST_WHY:
            raise Invalid("At most 400 characters fit here.", field="why")


def ask(
    session: Session,
    settings: Settings,
    case: Case,
    wish: Wish,
    *,
    files: Sequence[bytes],
    now: datetime,
) -> LeaveRequest:
    """Take a request with its proof; it goes to who decides a leave of these days."""
    wish.check(session, case, now)
    leave_proofs.check(files, settings)
    session.refresh(case, with_for_update=True)
    if sum(it.state is RequestState.ASKED for it in of(session, case)) >= MOST_OPEN:
        raise Refused("Ten requests wait already. Take one back first, or call your officer.")
    route = leave_routes.route(session, case, wish.starts_at, wish.ends_at, regular=wish.regular)
    request = LeaveRequest(
        case=case,
        reason=wish.reason,
        regular=wish.regular,
        divisions=list(wish.divisions),
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        why=wish.why.strip(),
        level=route.level,
        days=route.days,
        state=RequestState.ASKED,
        asked_at=now,
    )
    session.add(request)
    session.flush()
    leave_proofs.keep(session, settings, request, files, now)
    return _changed(session, request, now)


def short_notice(session: Session, request: LeaveRequest) -> bool:
    """Whether it was asked later than is normal (IM 27): said, never a reason to refuse."""
    ahead = (hours.local_day(request.starts_at) - hours.local_day(request.asked_at)).days
    return ahead < bounds_of(session)["leave_ahead"].value


def withdraw(session: Session, case: Case, request_id: int, now: datetime) -> LeaveRequest:
    """The person takes a request back."""
    query = select(LeaveRequest).where(LeaveRequest.id == request_id)
    request = session.scalar(query.where(LeaveRequest.case_id == case.id).with_for_update())
    if request is None:
        raise NotFound("There is no such request.")
    request.withdraw(now)
    return _changed(session, request, now)


def approve(session: Session, user: User, request_id: int, paper: str, now: datetime) -> Leave:
    """Grant a request on a numbered paper; the leave runs by itself from then on.

    Who decides is reckoned anew: other leaves may have been granted since it was asked.
    """
    request = request_for(session, user, request_id)
    route = leave_routes.route(
        session, request.case, request.starts_at, request.ends_at, regular=request.regular
    )
    check_level(route.level, level_of(user))
    request.approve(user.id, now, paper)
    approval = Approval(
        reason=request.reason,
        divisions=request.divisions,
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        note=paper,
        regular=request.regular,
    )
    leave = leaves.grant(session, user, request.case, approval, now)
    request.leave_id = leave.id
    _told(session, request, now)
    return leave


def refuse(session: Session, user: User, request_id: int, why: str, now: datetime) -> LeaveRequest:
    """Refuse a request with a reason that the person reads; only who could have granted it."""
    request = request_for(session, user, request_id)
    check_level(request.level, level_of(user))
    if len(why) > MOST_WHY:
        raise Invalid("At most 400 characters fit here.", field="note")
    request.refuse(user.id, now, why)
    _told(session, request, now)
    return request


def request_for(session: Session, user: User, request_id: int) -> LeaveRequest:
    """A request that the user may decide; one of an unseen case does not exist for them."""
    if not user.may(Permission.DECIDE_LEAVE):
        raise Forbidden("Your role does not include this.")
    query = select(LeaveRequest).join(LeaveRequest.case)
    mine = query.where(LeaveRequest.id == request_id, visible(user))
    request = session.scalar(mine.with_for_update(of=LeaveRequest))
    if request is None:
        raise NotFound("There is no such request in your offices.")
    return request


def of(session: Session, case: Case) -> Sequence[LeaveRequest]:
    """The requests of a case, the latest first."""
    query = select(LeaveRequest).where(LeaveRequest.case_id == case.id)
    return session.scalars(query.order_by(LeaveRequest.id.desc())).all()


def to_decide(user: User) -> Select[LeaveRequest]:
    """Requests that wait for this user's decision, or for somebody of a lower level."""
    own = level_of(user) if user.may(Permission.DECIDE_LEAVE) else None
    levels = tuple(LeaveLevel)[: tuple(LeaveLevel).index(own) + 1] if own else ()
    query = select(LeaveRequest).join(LeaveRequest.case).where(visible(user))
    query = query.where(LeaveRequest.state == RequestState.ASKED, LeaveRequest.level.in_(levels))
    return query.options(joinedload(LeaveRequest.case))


def say_back(session: Session, case: Case, leave_id: int, now: datetime) -> Leave:
    """The person says on the phone page that they are back; an officer confirms it (IM 28)."""
    query = select(Leave).where(Leave.id == leave_id, Leave.case_id == case.id)
    leave = session.scalar(query.with_for_update())
    if leave is None:
        raise NotFound("There is no such leave.")
    leave.say_back(now)
    session.flush()
    outbox.live(session, case, "case", case.id, now)
    return leave


def _told(session: Session, request: LeaveRequest, now: datetime) -> None:
    notices.queue(session, request.case, "leave", now)
    _changed(session, request, now)


def _changed(session: Session, request: LeaveRequest, now: datetime) -> LeaveRequest:
    session.flush()
    outbox.live(session, request.case, "case", request.case_id, now)
    return request
