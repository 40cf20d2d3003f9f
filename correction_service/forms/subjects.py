"""What a form may be about: an order, a leave, a measure, a search; and the facts of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from correction_service import hours
from correction_service.casework import leave_routes
from correction_service.forms.catalogue import Form, Shape, Subject
from correction_service.forms.facts import day, last_day, moment
from correction_service.zones import destinations
from models.case import Case
from models.discipline import FactKind, Measure, MeasureKind, MeasureState
from models.errors import NotFound
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveRequest, RequestState
from models.order import Ground, PositioningOrder
from models.search import SearchRecord, StepKind

REGULAR = "regular"  # of leaves: again and again to the same place, by one permit
GROUNDS = {  # LCC 29, word for word
    Ground.PROHIBITION_BREACHED: "违反人民法院禁止令",
    Ground.LEFT_WITHOUT_APPROVAL: "无正当理由，未经批准离开所居住的市、县",
    Ground.REFUSED_REPORTING_WARNED: "拒不按照规定报告自己的活动情况，被给予警告",
    Ground.BREACH_PENALISED: "违反监督管理规定，被给予治安管理处罚",
    Ground.REVOCATION_PROPOSED: "拟提请撤销缓刑、假释或者暂予监外执行收监执行",
}
REASONS = {
    LeaveReason.MEDICAL: "就医",
    LeaveReason.STUDY: "就学",
    LeaveReason.LITIGATION: "参加诉讼",
    LeaveReason.FAMILY: "处理家庭重要事务",
    LeaveReason.WORK: "处理工作重要事务",
}
FACTS = {
    FactKind.DUTY: "签到任务",
    FactKind.CHECKIN: "签到记录",
    FactKind.INCIDENT: "预警事件",
    FactKind.LEAVE: "请假记录",
    FactKind.MEASURE: "奖惩决定",
    FactKind.ATTENDANCE: "教育学习缺席记录",
    FactKind.DOCUMENT: "文件",
}
TRIES = {
    StepKind.CALL: "电话联系",
    StepKind.VISIT: "上门走访",
    StepKind.FAMILY: "询问家属",
    StepKind.TEAM: "询问矫正小组成员",
    StepKind.WORK: "询问工作单位",
    StepKind.CUSTODY: "核查是否被羁押",
    StepKind.HOSPITAL: "核查医院",
    StepKind.OTHER: "其他",
}


class Option(NamedTuple):
    """One of what a form may be about, by its days."""

    id: int
    first: datetime | date
    last: datetime | date | None = None
    title: str = ""  # where the form is called otherwise for this one
    about: str = ""  # where it is of the form's other subject

    @property
    def value(self) -> str:
        """How a page names it."""
        return f"{self.about}-{self.id}" if self.about else str(self.id)


def options(session: Session, form: Form, case: Case) -> Sequence[Option]:
    """What of a case the form may be about, the newest first; a form of the case has none.

    What is of its other subject comes first: a request is what a leave comes of.
    """
    about = _ABOUT.get(form.subject)
    if about is None:
        return ()
    others = options(session, form.about(form.also), case) if form.about(form.also) != form else ()
    last = about.last if about.last is not None else about.first
    columns = select(about.kind.id, about.first, last).where(*about.of(form, case))
    rows = session.execute(columns.order_by(about.first.desc()))
    own = [Option(number, first, _last(form, about, end)) for number, first, end in rows]
    return [*(it._replace(about=form.also) for it in others), *own]


def _last(form: Form, about: "_About", end: datetime | date) -> datetime | date | None:
    """When it ends; of an order, its last day."""
    if form.subject is Subject.ORDER and isinstance(end, datetime):
        return hours.last_day(end)
    return end if about.last is not None else None


def facts(session: Session, form: Form, case: Case, subject_id: int | None) -> dict[str, str]:
    """The facts of what the form is about; `NotFound` when that is not of this case and form."""
    about = _ABOUT.get(form.subject)
    if about is None:
        return {}
    return about.facts(_one(session, about, form, case, subject_id))


def steps(
    session: Session, form: Form, case: Case, subject_id: int | None
) -> list[tuple[str, str, str]]:
    """The steps of a search, in order: when, what with which outcome, who wrote it down."""
    if form.subject is not Subject.SEARCH:
        return []
    record = _one(session, _ABOUT[Subject.SEARCH], form, case, subject_id)
    return [
        (
            moment(step.happened_at),
            "：".join((TRIES[step.kind], step.outcome))
            + (f"（{step.evidence}）" if step.evidence else "")
            + "".join(f"（附件 SHA-256：{it.digest}）" for it in step.attachments),
            f"工号{step.made_by}",
        )
        for step in record.steps
    ]


@dataclass(frozen=True)
class _About:
    """A table that forms are about: its days, and how its facts are said."""

    kind: Any
    first: InstrumentedAttribute[Any]
    last: InstrumentedAttribute[Any] | None
    facts: Callable[[Any], dict[str, str]]

    def of(self, form: Form, case: Case) -> tuple[ColumnElement[bool], ...]:
        """What narrows it down to a case, and to the kind of it that the form is for."""
        mine = (self.kind.case_id == case.id, self.first.is_not(None))
        return (*mine, *(_NARROWED[form.subject](form) if form.only else ()))


def _measures(form: Form) -> tuple[ColumnElement[bool], ...]:
    """Measures of the form's kind; a letter says what was decided, so somebody decided it."""
    of_kind = Measure.kind == MeasureKind(form.only)
    if form.shape is not Shape.LETTER:
        return (of_kind,)
    return (of_kind, Measure.decided_at.is_not(None), Measure.state != MeasureState.REFUSED)


