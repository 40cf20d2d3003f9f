"""Leave: approved, extended, signed off, cancelled; the zones to keep to follow by themselves.

What is recorded is an approval that was given, on the paper that it names and by whom: one by too
low a level for its days is refused, and so is an extension, so that no leave grows past its level
by small steps (`leave_routes`, IM 27). What a person asks for, on the phone page or on paper, is
routed in `leave_requests`. `overdue` sees to those who are not back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.casework import clocks, leave_routes, overdue
from correction_service.law import articles
from correction_service.law.limits import bounds_of
from correction_service.people.cases import open_case_for
from correction_service.scope import visible
from correction_service.zones import destination_zones, destinations, zone_pauses
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import MOST_NOTE, Leave, LeaveReason, LeaveState
from models.leave_request import LeaveLevel
from models.order import months_later
from models.user import Permission, User

BACKDATED = timedelta(days=3)  # an approval by word of mouth is written down when it can be
SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What was approved: why, where to (GB/T 2260 codes), from when, back by when, which paper.

    `level` is who approved it; where nobody says so it is the least that can, the judicial office.
    """

    reason: LeaveReason
    divisions: Sequence[str]
    starts_at: datetime
    ends_at: datetime
    note: str
    regular: bool = False
    level: LeaveLevel | None = LeaveLevel.OFFICE

    def check(self, session: Session, case: Case, now: datetime) -> None:
        """Refuse what is no leave."""
        if not self.divisions:
            raise Invalid("Say where to: a county, district or city.", field="destination")
        if self.starts_at < now - BACKDATED:
            raise Invalid("A leave is recorded at most 3 days after it began.", field="starts_at")
        if self.ends_at <= now:
            raise Invalid("A leave ends later than now.", field="ends_at")
        check_length(session, case, self.starts_at, self.ends_at)
        if not self.note.strip():
            raise Invalid("Say on which paper it was approved.", field="note")
        if len(self.note) > MOST_NOTE:
            raise Invalid("At most 400 characters fit here.", field="note")
        if destinations.at_home(self.divisions, case.agency.division):
            raise Refused(
                "All of this lies within the home city or county: going there is no leave, and "
                "nothing is recorded (IM 26, %(mark)s).",
                field="destination",
                mark=articles.mark_in(session, "IM 26"),
            )


def check_length(session: Session, case: Case, starts_at: datetime, ends_at: datetime) -> None:
    """Refuse a leave of minutes, one longer than any permit (IM 29), or past the term."""
    longest = months_later(starts_at, bounds_of(session)["leave_regular"].value)
    if not starts_at + SHORTEST <= ends_at <= longest:
        raise Invalid("A leave lasts from an hour to six months.", field="ends_at")
    if hours.local_day(ends_at) > case.term_end:
        raise Invalid("A leave ends with the term at the latest.", field="ends_at")


