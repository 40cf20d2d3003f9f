"""Check-in duties: made from plans, asked at random or by an officer, settled, lapsed, voided.

No duty runs outside the lawful hours, for a case that is not supervised, or from a message that
was never delivered.
"""

from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    and_,
    exists,
    func,
    null,
    or_,
    select,
)
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.db import ring_of
from correction_service.messages import notices
from correction_service.presence import help_requests, serving
from correction_service.presence.attempts import grace
from correction_service.settings import Settings
from models.case import ENDED, LEGAL_ZONE, Case, supervised_on
from models.checkin import (
    UNUSABLE,
    Challenge,
    CheckIn,
    CheckInDuty,
    CheckInPlan,
    DutyKind,
    DutyState,
    Outcome,
)
from models.errors import Invalid, Refused
from models.notice import Notice
from models.review import concerned, not_the_person, undecided

LATE_COUNTS_FOR = timedelta(hours=12)  # after closing, a check-in still turns missed into late
# Why a duty is void that the person tried to meet: an officer may ask, nobody is held to it.
ATTEMPTED = "attempt_unfinished"
UNCLEAR = "no_clear_picture"
ASKED = "other_way_asked"
DOUBTED = "concern"  # of an officer, and another one saw the person since
SERVICE_DOWN = "service_down"  # nobody could check in: by the service's own record
SYSTEM_FAULT = "system_fault"
OURS = (SERVICE_DOWN, SYSTEM_FAULT)
OPEN = (DutyState.AWAITING_DELIVERY, DutyState.DUE)
Moment = SQLColumnExpression[datetime | None]


def plan(
    session: Session,
    case: Case,
    settings: Settings,
    *,
    weekdays: str,
    opens: time,
    closes: time,
    late_minutes: int = notices.LATE_MINUTES,
    spot_checks: bool = False,
) -> CheckInPlan:
    """Set when a case checks in; duties already made stay. `Invalid` names the wrong field."""
    if case.state in ENDED:
        raise Refused("The case has ended.", field="case")
    _check_window(opens, closes, settings)
    if not weekdays or set(weekdays) - set("1234567"):
        raise Invalid("Weekdays are digits: 1 is Monday, 7 is Sunday.", field="weekdays")
    if not timedelta(0) <= timedelta(minutes=late_minutes) <= LATE_COUNTS_FOR:
        raise Invalid("The time for coming late is 0 to 720 minutes.", field="late_minutes")
    made = session.get(CheckInPlan, case.id) or CheckInPlan(case_id=case.id)
    made.weekdays = "".join(sorted(set(weekdays)))
    made.opens, made.closes = opens, closes
    made.late_minutes, made.spot_checks = late_minutes, spot_checks
    session.add(made)
    session.flush()
    return made


def _check_window(opens: time, closes: time, settings: Settings) -> None:
    hours_facts = {
        "opens": f"{settings.lawful_opens:%H:%M}",
        "closes": f"{settings.lawful_closes:%H:%M}",
    }
    outside = "No check-in is asked outside %(opens)s to %(closes)s."
    if opens < settings.lawful_opens:
        raise Invalid(outside, field="opens", **hours_facts)
    if closes > settings.lawful_closes:
        raise Invalid(outside, field="closes", **hours_facts)
    if opens >= closes:
        raise Invalid("A window closes after it opens.", field="closes")


def make(session: Session, now: datetime, settings: Settings) -> int:
    """Make the day's scheduled duties that are not made yet; return how many.

    One made after its window opened (a new plan, a service that was down) needs at least the time
    of a spot check before it closes; else the day is let go.
    """
    day = hours.local_day(now)
    made = 0
    for each, case in session.execute(_plans_without(f"scheduled:{day}", day)):
        opens = hours.at(day, each.opens)
        closes = hours.at(day, each.closes)
        in_time = now <= opens or closes - now >= timedelta(minutes=settings.spot_check_minutes)
        if str(day.isoweekday()) in each.weekdays and in_time:
            session.add(_scheduled(each, case, day, max(opens, now), closes))
            made += 1
    session.flush()
    return made


def _plans_without(key: str, day: date) -> Select[CheckInPlan, Case]:
    there = exists().where(CheckInDuty.case_id == Case.id, CheckInDuty.key == key)
    return (
        select(CheckInPlan, Case)
        .join(Case, Case.id == CheckInPlan.case_id)
        .where(supervised_on(day), ~there)
    )


def _scheduled(
    plan: CheckInPlan, case: Case, day: date, opens: datetime, closes: datetime
) -> CheckInDuty:
    return CheckInDuty(
        case=case,
        kind=DutyKind.SCHEDULED,
        key=f"scheduled:{day}",
        opens_at=opens,
        closes_at=closes,
        missed_after=closes + timedelta(minutes=plan.late_minutes),
        state=DutyState.DUE,
    )