def _leaves(form: Form) -> tuple[ColumnElement[bool], ...]:
    return (Leave.regular.is_(form.only == REGULAR),)


def _requests(form: Form) -> tuple[ColumnElement[bool], ...]:
    """What is asked for or was granted; nobody approves what was taken back or needs no leave."""
    states = (RequestState.ASKED, RequestState.APPROVED)
    return (LeaveRequest.regular.is_(form.only == REGULAR), LeaveRequest.state.in_(states))


def _one(session: Session, about: _About, form: Form, case: Case, subject_id: int | None) -> Any:  # noqa: ANN401 - a row of the table
    found = session.scalar(
        select(about.kind).where(about.kind.id == subject_id, *about.of(form, case))
    )
    if found is None:
        raise NotFound("Choose what the form is about.", field="subject")
    return found


def _of_order(order: PositioningOrder) -> dict[str, str]:
    return {
        "ground": GROUNDS[order.ground],
        "evidence": order.evidence,
        "starts_at": day(order.starts_at),
        "ends_at": last_day(order),
        "lifted_at": day(order.lifted_at),
    }


def _of_leave(leave: Leave) -> dict[str, str]:
    return {
        "destination": destinations.called(leave.divisions),
        "starts_at": moment(leave.starts_at),
        "ends_at": moment(leave.ends_at),
        "days": str(leave_routes.days_of(leave.starts_at, leave.ends_at)),
        "reason": REASONS[leave.reason],
        "note": leave.note,
    }


def _of_request(request: LeaveRequest) -> dict[str, str]:
    proofs = len(request.proofs)
    return {
        "destination": destinations.called(request.divisions),
        "starts_at": moment(request.starts_at),
        "ends_at": moment(request.ends_at),
        "days": str(request.days),
        "reason": f"{REASONS[request.reason]}：{request.why}",
        "note": f"申请时提交{proofs}份" if proofs else "申请时未提交",
    }


def _of_measure(measure: Measure) -> dict[str, str]:
    return {
        "found": measure.found,
        "proofs": "；".join(f"{FACTS[it.kind]}第{it.reference}号" for it in measure.facts),
        "statement": measure.statement or "",
        "law": measure.law,
        "happened_on": day(measure.happened_on),
    }


def _of_search(record: SearchRecord) -> dict[str, str]:
    return {"since": day(record.since)}


_ABOUT: Mapping[Subject, _About] = {
    Subject.ORDER: _About(
        PositioningOrder, PositioningOrder.starts_at, PositioningOrder.ends_at, _of_order
    ),
    Subject.LEAVE: _About(Leave, Leave.starts_at, Leave.ends_at, _of_leave),
    Subject.REQUEST: _About(
        LeaveRequest, LeaveRequest.starts_at, LeaveRequest.ends_at, _of_request
    ),
    Subject.MEASURE: _About(Measure, Measure.happened_on, None, _of_measure),
    Subject.SEARCH: _About(SearchRecord, SearchRecord.since, None, _of_search),
}
_NARROWED: Mapping[Subject, Callable[[Form], tuple[ColumnElement[bool], ...]]] = {
    Subject.LEAVE: _leaves,
    Subject.REQUEST: _requests,
    Subject.MEASURE: _measures,
}
