"""What a sweep looks for: one set-based query a kind, each row turned into a finding with reasons.

A finding proposes to look. It says what was seen, when, how good the data are, and which innocent
explanations there may be; it never says guilt.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from correction_service import hours
from correction_service.law import clock_rules
from correction_service.presence import duties
from correction_service.settings import Settings
from models.case import (
    ENDED,
    LEGAL_ZONE,
    SUSPENDING,
    Case,
    CaseState,
    Category,
    supervised_on,
)
from models.checkin import CheckIn, CheckInDuty, DutyState, counted
from models.device import Binding, Device, DeviceState, Gateway
from models.notice import Notice, NoticeState
from models.order import PositioningOrder
from models.risk import ORDER_WARNING_DAYS, TERM_WARNING_DAYS, FlagKind, FlagState, RiskFlag
from models.risk_score import Band
from models.telemetry import listening_since

DUTY_KEY = "duty:" + cast(CheckInDuty.id, String)  # a duty as flags and drafts name it: duty:17
Rows = Select[*tuple[Any, ...]]
Reason = dict[str, Any]
LOOK_BACK = timedelta(days=7)  # a service that was down for a week still finds what was missed


@dataclass(frozen=True)
class Scope:
    """The day that is swept, the moment as of which, and the present."""

    day: date
    at: datetime
    now: datetime
    settings: Settings
    deaf: Sequence[tuple[datetime, datetime]] = ()  # when no bracelet could be heard
    ways: Mapping[int, datetime] = field(default_factory=dict)  # gateway -> shut from then on

    @property
    def live(self) -> bool:
        """Whether the present is looked at: only then do flags pass, and can silence be told."""
        return self.at == self.now

    @property
    def since(self) -> datetime:
        """The earliest moment whose duties are looked at again."""
        return hours.day_start(self.day) - LOOK_BACK

    @property
    def silent_since(self) -> datetime:
        """A device last heard before this is silent; while nobody could be heard none was."""
        span = timedelta(minutes=self.settings.silent_minutes)
        return listening_since(self.at, span, self.deaf)


@dataclass(frozen=True)
class Finding:
    """One flag that holds; (case_id, kind, key) makes it the same one on a rerun."""

    case_id: int
    key: str
    due: datetime | None
    reasons: list[Reason]
    band: Band | None = None  # of what was scored, with the points and by which weights
    points: float | None = None
    weights: str | None = None


@dataclass(frozen=True)
class Look:
    """One thing to look for: what is read, what to make of a row, and the law beside it."""

    kind: FlagKind
    law: str
    rows: Callable[[Session, Scope], Iterable[Any]]
    finding: Callable[[Any, Scope], Finding]
    live_only: bool = False


def selected(query: Callable[[Scope], Rows]) -> Callable[[Session, Scope], Iterable[Any]]:
    """Read the rows of one query."""
    return lambda session, scope: session.execute(query(scope))


def reason(fact: str, at: datetime | None, quality: str, *innocent: str, **facts: object) -> Reason:
    """Make one reason of a flag: `fact` and `innocent` are keys of models.risk's sentences."""
    return {
        "fact": fact,
        "at": at.isoformat() if at else None,
        "quality": quality,
        "facts": facts,
        "innocent": list(innocent),
    }


class Late(NamedTuple):
    """A case that was to be reported to by a day that is past."""

    case_id: int
    effective_on: date
    by: date


def not_reported(session: Session, day: date) -> ColumnElement[bool]:
    """Not reported in by the last day of the clock (LCC 21): from day 11 on, or after holidays.

    A person under 暂予监外执行 is handed over by the custodian, so lateness is not theirs.
    """
    return and_(
        Case.state == CaseState.AWAITING_REPORT,
        Case.category != Category.OUTSIDE_PRISON,
        Case.effective_on <= clock_rules.too_late_from(session, day),
    )


def _late_rows(session: Session, scope: Scope) -> Iterator[Late]:
    query = select(Case.id, Case.effective_on).where(not_reported(session, scope.day))
    for case_id, effective_on in session.execute(query):
        by = clock_rules.report_by(session, effective_on)
        if by is not None:
            yield Late(case_id, effective_on, by)


