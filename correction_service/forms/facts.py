"""The facts that stand in forms, in the Chinese of official papers whatever a page speaks."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TypeVar, assert_never

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.db import ring_of
from correction_service.forms.catalogue import Form, Subject
from correction_service.zones import destinations
from models.case import LEGAL_ZONE, Case, Category, Level
from models.checkin import CheckInPlan
from models.errors import NotFound
from models.identity import IdKind, Sex
from models.leave import Leave, LeaveReason
from models.order import Ground, PositioningOrder

CATEGORIES = {
    Category.PUBLIC_SURVEILLANCE: "管制",
    Category.SUSPENDED_SENTENCE: "缓刑",
    Category.PAROLE: "假释",
    Category.OUTSIDE_PRISON: "暂予监外执行",
}
SEXES = {Sex.FEMALE: "女", Sex.MALE: "男"}
LEVELS = {Level.STRICT: "严管", Level.ORDINARY: "普管", Level.LENIENT: "宽管"}
DOCUMENTS = {
    IdKind.RESIDENT: "公民身份",
    IdKind.PASSPORT: "护照",
    IdKind.HK_MACAO_PERMIT: "港澳居民来往内地通行证",
    IdKind.TAIWAN_PERMIT: "台湾居民来往大陆通行证",
    IdKind.OTHER: "证件",
}
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
WEEKDAYS = "一二三四五六日"
About = TypeVar("About", PositioningOrder, Leave)
SEALED = frozenset({"id_number"})  # a look at these is on the record


def gather(session: Session, form: Form, case: Case, subject_id: int | None) -> dict[str, str]:
    """The facts that a form asks for; `NotFound` when its order or leave is not of this case."""
    facts = _of_case(session, case)
    if "id_number" in form.facts:
        facts["id_number"] = case.person.reveal(ring_of(session), "id_number") or ""
    match form.subject:
        case Subject.CASE:
            return facts
        case Subject.ORDER:
            return facts | _of_order(_one(session, PositioningOrder, case, subject_id))
        case Subject.LEAVE:
            return facts | _of_leave(_one(session, Leave, case, subject_id))
    assert_never(form.subject)


def subjects(session: Session, form: Form, case: Case) -> list[tuple[int, datetime, datetime]]:
    """What of a case the form may be about, newest first: number, from and until when."""
    kinds: dict[Subject, type[PositioningOrder | Leave]] = {
        Subject.ORDER: PositioningOrder,
        Subject.LEAVE: Leave,
    }
    kind = kinds.get(form.subject)
    if kind is None:
        return []
    columns = select(kind.id, kind.starts_at, kind.ends_at).where(kind.case_id == case.id)
    return [tuple(row) for row in session.execute(columns.order_by(kind.starts_at.desc()))]


def _one(session: Session, kind: type[About], case: Case, subject_id: int | None) -> About:
    found = session.get(kind, subject_id) if subject_id is not None else None
    if found is None or found.case_id != case.id:
        raise NotFound("Choose what the form is about.", field="subject")
    return found


def _of_case(session: Session, case: Case) -> dict[str, str]:
    person = case.person
    return {
        "name": person.name,
        "sex": SEXES[person.sex],
        "born_on": day(person.born_on),
        "id_kind": DOCUMENTS[person.id_kind],
        "number": case.number,
        "category": CATEGORIES[case.category],
        "level": LEVELS[case.level],
        "authority": case.deciding_authority,
        "effective_on": day(case.effective_on),
        "report_by": day(case.report_by),
        "term_start": day(case.term_start),
        "term_end": day(case.term_end),
        "agency": case.agency.name,
        "office": case.office.name,
        "team": "、".join(member.name for member in case.team),
        "checkin_plan": _plan(session.get(CheckInPlan, case.id)),
    }


def _plan(plan: CheckInPlan | None) -> str:
    if plan is None:
        return ""
    days = "、".join(WEEKDAYS[int(digit) - 1] for digit in sorted(plan.weekdays))
    return f"每周{days}，{plan.opens:%H:%M}至{plan.closes:%H:%M}"


def _of_order(order: PositioningOrder) -> dict[str, str]:
    return {
        "ground": GROUNDS[order.ground],
        "evidence": order.evidence,
        "starts_at": day(order.starts_at),
        "ends_at": day(order.ends_at),
        "lifted_at": day(order.lifted_at),
    }


def _of_leave(leave: Leave) -> dict[str, str]:
    first, last = (at.astimezone(LEGAL_ZONE).date() for at in (leave.starts_at, leave.ends_at))
    return {
        "destination": destinations.called(leave.divisions),
        "starts_at": day(leave.starts_at),
        "ends_at": day(leave.ends_at),
        "days": str((last - first).days + 1),
        "reason": REASONS[leave.reason],
        "note": leave.note,
    }


def day(moment: datetime | date | None) -> str:
    """A legal day as papers write it; nothing where it is not known."""
    if moment is None:
        return ""
    if isinstance(moment, datetime):
        moment = moment.astimezone(LEGAL_ZONE).date()
    return f"{moment.year}年{moment.month}月{moment.day}日"


def revealed(facts: Mapping[str, str]) -> frozenset[str]:
    """Which sealed fields were opened for these facts."""
    return SEALED & facts.keys()
