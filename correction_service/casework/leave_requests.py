"""Requests for leave: asked on the phone page or entered by an officer, decided by a person.

Who decides goes by the days (IM 27). With a good reason leave must be approved (LCC 27), so nothing
but a person refuses, and says why (`leave_answers`). A late request is taken too; one that nobody
decides stays open and stays on the list. Going about the own city is no leave (IM 26): who asks is
told so before, and may ask all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Select, false, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import leave_proofs, leave_routes, leaves
from correction_service.casework.leave_routes import level_of
from correction_service.law import articles
from correction_service.law.limits import bounds_of
from correction_service.people.cases import open_case_for
from correction_service.scope import visible
from correction_service.settings import Settings
from correction_service.zones import destinations
from models.case import Case
from models.errors import Choice, Invalid, NotFound, Refused, Unclear
from models.leave import Leave, LeaveReason
from models.leave_request import AskedHow, LeaveLevel, LeaveRequest, RequestState
from models.user import Permission, User

MOST_OPEN = 10  # against a flood; nobody needs as many
MOST_WHY = 400
ANYWAY = "anyway"  # the field that says: I know, and ask all the same


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


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a request came: the proof with it, by which way, on which legal day, who entered it.

    `anyway` says that the asker knows that no leave is needed within the own city, and asks.
    """

    files: Sequence[bytes] = ()
    how: AskedHow = AskedHow.PAGE
    on: date | None = None
    entered_by: int | None = None
    anyway: bool = False

    def moment(self, case: Case, now: datetime) -> datetime:
        """When it was asked: now, or on an earlier day of the case."""
        if self.on is None or self.on == hours.local_day(now):
            return now
        if not case.effective_on <= self.on < hours.local_day(now):
            raise Invalid("It was asked today or before, and within the case.", field="asked_on")
        return hours.day_start(self.on)


def ask(
    session: Session,
    settings: Settings,
    case: Case,
    wish: Wish,
    *,
    asking: Asking,
    now: datetime,
) -> LeaveRequest:
    """Take a request with its proof; it goes to who decides a leave of these days.

    Raises `Unclear` where all of it lies within the own city and nobody said to ask anyway.
    """
    at_home = _check(session, settings, case, wish, asking=asking, now=now)
    route = leave_routes.route(session, case, wish.starts_at, wish.ends_at, regular=wish.regular)
    request = _request(case, wish, asking, now)
    request.level = LeaveLevel.OFFICE if at_home else route.level
    request.days, request.at_home = route.days, at_home
    session.add(request)
    session.flush()
    leave_proofs.keep(session, settings, request, asking.files, now)
    return changed(session, request, now)


def _check(
    session: Session, settings: Settings, case: Case, wish: Wish, *, asking: Asking, now: datetime
) -> bool:
    """Refuse what cannot be taken; whether all of it lies within the own city."""
    wish.check(session, case, now)
    leave_proofs.check(asking.files, settings)
    at_home = destinations.at_home(wish.divisions, case.agency.division)
    if at_home and not asking.anyway:
        raise _no_leave(session)
    session.refresh(case, with_for_update=True)
    if sum(it.state is RequestState.ASKED for it in of(session, case)) >= MOST_OPEN:
        raise Refused("Ten requests wait already. Take one back first, or call your officer.")
    return at_home


def _request(case: Case, wish: Wish, asking: Asking, now: datetime) -> LeaveRequest:
    """What was asked for and how it came; who decides it, and on how many days, is not in it."""
    return LeaveRequest(
        case=case,
        reason=wish.reason,
        regular=wish.regular,
        divisions=list(wish.divisions),
        starts_at=wish.starts_at,
        ends_at=wish.ends_at,
        why=wish.why.strip(),
        state=RequestState.ASKED,
        asked_at=asking.moment(case, now),
        asked_how=asking.how,
        entered_by=asking.entered_by,
    )


def _no_leave(session: Session) -> Unclear:
    return Unclear(
        "All of this lies within the home city or county: going there needs no leave "
        "(IM 26, %(mark)s).",
        field="destination",
        answer=ANYWAY,
        choices=(Choice("1", "Ask anyway: an officer answers."),),
        mark=articles.mark_in(session, "IM 26"),
    )


def enter(
    session: Session,
    settings: Settings,
    user: User,
    case_id: int,
    wish: Wish,
    *,
    asking: Asking,
    now: datetime,
) -> LeaveRequest:
    """Take the request of somebody without the phone page: on paper, in person or by a call."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    if asking.how is AskedHow.PAGE:
        raise Invalid("Say how it was asked.", field="asked_how")
    entered = replace(asking, entered_by=user.id)
    return ask(session, settings, case, wish, asking=entered, now=now)


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
    return changed(session, request, now)


def take_back(
    session: Session, user: User, case_id: int, request_id: int, now: datetime
) -> LeaveRequest:
    """Take back, as the person asked, what an officer entered for them."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    query = select(LeaveRequest.asked_how).where(LeaveRequest.id == request_id)
    if session.scalar(query.where(LeaveRequest.case_id == case.id)) is AskedHow.PAGE:
        raise Refused("Who asked on the phone page takes it back there.")
    return withdraw(session, case, request_id, now)


def of(session: Session, case: Case) -> Sequence[LeaveRequest]:
    """The requests of a case, the latest first."""
    query = select(LeaveRequest).where(LeaveRequest.case_id == case.id)
    return session.scalars(query.order_by(LeaveRequest.id.desc())).all()


def to_decide(user: User) -> Select[LeaveRequest]:
    """Requests that wait for this user's decision, or for somebody of a lower level.

    One for which no leave is needed waits for every officer of the case.
    """
    own = level_of(user) if user.may(Permission.DECIDE_LEAVE) else None
    levels = tuple(LeaveLevel)[: tuple(LeaveLevel).index(own) + 1] if own else ()
    query = select(LeaveRequest).join(LeaveRequest.case).where(visible(user))
    any_officers = LeaveRequest.at_home if user.may(Permission.SUPERVISE) else false()
    mine = or_(LeaveRequest.level.in_(levels), any_officers)
    query = query.where(LeaveRequest.state == RequestState.ASKED, mine)
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


def changed(session: Session, request: LeaveRequest, now: datetime) -> LeaveRequest:
    """Keep what became of a request, and tell the pages that show it."""
    session.flush()
    outbox.live(session, request.case, "case", request.case_id, now)
    return request