def _late(row: Late, _scope: Scope) -> Finding:
    due = hours.day_end(row.by)
    innocent = ("handover_late", "not_told", "custody", "illness")
    reasons = [reason("not_reported", due, "register", *innocent, by=row.by.isoformat())]
    return Finding(row.case_id, f"report:{row.effective_on}", due, reasons)


def tried() -> ColumnElement[bool]:
    """Match what did not count in a duty's window: after its end no try makes up for lateness."""
    late = CheckInDuty.state == DutyState.LATE
    until = case((late, CheckInDuty.closes_at), else_=CheckInDuty.missed_after)
    return and_(duties.in_its_time(until), ~counted())


def with_tries(*states: DutyState) -> Rows:
    """Duties in `states` with the tries in their window, the proof of delivery, the last sign."""
    own = CheckIn.case_id == CheckInDuty.case_id
    proof = and_(Notice.duty_id == CheckInDuty.id, Notice.state == NoticeState.DELIVERED)
    latest = select(CheckIn.outcome).where(tried()).order_by(CheckIn.at.desc()).limit(1)
    last = select(func.max(CheckIn.at)).where(own, counted())
    answer = select(func.min(CheckIn.at)).where(own, counted(), CheckIn.at > CheckInDuty.closes_at)
    return (
        select(
            CheckInDuty.id.label("id"),
            CheckInDuty.case_id,
            CheckInDuty.opens_at,
            CheckInDuty.closes_at,
            CheckInDuty.missed_after,
            CheckInDuty.state,
            select(func.count()).where(tried()).scalar_subquery().label("tries"),
            latest.scalar_subquery().label("latest_try"),
            last.scalar_subquery().label("last_check_in"),
            answer.scalar_subquery().label("answered_at"),
            Notice.id.label("notice_id"),
            Notice.channel,
            Notice.delivered_at,
        )
        .join(Case, Case.id == CheckInDuty.case_id)
        .outerjoin(Notice, proof)
        .where(CheckInDuty.state.in_(states))
    )


def _missed_rows(scope: Scope) -> Rows:
    flagged = exists().where(
        RiskFlag.case_id == CheckInDuty.case_id,
        RiskFlag.kind == FlagKind.CHECKIN_MISSED,
        RiskFlag.state == FlagState.OPEN,
        RiskFlag.key == DUTY_KEY,
    )
    recent = CheckInDuty.missed_after >= scope.since
    over = CheckInDuty.missed_after <= scope.at
    return with_tries(DutyState.MISSED).where(over, or_(recent, flagged), supervised_on(scope.day))