def approve(session: Session, user: User, case_id: int, approval: Approval, now: datetime) -> Leave:
    """Record an approval; the zones to keep to rest from its beginning to its end."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    return grant(session, user, case, approval, now)


def grant(session: Session, user: User, case: Case, approval: Approval, now: datetime) -> Leave:
    """Let an approved leave begin and end by itself, if who approved it may."""
    session.refresh(case, with_for_update=True)  # two officers do not approve two at once
    approval.check(session, case, now)
    if any(it.overdue(now) for it in _approved(session, case)):
        raise Refused("The leave before this one is not signed off yet.")
    leave = Leave(
        case=case,
        reason=approval.reason,
        divisions=list(approval.divisions),
        starts_at=approval.starts_at,
        ends_at=approval.ends_at,
        note=approval.note.strip(),
        regular=approval.regular,
        state=LeaveState.APPROVED,
        approved_by=user.id,
        approved_at=now,
    )
    _refuse_overlap(session, leave)
    route = leave_routes.route(session, case, leave.starts_at, leave.ends_at, regular=leave.regular)
    leave_routes.check_paper(session, route.level, approval.level, regular=leave.regular)
    session.add(leave)
    session.flush()
    if route.informs:
        clocks.begin_named(session, case, "leave_informed", leave.note, now)
    zone_pauses.rest(session, leave, leave.starts_at)
    destination_zones.align(session, leave, now)
    leave.depart(now)
    return _changed(session, leave, now)


def _approved(session: Session, case: Case) -> Sequence[Leave]:
    approved = (Leave.case_id == case.id, Leave.state == LeaveState.APPROVED)
    with session.no_autoflush:
        return session.scalars(select(Leave).where(*approved)).all()


def _refuse_overlap(session: Session, leave: Leave) -> None:
    for other in _approved(session, leave.case):
        meets = other.starts_at < leave.ends_at and leave.starts_at < other.ends_at
        if other is not leave and meets and other.regular is leave.regular:
            raise Refused("Another leave covers part of this time.", field="starts_at")


def extend(
    session: Session,
    user: User,
    leave_id: int,
    ends_at: datetime,
    *,
    paper: str,
    level: LeaveLevel | None,
    now: datetime,
) -> Leave:
    """Record that a later end was approved; who was overdue is on leave again.

    The whole leave goes by its level (IM 27), so `level` says who approved it on the paper.
    """
    leave = leave_for(session, user, leave_id)
    session.refresh(leave.case, with_for_update=True)
    check_length(session, leave.case, leave.starts_at, ends_at)
    ended_at = leave.ends_at
    leave.extend(ends_at, paper, now)
    _refuse_overlap(session, leave)
    _reroute(session, leave, level, paper, now)
    zone_pauses.put_off(session, leave, ended_at, now)
    destination_zones.align(session, leave, now)
    overdue.settle(session, leave, now, "extended")
    return _changed(session, leave, now)


def _reroute(
    session: Session, leave: Leave, level: LeaveLevel | None, paper: str, now: datetime
) -> None:
    """Refuse an extension by too low a level; what goes one level up informs the procuratorate."""
    span = (leave.starts_at, leave.ends_at)
    route = leave_routes.route(session, leave.case, *span, regular=leave.regular, extends=leave)
    leave_routes.check_paper(session, route.level, level, regular=leave.regular)
    if route.informs:
        clocks.begin_named(session, leave.case, "leave_informed", paper, now)


def sign_off(
    session: Session, user: User, leave_id: int, now: datetime, back_at: datetime | None = None
) -> Leave:
    """The person has reported back (IM 28): the zones to keep to ask again from now on."""
    leave = leave_for(session, user, leave_id)
    leave.sign_off(user.id, now, back_at)
    zone_pauses.resume(session, leave, now)
    destination_zones.align(session, leave, now)
    overdue.settle(session, leave, now, "signed_off")
    if leave.case.state is CaseState.ON_LEAVE:
        leave.case.move(CaseState.UNDER_CORRECTION, now, leave.note)
    return _changed(session, leave, now)


def cancel(session: Session, user: User, leave_id: int, now: datetime) -> Leave:
    """A leave that has not begun is not taken: everything is asked as before."""
    leave = leave_for(session, user, leave_id)
    leave.cancel(now)
    destination_zones.align(session, leave, now)
    zone_pauses.undo(session, leave)
    return _changed(session, leave, now)


def leave_for(session: Session, user: User, leave_id: int) -> Leave:
    """A leave that the user may act on; one of an unseen case does not exist for them."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    query = select(Leave).join(Leave.case).where(Leave.id == leave_id, visible(user))
    leave = session.scalar(query.with_for_update(of=Leave))
    if leave is None:
        raise NotFound("There is no such leave in your offices.")
    return leave


def of(session: Session, case: Case) -> Sequence[Leave]:
    """All leaves of a case, the latest first."""
    query = select(Leave).where(Leave.case_id == case.id)
    return session.scalars(query.order_by(Leave.starts_at.desc(), Leave.id.desc())).all()


def current(session: Session, case: Case) -> Leave | None:
    """The leave that runs or is overdue, else the next one; regular work elsewhere comes last."""
    return min(_approved(session, case), key=lambda it: (it.regular, it.starts_at), default=None)


def _changed(session: Session, leave: Leave, now: datetime) -> Leave:
    session.flush()
    outbox.live(session, leave.case, "case", leave.case_id, now)
    return leave