def spot(session: Session, now: datetime, settings: Settings) -> int:
    """Ask the spot checks whose moment has come: at most one a case and day; return how many.

    The moment is drawn from the key ring's secret index key, the case and the day: nobody can
    foresee it, nothing in the database gives it away, and a restart does not draw again.
    """
    day = hours.local_day(now)
    last = hours.lawful(now, settings)[1] - timedelta(minutes=settings.spot_check_minutes)
    asked = 0
    unasked = _plans_without(f"spot:{day}", day).where(CheckInPlan.spot_checks)
    for _, case in session.execute(unasked):
        moment = spot_moment(session, case.id, day, settings)
        if moment is not None and moment <= now <= last:
            duty = CheckInDuty(kind=DutyKind.SPOT, key=f"spot:{day}")
            _ask(session, case, duty, now, settings)
            asked += 1
    return asked


def spot_moment(session: Session, case_id: int, day: date, settings: Settings) -> datetime | None:
    """Draw a day's spot check, uniform over lawful hours with time to answer; None: no check."""
    drawn = ring_of(session).blind("checkin_duty.spot", f"{case_id}:{day}")
    whether, when = (int.from_bytes(part) / 2**64 for part in (drawn[:8], drawn[8:16]))
    opens = hours.at(day, settings.lawful_opens)
    closes = hours.at(day, settings.lawful_closes)
    span = closes - opens - timedelta(minutes=settings.spot_check_minutes)
    if whether >= settings.spot_check_share or span < timedelta(0):
        return None
    return opens + when * span


def on_demand(session: Session, case: Case, now: datetime, settings: Settings) -> CheckInDuty:
    """An officer asks for a check-in now; one that is already open is returned as it is."""
    if not case.supervised_at(now):
        raise Refused("Check-ins are suspended in the case's present state.", field="case")
    opens, closes = hours.lawful(now, settings)
    if not opens <= now <= closes - notices.LEAST_TO_ANSWER:
        raise Refused("No check-in is asked at this hour.", code="outside_hours")
    pending = select(CheckInDuty).where(
        CheckInDuty.case_id == case.id,
        CheckInDuty.kind == DutyKind.ON_DEMAND,
        CheckInDuty.state.in_(OPEN),
    )
    found = session.scalars(pending).first()
    if found is not None:
        return found
    local = now.astimezone(LEGAL_ZONE)
    duty = CheckInDuty(kind=DutyKind.ON_DEMAND, key=f"on_demand:{local:%Y-%m-%dT%H:%M:%S}")
    _ask(session, case, duty, now, settings)
    return duty


def _ask(
    session: Session, case: Case, duty: CheckInDuty, now: datetime, settings: Settings
) -> None:
    duty.case, duty.state = case, DutyState.AWAITING_DELIVERY
    session.add(duty)
    session.flush()
    minutes = settings.spot_check_minutes
    notices.queue(session, case, "spot_check", now, duty=duty, minutes=minutes)


def settle(
    session: Session, case_id: int, at: datetime, begun: datetime | None = None
) -> CheckInDuty | None:
    """Let one check-in made at `at` settle every duty it answers; return the one closing first.

    Answered are duties then open, asked but not proved delivered, or missed within
    `LATE_COUNTS_FOR` (they become late). A review that finds an earlier capture good mends missed
    and late ones too: its own time counts, from when it was `begun`, so that no queue makes late;
    nor does a window in which our own pages were down, or in which happened what would excuse
    whoever never came: to get through after all makes nobody worse off.
    """
    begun = begun or at
    asked_before = exists().where(Notice.duty_id == CheckInDuty.id, Notice.created_at <= at)
    unmet = CheckInDuty.state.in_((DutyState.DUE, DutyState.MISSED))
    mended = and_(CheckInDuty.state == DutyState.LATE, CheckInDuty.closes_at >= begun)
    still_counts = and_(
        or_(unmet, mended),
        CheckInDuty.opens_at <= at,
        CheckInDuty.closes_at >= begun - LATE_COUNTS_FOR,
    )
    waiting = and_(CheckInDuty.state == DutyState.AWAITING_DELIVERY, asked_before)
    answered = (
        select(CheckInDuty, _excuse(CheckInDuty.closes_at))
        .where(CheckInDuty.case_id == case_id, or_(still_counts, waiting))
        .order_by(func.coalesce(CheckInDuty.closes_at, at), CheckInDuty.id)
        .with_for_update(of=CheckInDuty)
    )
    duties = session.execute(answered).all()
    for duty, excuse in duties:
        in_time = duty.closes_at if excuse else None
        duty.settle(in_time or serving.on_time(session, duty, begun))
    return duties[0][0] if duties else None


def due(session: Session, case_id: int, at: datetime) -> CheckInDuty | None:
    """Return the open duty that closes first, if one is open at `at`."""
    opened = select(CheckInDuty).where(
        CheckInDuty.case_id == case_id,
        CheckInDuty.state == DutyState.DUE,
        CheckInDuty.opens_at <= at,
        CheckInDuty.missed_after >= at,
    )
    return session.scalars(opened.order_by(CheckInDuty.closes_at, CheckInDuty.id)).first()