def _missed(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    window = {
        "opens": f"{row.opens_at.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}",
        "until": f"{row.missed_after.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}",
    }
    innocent = ("phone_trouble", "illness", "custody", "service_fault")
    reasons = [reason("checkin_missed", row.missed_after, "service_clock", *innocent, **window)]
    if row.delivered_at:
        channel = {"channel": row.channel}
        reasons.append(reason("delivery_proved", row.delivered_at, "delivery_report", **channel))
    if row.tries:
        tries = {"tries": row.tries, "outcome": row.latest_try.value}
        maybe = ("bad_light_or_camera", "service_fault")
        reasons.append(reason("tries_not_counted", None, "machine", *maybe, **tries))
    last = "last_check_in" if row.last_check_in else "never_checked_in"
    reasons.append(reason(last, row.last_check_in, "service_clock"))
    return Finding(row.case_id, f"duty:{row.id}", row.missed_after, reasons)


def worn_rows(since: datetime, at: datetime) -> Rows:
    """Bracelets worn under an order in force, at both moments."""
    return (
        select(
            Binding.case_id,
            Binding.device_id,
            Binding.bound_at,
            DeviceState.heard_at,
            DeviceState.battery,
            Gateway.id.label("gateway_id"),
            Gateway.online.label("gateway_online"),
        )
        .join(Case, Case.id == Binding.case_id)
        .join(Device, Device.id == Binding.device_id)
        .join(Gateway, Gateway.id == Device.gateway_id)
        .outerjoin(DeviceState, DeviceState.device_id == Binding.device_id)
        .where(
            Binding.unbound_at.is_(None),
            Binding.bound_at < since,
            Case.state.not_in(SUSPENDING),
            _ordered(at),
            _ordered(since),
        )
    )


def silent_rows(scope: Scope) -> Rows:
    """Bracelets worn under an order in force, then and now, and not heard for too long.

    Left out is whoever fell silent when the gateway's way was shut: that is the gateway's silence.
    """
    unheard = or_(DeviceState.heard_at.is_(None), DeviceState.heard_at < scope.silent_since)
    last = case(
        (DeviceState.heard_at > Binding.bound_at, DeviceState.heard_at), else_=Binding.bound_at
    )
    shut = [and_(Gateway.id == gateway, last > at) for gateway, at in scope.ways.items()]
    return worn_rows(scope.silent_since, scope.at).where(unheard, *(~it for it in shut))


def _ordered(at: datetime) -> ColumnElement[bool]:
    return exists().where(PositioningOrder.case_id == Binding.case_id, in_force(at))


def in_force(at: datetime) -> ColumnElement[bool]:
    """PositioningOrder.in_force in SQL."""
    return and_(
        PositioningOrder.starts_at <= at,
        PositioningOrder.ends_at > at,
        or_(PositioningOrder.lifted_at.is_(None), PositioningOrder.lifted_at > at),
    )


def silent_from(row: Any) -> datetime:  # noqa: ANN401 - a row of silent_rows
    """When the silence began: the last sign since the device was fitted."""
    since: datetime = row.bound_at if row.heard_at is None else max(row.bound_at, row.heard_at)
    return since


def silence(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of silent_rows
    """What is known of a silent device: battery (0 to 1) and gateway, or "unknown"."""
    gateway = {True: "online", False: "offline", None: "unknown"}[row.gateway_online]
    return {"battery": "unknown" if row.battery is None else row.battery, "gateway": gateway}


def _silent(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of silent_rows
    since, known = silent_from(row), silence(row)
    innocent = ("no_coverage", "battery_empty", "device_fault", "gateway_down", "service_fault")
    quality = "last_receipt" if row.heard_at else "never_heard"
    reasons = [
        reason("device_silent", since, quality, *innocent, battery=known["battery"]),
        reason("gateway", None, "last_will", state=known["gateway"]),
    ]
    return Finding(row.case_id, f"device:{row.device_id}:{since:%Y%m%dT%H%M%SZ}", None, reasons)


def _order_rows(scope: Scope) -> Rows:
    """Orders in force that end within the longest warning and are not extended."""
    next_order = aliased(PositioningOrder)
    extended = exists().where(
        next_order.case_id == PositioningOrder.case_id,
        next_order.lifted_at.is_(None),
        next_order.starts_at <= PositioningOrder.ends_at,
        next_order.ends_at > PositioningOrder.ends_at,
    )
    last_day = scope.day + timedelta(days=max(ORDER_WARNING_DAYS))
    return (
        select(PositioningOrder.id, PositioningOrder.case_id, PositioningOrder.ends_at)
        .join(Case, Case.id == PositioningOrder.case_id)
        .where(
            in_force(scope.at),
            PositioningOrder.ends_at < hours.day_end(last_day),
            Case.state.not_in(ENDED),
            ~extended,
        )
    )


def _order(row: Any, scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    days = (hours.local_day(row.ends_at) - scope.day).days
    warning = min(limit for limit in ORDER_WARNING_DAYS if days <= limit)
    reasons = [reason("order_ends", row.ends_at, "register")]
    return Finding(row.case_id, f"order:{row.id}:{warning}", row.ends_at, reasons)


def _term_rows(scope: Scope) -> Rows:
    return select(Case.id.label("case_id"), Case.term_end).where(
        Case.term_end <= scope.day + timedelta(days=TERM_WARNING_DAYS), Case.state.not_in(ENDED)
    )


def _term(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    due = hours.day_end(row.term_end)
    return Finding(row.case_id, f"term:{row.term_end}", due, [reason("term_ends", due, "register")])


LOOKS = (
    Look(FlagKind.LATE_TO_REPORT, "LCC 21", _late_rows, _late),
    Look(FlagKind.CHECKIN_MISSED, "LCC 30, IM 34", selected(_missed_rows), _missed),
    Look(FlagKind.DEVICE_SILENT, "LCC 29", selected(silent_rows), _silent, live_only=True),
    Look(FlagKind.ORDER_ENDING, "LCC 29", selected(_order_rows), _order),
    Look(FlagKind.TERM_ENDING, "LCC 44", selected(_term_rows), _term),
)
