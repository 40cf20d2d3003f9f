"""月度考核告知书 (LCC 28, IM 32): a closed month on paper, with every entry and how to object.

The paper follows from rows that never change, the month's edition and the ledger before its
`as_of`, so it is set whenever somebody asks and says the same each time; the edition is its number.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import typeset
from correction_service.assessment.months import Span
from correction_service.forms.facts import day
from models.assessment import PointsMonth, held
from models.case import LEGAL_ZONE, Case
from models.errors import NotFound
from models.points import PointsEntry

LAYOUT = "month_notice.typ"
TITLE = "社区矫正月度考核告知书"


def month_for(session: Session, case: Case, month_id: int) -> PointsMonth:
    """A closed month of a case; `NotFound` for one of somebody else."""
    month = session.get(PointsMonth, month_id)
    if month is None or month.case_id != case.id:
        raise NotFound("There is no such closed month.")
    return month


def paper(session: Session, case: Case, month: PointsMonth) -> dict[str, Any]:
    """What the paper of a closed month says."""
    rules = month.rulebook.rules
    return {
        "title": TITLE,
        "number": number(month),
        "to": case.person.name,
        "case": case.number,
        "month": f"{month.month.year}年{month.month.month}月",
        "days": month.days,
        "base": month.base,
        "held": month.held,
        "total": month.total,
        "edition": month.edition,
        "floor": rules["floor"],
        "cap": rules["cap"],
        "entries": _entries(session, month),
        "object_within": rules["objection_working_days"],
        "answer_within": rules["answer_working_days"],
        "rulebook": f"{month.rulebook.name} v{month.rulebook.version}",
        "agency": case.agency.name,
        "day": day(month.closed_at),
    }


def number(month: PointsMonth) -> str:
    """The paper's number: the year in which the month was closed, and the edition's own."""
    return f"〔{month.closed_at.astimezone(LEGAL_ZONE).year}〕考告字第{month.id}号"


def _entries(session: Session, month: PointsMonth) -> list[list[str]]:
    """Each entry that the close knew: day, item, points, reason, and whether it counts."""
    query = select(PointsEntry, held(month.as_of)).where(
        PointsEntry.case_id == month.case_id,
        PointsEntry.happened_on.between(month.month, Span(month.month, month.as_of).last),
        PointsEntry.made_at < month.as_of,
    )
    rows = session.execute(query.order_by(PointsEntry.happened_on, PointsEntry.id)).all()
    taken_back = {entry.reverses_id for entry, _ in rows}
    items = month.rulebook.rules["items"]
    return [
        [
            day(entry.happened_on),
            items.get(entry.item, {}).get("zh", entry.item),
            f"{entry.points:+d}",
            entry.reason,
            _standing(entry, aside=aside, taken_back=entry.id in taken_back),
        ]
        for entry, aside in rows
    ]


def _standing(entry: PointsEntry, *, aside: bool, taken_back: bool) -> str:
    if entry.reverses_id is not None:
        return "撤销前项"
    if taken_back:
        return "已撤销"
    return "异议中，暂不计" if aside else "计入"


def pdf(said: dict[str, Any], closed_at: datetime) -> bytes:
    """Set the paper as of the moment when the month was closed."""
    return typeset.pdf(__package__, LAYOUT, said, closed_at)
