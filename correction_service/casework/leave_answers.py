"""Requests for leave as they are answered: granted on a paper, refused with a reason, not needed.

Who answers goes by the days (IM 27), reckoned anew: other leaves may have been granted meanwhile.
The person is told that there is an answer and reads it on the phone page, or hears it by a call.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.casework import leave_requests, leave_routes, leaves
from correction_service.casework.leave_requests import MOST_WHY
from correction_service.casework.leave_routes import level_of
from correction_service.casework.leaves import Approval
from correction_service.law import articles
from correction_service.messages import notices
from correction_service.scope import visible
from correction_service.zones import destinations
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave
from models.leave_request import LeaveLevel, LeaveRequest
from models.user import Permission, User


def approve(session: Session, user: User, request_id: int, paper: str, now: datetime) -> Leave:
    """Grant a request on a numbered paper; the leave runs by itself from then on."""
    request = request_for(session, user, request_id)
    level = _level(session, user, request)
    request.approve(user.id, now, paper)
    approval = Approval(
        reason=request.reason,
        divisions=request.divisions,
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        note=paper,
        regular=request.regular,
        level=level,
    )
    leave = leaves.grant(session, user, request.case, approval, now)
    request.leave_id = leave.id
    _told(session, request, now)
    return leave


def refuse(session: Session, user: User, request_id: int, why: str, now: datetime) -> LeaveRequest:
    """Refuse a request with a reason that the person reads; only who could have granted it."""
    request = request_for(session, user, request_id)
    _level(session, user, request)
    if len(why) > MOST_WHY:
        raise Invalid("At most 400 characters fit here.", field="note")
    request.refuse(user.id, now, why)
    _told(session, request, now)
    return request


def needs_none(
    session: Session, user: User, request_id: int, words: str, now: datetime
) -> LeaveRequest:
    """Answer that no leave is needed: all of it lies within the own city or county (IM 26).

    Any officer of the case may say so, since nothing is granted; the person reads it.
    """
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    request = _visible(session, user, request_id)
    if not _all_at_home(request):
        raise Refused("Part of this lies outside the home city or county: it is decided as leave.")
    if len(words) > MOST_WHY:
        raise Invalid("At most 400 characters fit here.", field="note")
    request.needs_none(user.id, now, words)
    _told(session, request, now)
    return request


def _all_at_home(request: LeaveRequest) -> bool:
    """As the case stands now: it may have moved since it was asked."""
    return destinations.at_home(request.divisions, request.case.agency.division)


def _level(session: Session, user: User, request: LeaveRequest) -> LeaveLevel | None:
    """The level of who decides, if it suffices for leave; what is no leave is not decided as one.

    Granted, it would run and be overdue for nothing; refused, it would keep somebody at home.
    """
    if _all_at_home(request):
        raise Refused(
            "All of this lies within the home city or county: answer that no leave is needed "
            "(IM 26, %(mark)s).",
            mark=articles.mark_in(session, "IM 26"),
        )
    span, own = (request.starts_at, request.ends_at), level_of(user)
    route = leave_routes.route(session, request.case, *span, regular=request.regular)
    leave_routes.check_level(session, route.level, own, regular=request.regular)
    return own


def request_for(session: Session, user: User, request_id: int) -> LeaveRequest:
    """A request that the user may decide; one of an unseen case does not exist for them."""
    if not user.may(Permission.DECIDE_LEAVE):
        raise Forbidden("Your role does not include this.")
    return _visible(session, user, request_id)


def _visible(session: Session, user: User, request_id: int) -> LeaveRequest:
    query = select(LeaveRequest).join(LeaveRequest.case)
    mine = query.where(LeaveRequest.id == request_id, visible(user))
    request = session.scalar(mine.with_for_update(of=LeaveRequest))
    if request is None:
        raise NotFound("There is no such request in your offices.")
    return request


def _told(session: Session, request: LeaveRequest, now: datetime) -> None:
    notices.queue(session, request.case, "leave", now)
    leave_requests.changed(session, request, now)
