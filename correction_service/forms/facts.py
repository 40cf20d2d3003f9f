"""The facts that stand in forms, in the Chinese of official papers whatever a page speaks."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.law import clock_rules
from models.case import LEGAL_ZONE, Case, Category, Level
from models.checkin import CheckInPlan
from models.identity import IdKind, Sex
from models.order import PositioningOrder

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
WEEKDAYS = "一二三四五六日"


def of_case(session: Session, case: Case) -> dict[str, str]:
    """What every form may say of a person and a case; the document number is opened elsewhere."""
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
        "report_by": day(clock_rules.report_by(session, case.effective_on)),
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


def day(at: datetime | date | None) -> str:
    """A legal day as papers write it; nothing where it is not known."""
    if at is None:
        return ""
    if isinstance(at, datetime):
        at = at.astimezone(LEGAL_ZONE).date()
    return f"{at.year}年{at.month}月{at.day}日"


def last_day(order: PositioningOrder) -> str:
    """The last day of an order, as papers write it."""
    return day(hours.last_day(order.ends_at))


def moment(at: datetime) -> str:
    """A moment as papers write it, by the legal clock."""
    return f"{day(at)}{at.astimezone(LEGAL_ZONE):%H时%M分}"
