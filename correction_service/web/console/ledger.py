"""What pages show of points: a month's balance, drafts that wait, the ledger with its reversals."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours
from correction_service.assessment import levels, months, objections
from correction_service.casework import by_hand, points
from correction_service.locale import chosen
from models.case import Case
from models.errors import Refused
from models.points import DraftState, PointsDraft, Rulebook


def month_of(text: str | None, today: date) -> date:
    """Read a month such as 2026-11; anything else is the present one."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)


def read(session: Session, case_id: int, month: date, now: datetime) -> dict[str, Any]:
    """Return what the points page of a case shows."""
    entries = points.ledger(session, case_id)
    waiting = select(PointsDraft).where(
        PointsDraft.case_id == case_id, PointsDraft.state == DraftState.DRAFT
    )
    rulebooks = {book.id: book for book in session.scalars(select(Rulebook))}
    drafts = session.scalars(waiting.options(joinedload(PointsDraft.rulebook)))
    return {
        "month": month,
        "balance": balance(session, case_id, month, now),
        "drafts": drafts.all(),
        "entries": entries,
        "reversed": {entry.reverses_id for entry in entries},
        "rulebooks": rulebooks,
        "months": months.of(session, case_id),
        "objections": objections.of(session, case_id),
        "suggestion": levels.open_of(session, case_id),
        "by_hand": _by_hand(session, case_id, now),
    }


def _by_hand(session: Session, case_id: int, now: datetime) -> list[tuple[str, str]]:
    """Return (code, words with the points) of what an officer may propose."""
    case = session.get_one(Case, case_id)
    return [
        (item, f"{book.points_for(item):+d} {word(book, item)}")
        for item, book in by_hand.choices(session, case, hours.local_day(now))
    ]


def balance(
    session: Session, case_id: int, month: date, now: datetime
) -> points.MonthBalance | None:
    """Return the month's balance; none where no rulebook was in force."""
    try:
        return points.balance(session, case_id, month, now)
    except Refused:
        return None


def word(rulebook: Rulebook, code: str) -> str:
    """Say an item of a rulebook in the reader's language."""
    return str(rulebook.rule(code)[chosen()])


def excuses(rulebook: Rulebook) -> list[tuple[str, str]]:
    """Return (code, words) of the reasons for which nothing is ever deducted."""
    return [(code, said[chosen()]) for code, said in rulebook.rules["protected"].items()]