def lapse(session: Session, now: datetime, settings: Settings) -> int:
    """Mark missed what is over and void what may not count; return how many were missed.

    Whoever tried, or asked for another way, may have had bad light or a lost network as well as a
    change of mind: which it was, an officer may ask, and nothing is counted. While our own pages
    answer nobody, and not for long enough to say that they are down, nothing lapses.
    """
    if serving.doubtful(session, now):
        return 0
    missed = 0
    closing = session.execute(_closing(now, settings)).all()
    gaps = serving.gaps(session, min((_opens(it[0], now) for it in closing), default=now), now)
    for duty, case, excuse in closing:
        if not case.supervised:
            duty.void(case.state.value)
        elif not case.supervised_at(now):
            duty.void("term_over")
        elif serving.kept_from(duty, gaps):
            duty.void(SERVICE_DOWN)
        elif excuse:
            duty.void(excuse)
        elif duty.lapse(now):
            missed += 1
        else:
            duty.void("not_delivered")
        outbox.live(session, case, "duty", duty.id, now)
    session.flush()
    return missed


def _opens(duty: CheckInDuty, now: datetime) -> datetime:
    return duty.opens_at or now


def _closing(now: datetime, settings: Settings) -> Select[CheckInDuty, Case, str | None]:
    """What is over, but for what may be answered yet: a capture on its way, a doubt undecided.

    With each: why it does not count against the person, if so.
    """
    day = hours.local_day(now)
    left = or_(Challenge.sent_at.is_not(None), Challenge.expires_at >= now - grace(settings))
    on_its_way = exists().where(fruitless(), Challenge.closed_at.is_(None), left)
    held = or_(_tried(undecided()), and_(_tried(concerned()), ~_attested_since()))
    ended = and_(CheckInDuty.state == DutyState.DUE, CheckInDuty.missed_after < now)
    over = and_(ended, ~held, ~on_its_way)
    before_today = Notice.created_at < hours.day_start(day)
    asked = exists().where(Notice.duty_id == CheckInDuty.id, before_today)
    undelivered = and_(CheckInDuty.state == DutyState.AWAITING_DELIVERY, asked)
    suspended = and_(CheckInDuty.state.in_(OPEN), ~supervised_on(day))
    return (
        select(CheckInDuty, Case, _excuse(CheckInDuty.missed_after))
        .join(Case, Case.id == CheckInDuty.case_id)
        .where(or_(over, undelivered, suspended))
        .with_for_update(of=CheckInDuty)
    )


def _excuse(until: Moment) -> ColumnElement[str | None]:
    """Why a duty is not missed or late: before `until` we failed it, or the person tried in vain.

    What speaks for the person most comes first; a bad picture or a request excuses nothing where
    two people found that somebody else came.
    """
    tried = partial(_tried, until=until)
    return when(
        (tried(CheckIn.outcome == Outcome.FAULT), SYSTEM_FAULT),
        (tried(concerned()), DOUBTED),
        (exists().where(fruitless(until)), ATTEMPTED),
        (tried(not_the_person()), null()),
        (tried(CheckIn.outcome.in_(UNUSABLE)), UNCLEAR),
        (exists().where(help_requests.instead_of(CheckInDuty, until)), ASKED),
        else_=None,
    )


def doubted(now: datetime) -> ColumnElement[bool]:
    """Match duties that are over and held by a concern alone, until somebody sees the person."""
    over = and_(CheckInDuty.state == DutyState.DUE, CheckInDuty.missed_after < now)
    return and_(over, _tried(concerned()), ~_tried(undecided()), ~_attested_since())


def of_concern() -> ScalarSelect[int]:
    """The latest check-in in a duty's time about which a concern stands."""
    found = select(func.max(CheckIn.id)).where(in_its_time(), concerned())
    return found.correlate(CheckInDuty).scalar_subquery()


def _tried(
    *how: ColumnElement[bool], until: Moment = CheckInDuty.missed_after
) -> ColumnElement[bool]:
    """Match duties with such a check-in in their time."""
    return exists().where(in_its_time(until), *how)


def in_its_time(until: Moment = CheckInDuty.missed_after) -> ColumnElement[bool]:
    """Match check-ins in a duty's time: what was begun in it, however long it took to come in."""
    return and_(
        CheckIn.case_id == CheckInDuty.case_id,
        CheckIn.at >= CheckInDuty.opens_at,
        func.coalesce(CheckIn.began_at, CheckIn.at) <= until,
    )


def fruitless(until: Moment = CheckInDuty.missed_after) -> ColumnElement[bool]:
    """Match attempts in a duty's time of which nothing came."""
    return and_(
        Challenge.case_id == CheckInDuty.case_id,
        Challenge.issued_at.between(CheckInDuty.opens_at, until),
        Challenge.used_at.is_(None),
    )


def _attested_since() -> ColumnElement[bool]:
    """Match duties whose person an officer saw after their time: so long does a concern hold."""
    return exists().where(
        CheckIn.case_id == CheckInDuty.case_id,
        CheckIn.outcome == Outcome.ATTESTED,
        CheckIn.at > CheckInDuty.missed_after,
    )
